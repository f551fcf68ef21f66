/** What nftables can't say is said, with the word that asks for it; a file that avoids the word is free of it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NFT_CODES } from '../../../compiler/nftables/codes.ts';
import { complain } from '../../../compiler/nftables/complain.ts';
import { checkText, describe, unmark } from '../check/check-text.ts';

interface Case {
  readonly code: keyof typeof NFT_CODES;
  readonly bad: string;
  readonly good: string;
}

const NETWORK = `
interface wan = ppp0
interface lan = eth0
interface dmz = eth1
network home = 192.168.1.0/24 on lan
network servers = 192.168.2.0/24 on dmz
network base = fd01:203:405::/48 on lan
host yoda = 192.168.2.10
`;
const gateway = (lines: string): string => `gateway g {\n  default deny\n${lines}}\n`;
const masquerade = (lines: string, name = 'home-out'): string =>
  `${gateway('')}masquerade ${name} {\n  from home\n  interface wan\n${lines}}\n`;
const plain = masquerade('');
const map = (name: string, outside: string): string =>
  `${gateway('')}map ${name} {\n  interface wan\n  inside fd01:203:405::/48\n  outside ${outside}\n}\n`;

const CASES: readonly Case[] = [
  { code: 'dynamicPrefix', bad: `${gateway('')}network guests = 10.0.0.0/8, «dynamic» on dmz\n`, good: gateway('') },
  {
    code: 'dynamicPrefix',
    bad: `${map('m', 'dynamic').replace('outside dynamic', '«outside dynamic»')}`,
    good: gateway(''),
  },
  {
    code: 'mappingWord',
    bad: masquerade('  «mapping endpoint-independent»\n'),
    good: masquerade('  mapping address-and-port-dependent\n'),
  },
  { code: 'mappingWord', bad: masquerade('  «filtering endpoint-independent»\n'), good: plain },
  {
    code: 'mappingDefault',
    bad: masquerade('', '«home-out»'),
    good: masquerade('  mapping address-and-port-dependent\n'),
  },
  { code: 'refreshOutbound', bad: masquerade('  «refresh outbound»\n'), good: masquerade('  refresh both\n') },
  {
    code: 'portLimit',
    bad: masquerade('  «limit 100 ports per source»\n'),
    good: masquerade('  limit 100 flows per source\n'),
  },
  { code: 'prefixTranslation', bad: map('«m»', '2001:db8:1::/48'), good: map('m', 'fd02:203:404::/48') },
  { code: 'flowsWord', bad: gateway('  «flows 1000»\n'), good: gateway('') },
  {
    code: 'timeoutWord',
    bad: gateway('  timeout udp 90s, «icmp 90s»\n'),
    good: gateway('  timeout udp 90s, tcp 1h\n'),
  },
  {
    code: 'timeoutDefault',
    bad: 'gateway «g» {\n  default deny\n}\n',
    good: gateway('  timeout other 1h\n'),
  },
  { code: 'establishedWord', bad: gateway('  «established flush»\n'), good: gateway('  established keep\n') },
  { code: 'establishedDefault', bad: 'gateway «g» {\n  default deny\n}\n', good: gateway('  established keep\n') },
  { code: 'allocationLog', bad: masquerade('  «log»\n'), good: plain },
  {
    code: 'alikeInterfaces',
    bad: `${gateway('')}interface other = eth9\n«redirect www» {\n  interface wan\n  listen tcp 80 to yoda\n  allow from any\n}\n`,
    good: `${gateway('')}interface other = eth9\nnetwork there = 10.9.0.0/16 on other\nredirect www {\n  interface wan\n  listen tcp 80 to yoda\n  allow from any\n}\n`,
  },
  {
    code: 'pairing',
    bad: masquerade('  «address 203.0.113.4-203.0.113.9»\n'),
    good: masquerade('  address 203.0.113.4\n'),
  },
  {
    code: 'untrackedIcmp',
    bad: `${gateway('')}policy p from lan to dmz {\n  «allow icmp router-solicitation»\n  default deny\n}\n`,
    good: `${gateway('')}policy p from lan to dmz {\n  deny icmp router-solicitation\n  allow icmp echo-request\n  default deny\n}\n`,
  },
  { code: 'portsKeep', bad: masquerade('  ports «keep»\n'), good: masquerade('  ports 20000-29999\n') },
];

const test = suite('what nftables can not say');

for (const { code, bad, good } of CASES) {
  const { code: number, severity } = NFT_CODES[code];
  test(`${number} (${code}): ${bad.match(/«([^»]*)»/)?.[1]}`, () => {
    const { text, places } = unmark(NETWORK + bad);
    const checked = checkText(text);
    assert.ok(checked.model, describe(checked.diagnostics));
    const found = complain(checked.model, [checked.document]).filter((one) => one.code === number);
    assert.equal(
      found.map(({ span, severity: as }) => [text.slice(span.start, span.end), span.start, as]),
      places.map(({ start, end }) => [text.slice(start, end), start, severity]),
    );
    for (const { message, expected = '' } of found) {
      assert.not.match(`${message} ${expected}`, /undefined|null|\[object|NaN/);
    }
  });
  test(`${number} (${code}) is silent where it should be`, () => {
    const { text } = unmark(NETWORK + good);
    const checked = checkText(text);
    assert.ok(checked.model, describe(checked.diagnostics));
    assert.not.ok(complain(checked.model, [checked.document]).some((one) => one.code === number));
  });
}

test('has a case for every code', () => {
  const cased = new Set<string>(CASES.map(({ code }) => code));
  assert.equal(
    Object.keys(NFT_CODES).filter((code) => !cased.has(code)),
    [],
  );
});

test.run();
