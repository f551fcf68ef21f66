import * as fc from 'fast-check';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { check } from '../../../compiler/check/check.ts';
import { parse } from '../../../grammar/parse.ts';
import { checkText, describe, GATEWAY, NETWORK } from './check-text.ts';

const suite = makeSuite('hard texts');

const policy = (count: number, line: (i: number) => string): string =>
  `${GATEWAY}${NETWORK}policy p from lan to dmz {\n${Array.from({ length: count }, (_, i) => `  ${line(i)}\n`).join('')}  default deny\n}\n`;

/** CPU milliseconds: the machine may be busy with other things. */
function timeCheck(text: string): { ms: number; errors: string } {
  const source = { file: 'x.masq', text };
  const document = parse(source);
  const before = process.cpuUsage();
  const { diagnostics } = check([document], { sources: [source] });
  const { user } = process.cpuUsage(before);
  return { ms: user / 1000, errors: describe(diagnostics.filter(({ severity }) => severity === 'error')) };
}

const SHAPES: Readonly<Record<string, (i: number) => string>> = {
  'hosts and ports': (i) =>
    `allow tcp ${1 + i} from 10.${i >> 16}.${(i >> 8) & 255}.${i & 255} to 192.168.2.${1 + (i % 250)}`,
  'one port, many networks': (i) => `deny tcp 443 from 10.${i >> 8}.${i & 255}.0/24`,
  'ports that hold each other': (i) => `deny tcp ${20000 - i}-${40000 + i}`,
};

for (const [name, line] of Object.entries(SHAPES)) {
  suite(`checks 10,000 rules in half a second: ${name}`, () => {
    const { ms, errors } = timeCheck(policy(10_000, line));
    assert.is(errors, '');
    assert.ok(ms < 500, `${ms} ms`);
  });
}

suite('compares 5,000 redirects at as many addresses, and at one', () => {
  const apart = Array.from(
    { length: 5000 },
    (_, i) =>
      `redirect r${i} {\n  interface wan\n  address 203.0.${i >> 8}.${i & 255}\n  listen tcp 80 to leia\n  allow from any\n}\n`,
  );
  const together = Array.from(
    { length: 5000 },
    (_, i) => `redirect r${i} {\n  interface wan\n  listen udp ${i + 1} to leia\n  allow from any\n}\n`,
  );
  for (const redirects of [apart, together]) {
    const { ms, errors } = timeCheck(GATEWAY + NETWORK + redirects.join(''));
    assert.is(errors, '');
    assert.ok(ms < 1000, `${ms} ms`);
  }
});

suite('follows sets 20,000 deep, in any order of declaration', () => {
  const sets = Array.from({ length: 20_000 }, (_, i) => `set s${i} = s${i + 1}\n`).join('');
  const { ms, errors } = timeCheck(`${GATEWAY}${NETWORK}${sets}set s20000 = han\n`);
  assert.is(errors, '');
  assert.ok(ms < 1000, `${ms} ms`);
});

suite('does not double with every level of services', () => {
  const level = (i: number) => `service a${i} = a${i - 1}, b${i - 1}\nservice b${i} = a${i - 1}, b${i - 1}\n`;
  const services = Array.from({ length: 60 }, (_, i) => level(i + 1)).join('');
  const { ms, errors } = timeCheck(`${GATEWAY}${NETWORK}${services}service a0 = web\nservice b0 = udp 53\n`);
  assert.is(errors, '');
  assert.ok(ms < 500, `${ms} ms`);
});

suite('says 5,000 unknown names among 5,000 known ones, without looking for what was meant each time', () => {
  const hosts = Array.from({ length: 5000 }, (_, i) => `host host-${i} = 10.0.${i >> 8}.${i & 255}\n`).join('');
  const { ms, errors } = timeCheck(policy(5000, (i) => `allow web from hsot-${i}`) + hosts);
  assert.is(errors.split('\n').length, 5000);
  assert.ok(ms < 2000, `${ms} ms`);
});

suite('takes a set of 100,000 prefixes, and 5,000 networks with 5,000 hosts', () => {
  const prefixes = Array.from({ length: 100_000 }, (_, i) => `10.${i >> 14}.${(i >> 6) & 255}.${(i & 63) * 4}/31`);
  const set = timeCheck(`${policy(1, () => 'deny from s')}set s = ${prefixes.join(', ')}\n`);
  assert.is(set.errors, '');
  assert.ok(set.ms < 1500, `${set.ms} ms`);
  const lived = Array.from(
    { length: 5000 },
    (_, i) => `network n${i} = 10.${i >> 8}.${i & 255}.0/24 on lan\nhost h${i} = 10.${i >> 8}.${i & 255}.1\n`,
  );
  const networks = timeCheck(policy(1, () => 'deny from han') + lived.join(''));
  assert.is(networks.errors, '');
  assert.ok(networks.ms < 1000, `${networks.ms} ms`);
});

const word = fc.constantFrom(
  ...'gateway interface zone network host set service policy masquerade redirect expect include wan lan dmz home yoda han web any self except from to on is by as allow deny reject default log limit tcp udp icmp gre echo-request 80 443 6000-6010 10.0.0.0/8 192.168.1.1 2001:db8::/32 "x" = , : { } listen ports address denied masqueraded redirected timeout 5m flows datapath ebpf'.split(
    ' ',
  ),
  '\n',
  '\n',
);

suite('never throws, and points into the text', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), (words) => {
      const text = `${GATEWAY}${NETWORK}${words.join(' ')}\n`;
      for (const { span, message } of checkText(text).diagnostics) {
        assert.ok(span.start >= 0 && span.start <= span.end && span.end <= text.length, message);
        assert.not.match(message, /undefined|\[object/);
      }
    }),
    { numRuns: 500 },
  );
});

suite.run();
