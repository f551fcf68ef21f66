/** Which files need tables for IPv6. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../compiler/compile.ts';
import { carriesIpv6 } from '../../../compiler/diagram/ipv6.ts';

const test = suite('files that carry IPv6');

const carries = (lines: string): boolean => {
  const text = `gateway g {\n  default deny\n}\ninterface wan = ppp0\ninterface lan = eth0\n${lines}\n`;
  const { diagram, diagnostics } = compile('g.masq', () => ({ text }));
  if (diagram === null) throw new Error(JSON.stringify(diagnostics));
  return carriesIpv6(diagram);
};
const policy = (line: string): string => `policy p from lan to wan {\n  ${line}\n  default deny\n}`;

test('a line without addresses is for both families', () => {
  assert.ok(carries(policy('allow tcp 80')));
  assert.ok(carries(policy('reject tcp 25')), 'an answer is something');
});
test('lines that name IPv4 only, and a default that drops, do nothing with IPv6', () => {
  assert.not(carries(policy('allow tcp 80 from 192.168.1.0/24')));
  assert.not(carries(policy('deny tcp 80')), 'it would be dropped anyway');
});
test('one address of IPv6 that is let in is enough', () => {
  assert.ok(carries(policy('allow tcp 80 to 192.0.2.1, 2001:db8::1')));
  const redirect = (target: string) =>
    `host h = ${target}\nredirect r {\n  interface wan\n  listen tcp 80 to h\n  allow from any\n}`;
  assert.ok(carries(redirect('2001:db8::1')));
  assert.not(carries(redirect('192.168.1.5')));
});

test.run();
