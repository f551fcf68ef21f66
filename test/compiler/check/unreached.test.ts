import * as fc from 'fast-check';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkText, describe } from './check-text.ts';

const suite = makeSuite('lines that are never reached');

const HEAD = `
gateway g {
  default deny
}
interface wan = eth0
interface lan = eth1
interface dmz = eth2
`;

interface Packet {
  readonly in: string;
  readonly service: string;
  readonly from: number;
  readonly to: number;
}
/** A part of a rule: how it is written, and which packets it admits. */
interface Clause {
  readonly text: string;
  readonly admits: (packet: Packet) => boolean;
}

const SERVICES: readonly Clause[] = [
  { text: '', admits: () => true },
  { text: 'tcp 80', admits: ({ service }) => service === 'tcp 80' },
  { text: 'tcp 80-81', admits: ({ service }) => service === 'tcp 80' || service === 'tcp 81' },
  { text: 'tcp 1-65535', admits: ({ service }) => service.startsWith('tcp') },
  { text: 'tcp 81, udp 80', admits: ({ service }) => service === 'tcp 81' || service === 'udp 80' },
  { text: 'icmp echo-request', admits: ({ service }) => service === 'ping' },
  { text: 'icmp', admits: ({ service }) => service === 'ping' || service === 'pong' },
];
const ADDRESSES = [0, 1, 2, 3, 8] as const; // 10.0.0.x
const sides = (side: 'from' | 'to'): readonly Clause[] => {
  const within = (text: string, ...values: readonly number[]): Clause => ({
    text: `${side} ${text}`,
    admits: (packet) => values.includes(packet[side]),
  });
  return [
    { text: '', admits: () => true },
    within('10.0.0.0/30', 0, 1, 2, 3),
    within('10.0.0.0/31', 0, 1),
    within('10.0.0.2-10.0.0.3', 2, 3),
    within('10.0.0.1', 1),
    within('10.0.0.0/30 except 10.0.0.1', 0, 2, 3),
    within('0.0.0.0/0 except 10.0.0.0/31', 2, 3, 8),
  ];
};
const PLACES: readonly Clause[] = [
  { text: 'from lan', admits: (packet) => packet.in === 'lan' },
  { text: 'from dmz, 10.0.0.1', admits: (packet) => packet.in === 'dmz' || packet.from === 1 },
  { text: 'from any except lan', admits: (packet) => packet.in !== 'lan' },
  { text: 'from lan, 10.0.0.0/31 except 10.0.0.0', admits: (p) => (p.in === 'lan' || p.from === 1) && p.from !== 0 },
];

const PACKETS: readonly Packet[] = ['lan', 'dmz'].flatMap((place) =>
  ['tcp 80', 'tcp 81', 'tcp 9', 'udp 80', 'udp 9', 'ping', 'pong', 'gre'].flatMap((service) =>
    ADDRESSES.flatMap((from) => ADDRESSES.map((to) => ({ in: place, service, from, to }))),
  ),
);

const rule = fc.record({
  action: fc.constantFrom('allow', 'deny'),
  service: fc.constantFrom(...SERVICES),
  from: fc.constantFrom(...sides('from'), ...PLACES),
  to: fc.constantFrom(...sides('to')),
});

suite('are found exactly', () => {
  let found = 0;
  fc.assert(
    fc.property(fc.array(rule, { minLength: 2, maxLength: 8 }), (rules) => {
      const said = rules.filter(({ service, from, to }) => `${service.text}${from.text}${to.text}` !== '');
      // IPv6 alone would keep a line reached whose other packets are all taken.
      const lines = said.map(({ action, service, from, to }) => `  ${action} ${service.text} ${from.text} ${to.text}`);
      const text = `${HEAD}policy p from lan, dmz to wan {\n  deny from 2000::/3\n  deny from ::/3, 4000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n${lines.join('\n')}\n  default deny\n}\n`;
      const first = text.split('\n').findIndex((line) => line.startsWith('  deny from ::/3')) + 2;
      const { diagnostics } = checkText(text);
      const reported = diagnostics.filter(({ code }) => code === 'MQ401').map(({ span }) => span.line - first);
      const expected: number[] = [];
      let left = PACKETS;
      said.forEach(({ service, from, to }, i) => {
        const admits = (packet: Packet) => service.admits(packet) && from.admits(packet) && to.admits(packet);
        if (!left.some(admits)) expected.push(i);
        left = left.filter((packet) => !admits(packet));
      });
      found += expected.length;
      assert.equal(reported, expected, `${text}\n${describe(diagnostics)}`);
    }),
    { numRuns: 400, seed: 7 },
  );
  assert.ok(found > 100, 'the cases must hold such lines');
});

suite('name the lines that take their packets', () => {
  const text = `${HEAD}policy p from lan to wan {\n  deny tcp 1-1000\n  deny tcp 1001-2000\n  allow tcp 22\n  allow tcp 900-1100\n  default deny\n}\n`;
  const related = checkText(text)
    .diagnostics.filter(({ code }) => code === 'MQ401')
    .map((one) => one.related.map(({ span }) => text.slice(span.start, span.end)));
  assert.equal(related, [['deny tcp 1-1000'], ['deny tcp 1-1000', 'deny tcp 1001-2000']]);
});

suite('are sought in a thousand lines in well under a second', () => {
  const own = Array.from({ length: 20 }, (_, i) => `  deny tcp ${1000 + i} from 203.0.${i}.0/24\n`).join('');
  const listens = Array.from({ length: 100 }, (_, i) => `  listen tcp ${9000 + i} to 10.0.2.${i}\n`).join('');
  const policy = (name: string, ways: string, first: number) => {
    const lines = Array.from({ length: 250 }, (_, i) => {
      const host = `10.0.${first}.${i}`;
      return `  ${i % 9 === 0 ? 'deny' : 'allow'} tcp ${i % 3 === 0 ? '22' : '80, 443'} from ${host} to 192.0.${i}.0/24\n`;
    });
    return `policy ${name} from ${ways} {\n${lines.join('')}  default deny\n}\n`;
  };
  const policies = ['lan to wan', 'dmz to wan', 'lan to dmz', 'dmz to lan'].map((ways, i) => policy(`p${i}`, ways, i));
  const head = HEAD.replace('default deny\n', `default deny\n${own}`);
  const text = `${head}redirect r {\n  interface wan\n${listens}  allow from any\n}\n${policies.join('')}`;
  checkText(text);
  const start = performance.now();
  const { diagnostics } = checkText(text);
  assert.ok(performance.now() - start < 1500, 'even on a machine that is busy');
  assert.equal(describe(diagnostics.filter(({ code }) => code !== 'MQ407')), '');
});

suite.run();
