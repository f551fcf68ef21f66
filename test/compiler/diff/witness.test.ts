import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compare } from '../../../compiler/diff/diff.ts';
import { sideOf } from './gateways.ts';

const test = suite('a difference that few packets show');
const gateway = (line: string, more = '') => `gateway g {
  default deny
}
interface wan = eth0
interface lan = eth1
${more}
policy out from lan to wan {
  ${line}
  default deny
}
`;
const changes = (before: string, after: string, files: readonly Record<string, string>[] = [{}, {}]) =>
  compare(sideOf(before, files[0]), sideOf(after, files[1])).differences.map(({ change }) => change);

test('is found where a protocol is the only one', () => {
  assert.equal(changes(gateway(''), gateway('allow icmp timestamp-request')), ['opens']);
  assert.equal(changes(gateway('allow esp'), gateway('allow gre, esp')), ['opens']);
});

test('is found in a set of a file', () => {
  const text = gateway('allow tcp 80 to file "a.txt"');
  assert.equal(changes(text, text, [{ 'a.txt': '192.0.2.1\n' }, { 'a.txt': '192.0.2.1\n192.0.2.9\n' }]), ['opens']);
  assert.equal(changes(text, text, [{ 'a.txt': '192.0.2.0\n192.0.2.1\n' }, { 'a.txt': '192.0.2.0/31\n' }]), []);
});

test('is found at an interface that only one file declares', () => {
  const more = 'interface dmz = eth2\npolicy in from dmz to wan {\n  allow tcp 22\n  default deny\n}';
  assert.ok(changes(gateway(''), gateway('', more)).includes('opens'));
});

test.run();
