import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mendAll } from '../../compiler/mend.ts';
import { parse } from '../../grammar/parse.ts';
import { mutate } from '../grammar/mutate.ts';
import { shape } from '../grammar/read.ts';
import { GATEWAY, NETWORK } from './check/check-text.ts';

const test = suite('mend');

function mend(text: string, others: Readonly<Record<string, string>> = {}) {
  const files: Readonly<Record<string, string>> = { 'a.masq': text, ...others };
  const mended = mendAll('a.masq', (path) => {
    const found = files[path];
    return found === undefined ? { problem: 'does not exist' } : { text: found };
  });
  return { ...mended, text: mended.texts.get('a.masq') ?? text };
}
/** What becomes of lines below the usual network. */
function mendLines(lines: string): string {
  const above = NETWORK + GATEWAY;
  const { text } = mend(above + lines);
  assert.is(text.slice(0, above.length), above, 'what was right is as it was');
  return text.slice(above.length);
}
const rule = (line: string): string => `policy p from lan to wan {\n  ${line}\n  default deny\n}\n`;
const redirect = (line: string): string => `redirect r {\n  interface wan\n  ${line}\n  allow from partners\n}\n`;

/** What is certain. */
const certain: readonly (readonly [wrong: string, right: string])[] = [
  ['zone z = lan;\n', 'zone z = lan\n'],
  ['zone z = lan // c\n', 'zone z = lan # c\n'],
  ['zone z = lan dmz\n', 'zone z = lan, dmz\n'],
  ['zone z = lan and dmz\n', 'zone z = lan, dmz\n'],
  ['zone z lan\n', 'zone z = lan\n'],
  ['zone z = lan # \u202ea\n', 'zone z = lan # a\n'],
  ['zoen z = lan\n', 'zone z = lan\n'],
  ['zone z = "lan"\n', 'zone z = lan\n'],
  ['include hosts\n', 'include "hosts"\n'],
  ['service s = tcp 80 443\n', 'service s = tcp 80, 443\n'],
  ['service s = tcp 80 - 443\n', 'service s = tcp 80-443\n'],
  ['service s = tcp 80:443\n', 'service s = tcp 80-443\n'],
  ['host h = [2001:db8::1]\n', 'host h = 2001:db8::1\n'],
  ['network n = 10.0.0.7/24 on dmz\n', 'network n = 10.0.0.0/24 on dmz\n'],
  [rule('accept tcp 80'), rule('allow tcp 80')],
  [rule('drop tcp 80 form hna'), rule('deny tcp 80 from hna')],
  [rule('allow tcp 80 from partnres'), rule('allow tcp 80 from partners')],
  [rule('allow to servers tcp 80'), rule('allow tcp 80 to servers')],
  [rule('allow tcp 25 limit 10 per minute'), rule('allow tcp 25 limit 10/minute')],
  [rule('deny tcp 25 log 10/min'), rule('deny tcp 25 log 10/minute')],
  [rule('allow icmp ping'), rule('allow icmp echo-request')],
  [rule('deny tcp 25 deny tcp 26'), rule('deny tcp 25 \ndeny tcp 26')],
  [redirect('listen tcp 80 to yoda : 80'), redirect('listen tcp 80 to yoda:80')],
  [redirect('lisen tcp 80 to yoda'), redirect('listen tcp 80 to yoda')],
  ['masquerade m\n  from home\n  interface wan\n}\n', 'masquerade m {\n  from home\n  interface wan\n}\n'],
  [
    'masquerade m {\n  from home\n  interface wan\nzone z = lan\n',
    'masquerade m {\n  from home\n  interface wan\n}\nzone z = lan\n',
  ],
];
for (const [wrong, right] of certain) test(`mends ${JSON.stringify(wrong)}`, () => assert.is(mendLines(wrong), right));

/** What somebody could have meant otherwise: told, with what may be done about it, and left alone. */
const uncertain: readonly string[] = [
  rule('allow tcp 22 from home servers'), // a comma, or `to`
  rule('allow tcp 22 from 198.51.100.7/24'), // a machine, or all its neighbours
  'set s = 198.51.100.7/24\n',
  rule('allow tcp 90-80'),
  rule('allow tcp 80, from lan'), // what stood after the comma?
  rule('allow tcp'),
  rule('allow'),
  rule('deny from 192.168.l.10'),
  rule('allow tcp 22 from hen'), // a short name
  'host web1 = 192.168.1.7\nhost web2 = 192.168.1.8\n'.concat(rule('allow tcp 22 to web3')),
  'host alfa1 = 192.168.1.7\n'.concat(rule('allow tcp 22 to alfa2')),
  'host alfa = 192.168.1.7\nhost alfe = 192.168.1.8\n'.concat(rule('allow tcp 22 to alfi')),
  rule('allow tcp 22 from partnres').concat('set q = partnres\n'), // said twice: the declaration may be wrong
  rule('default masquerade'),
  'zone z = lan,\n\nzone y = dmz\n',
  '}\n',
  redirect('listen tcp 80 to 2001:db8::80'),
  'policy p from lan to wan {\n  allow tcp 80\n}\n',
  'expect "a\n  wait 5\n}\n',
];
for (const text of uncertain) test(`leaves ${JSON.stringify(text)}`, () => assert.is(mendLines(text), text));

test('`default allow` of a gateway is not mended: that is for its admin to say', () => {
  const text = 'gateway g {\n  default allow\n}\n';
  assert.is(mend(text).text, text);
});
test('one mend may bring the next mistake of a line to light', () => {
  const { mends, text } = mend('gateway g {\n  default deny\n}\niface  wan : ppp0 ;\n');
  assert.is(text, 'gateway g {\n  default deny\n}\ninterface  wan : ppp0 \n');
  assert.equal(
    mends.map(({ before, after }) => [before, after]),
    [
      ['iface  wan : ppp0 ;', 'iface  wan : ppp0 '],
      ['iface  wan : ppp0 ', 'interface  wan : ppp0 '],
    ],
  );
});
test('included files are mended too; the others are not given back', () => {
  const { texts, compiled } = mend('include "b.masq"\ninclude "c.masq"\ngateway g {\n  default deny\n}\n', {
    'b.masq': 'iface wan = ppp0\n',
    'c.masq': 'interface lan = eth0\n',
  });
  assert.equal([...texts], [['b.masq', 'interface wan = ppp0\n']]);
  assert.ok(compiled.model);
});
test('line ends of Windows and a mark of byte order stay', () => {
  const { text } = mend('\uFEFFgateway g {\r\n  default deny;\r\n}\r\niface wan = ppp0\r\n');
  assert.is(text, '\uFEFFgateway g {\r\n  default deny\r\n}\r\ninterface wan = ppp0\r\n');
});
test('a file is read once, so that it may be a pipe', () => {
  let times = 0;
  mendAll('a.masq', () => {
    times++;
    return { text: 'gateway g {\n  default deny;\n}\n' };
  });
  assert.is(times, 1);
});

/** All words of a text, without what is between them. */
const words = (text: string): string => text.replaceAll(/\s+/g, '');
for (const name of ['discreet', 'nptv6']) {
  test(`examples/${name}.masq: one word missing or misspelt is mended right, or left alone`, () => {
    const source = readFileSync(new URL(`../../examples/${name}.masq`, import.meta.url), 'utf8');
    let mended = 0;
    for (const { text, kind, image, line } of mutate(source)) {
      const result = mend(text);
      if (result.mends.length === 0) continue;
      mended++;
      if (words(result.text) === words(source)) continue;
      // A misspelt declaration with one use is the same by another name; a missing brace is put before the next line.
      const [own, other] = [result.text, source].map((one) => shape(parse({ file: 'a', text: one }).declarations));
      const renamed = kind === 'misspell' && JSON.stringify(own).length === JSON.stringify(other).length;
      assert.ok(result.compiled.model !== null && renamed, `${line}: ${kind} ${image}\n${result.text}`);
    }
    assert.ok(mended > 60, String(mended));
  });
}

test.run();
