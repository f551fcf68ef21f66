import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compare } from '../../../compiler/diff/diff.ts';
import { namesOf } from '../../../runtime/diff/names.ts';
import { describeBox } from '../../../runtime/diff/words.ts';
import { sideOf } from '../../compiler/diff/gateways.ts';

const test = suite('names in differences');
const gateway = (line: string, things: string) => `gateway g {
  default deny
}
interface wan = eth0
interface lan = eth1
${things}
policy out from lan to wan {
  ${line}
  default deny
}
`;
const things = `host yoda = 192.0.2.10
set friends = 198.51.100.0/25, 203.0.113.9
service web = tcp 80, 443
service dns = udp 53, tcp 53`;

function boxes(line: string, before = things, after = things): string[] {
  const [a, b] = [sideOf(gateway('', before)), sideOf(gateway(line, after))];
  const comparison = compare(a, b);
  const names = namesOf([a.declared, b.declared]);
  return comparison.differences.map(({ box }) => describeBox(box, comparison, names));
}

test('stand for hosts, sets and services', () => {
  assert.equal(boxes('allow tcp 443, 80 from 192.0.2.10 to friends'), ['web · lan → wan · from yoda to friends']);
  assert.equal(boxes('allow dns to 203.0.113.9, 198.51.100.0/25, 10.0.0.1'), [
    'dns · lan → wan · from any to friends, 10.0.0.1',
  ]);
  assert.equal(boxes('allow tcp 22 from any except friends to yoda'), [
    'tcp 22 · lan → wan · from any but friends to yoda',
  ]);
});

test('are not for something else than they stand for', () => {
  assert.equal(boxes('allow tcp 80 to 203.0.113.9'), ['tcp 80 · lan → wan · from any to 203.0.113.9']);
  assert.equal(boxes('allow udp 53 to 192.0.2.11'), ['udp 53 · lan → wan · from any to 192.0.2.11']);
  const other = things.replace('192.0.2.10', '192.0.2.11').replace('80, 443', '80, 8080');
  assert.equal(boxes('allow tcp 80, 443 to 192.0.2.10', things, other), [
    'tcp 80, 443 · lan → wan · from any to 192.0.2.10',
  ]);
});

test.run();
