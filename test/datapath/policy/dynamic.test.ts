/** Prefixes that change, in the kernel: each packet meets one view of them, and what has no prefix now is shut. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../compiler/compile.ts';
import { tableValues, walk, walkForward } from '../../../compiler/diagram/walk.ts';
import { fillTable, fillValue, type Now } from '../../../compiler/dynamic.ts';
import { emitPolicy } from '../../../compiler/ebpf/emit.ts';
import { readAddress } from '../../../grammar/address.ts';
import { needs } from '../../lab/skip.ts';
import { type Members, PolicyInKernel } from './policy-in-kernel.ts';

needs('linux', 'root', 'btf');

const TEXT = `
gateway g { default reject }
interface wan  = eth0
interface lan  = eth1
interface cell = eth2
network home   = 2001:db8:1:8000::/49, 192.168.1.0/24, dynamic on lan
network guests = dynamic on cell
network up     = dynamic on wan
host nas = 192.168.1.20, ::20 in home
host web = 0.0.0.80 in guests, ::80 in guests
set both = guests, nas, 198.51.100.0/24
policy out from lan, cell to wan {
  deny tcp 25 from home except nas
  allow from both
  default deny
}
policy in from wan to lan, cell {
  allow tcp 443 to web
  allow tcp 80 from up to both except nas
  default deny
}
masquerade hide {
  from home, guests
  interface wan
}
redirect mail {
  interface wan
  listen tcp 25 to nas
  listen tcp 26 to web:25
  allow from any
}
map provider {
  interface cell
  inside fd00:5::/60
  outside up
}
`;
const { model, diagram } = compile('g.masq', () => ({ text: TEXT }));
if (model === null || diagram === null) throw new Error('the file is wrong');

const VIEWS: readonly (readonly [string, Now])[] = [
  ['nothing', new Map()],
  [
    'one prefix each',
    new Map([
      [1, ['203.0.113.0/24', '2001:db8:9::/56']],
      [2, ['192.168.1.0/24', '2001:db8:1::/48']],
      [3, ['10.3.0.0/16', '2001:db8:1:8001::/64']],
    ]),
  ],
  [
    'several, one within another, and the same on two interfaces',
    new Map([
      [1, ['192.168.0.0/16', '2001:db8:1:8001::/64', '2001:db8:9::/48']],
      [2, ['2001:db8:2::/64', '2001:db8:1::/64', 'fd00:5::/64']],
      [3, ['2001:db8:2::/64', '2001:db8:1:1::/64', '192.168.1.16/28']],
    ]),
  ],
];
const POINTS = {
  4: [
    '192.168.1.20',
    '192.168.1.7',
    '192.168.1.80',
    '192.168.7.1',
    '203.0.113.9',
    '10.3.0.80',
    '10.3.0.7',
    '198.51.100.1',
  ],
  6: [
    ...['2001:db8:1::20', '2001:db8:1::7', '2001:db8:1:8000::20', '2001:db8:1:8001::80', '2001:db8:1:8001::7'],
    ...[
      '2001:db8:2::20',
      '2001:db8:2::80',
      '2001:db8:9::5',
      '2001:db8:9:0:1::',
      'fd00:5::20',
      'fd00:5:0:7::9',
      '::20',
      '2001:db8:1:1::80',
    ],
  ],
} as const;
const words = (value: bigint, family: 4 | 6): number[] =>
  family === 4 ? [Number(value), 0, 0, 0] : [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffff_ffffn));
const packetOf = (family: 4 | 6) => {
  const point = fc.constantFrom(...POINTS[family].map((one) => readAddress(one, family) ?? 0n));
  return fc.record({
    family: fc.constant(family),
    in: fc.constantFrom(1, 2, 3),
    out: fc.constantFrom(0, 1, 2, 3),
    own: fc.constantFrom(0, 0, 1),
    protocol: fc.constantFrom(6, 17),
    dport: fc.constantFrom(25, 26, 80, 443),
    saddr: point,
    daddr: point,
  });
};
const VERDICTS = { continue: 0, allow: 1, deny: 2, reject: 3, redirect: 4, forged: 5, untranslated: 6, map: 7 };

const test = suite('prefixes that change, in the kernel');
const kernel = new PolicyInKernel();
test.after(() => kernel.close());
const zero: Members = Object.fromEntries(
  kernel.layout.members.map(({ name, count }) => [name, count === 1 ? 0 : Array(count).fill(0)]),
);

/** What the diagram says where the tables hold this, and the values where an answer needs them. */
function expected(now: Now, packet: Parameters<typeof walk>[1], family: 4 | 6): { ingress: string; forward: string } {
  const first = walk(diagram!.ingress, packet);
  const listen = model!.redirects
    .flatMap(({ listens }) => listens)
    .find(({ id }) => 'rule' in first && id === first.rule);
  const map = model!.maps[0]!;
  const number = first.verdict === 'redirect' ? listen?.value : first.verdict === 'map' ? map.follows?.value : null;
  const value = number == null ? null : fillValue(model!.values[number - 1]!, now);
  const shut = number != null && value === null;
  const target =
    value?.words ??
    (listen?.target.kind === 'address' && first.verdict === 'redirect' ? words(listen.target.address, family) : []);
  const rule = 'rule' in first ? first.rule : 0;
  const to = shut ? [] : first.verdict === 'map' ? words(map.inside.first, 6) : target;
  const adjust = first.verdict === 'map' ? (value?.in ?? 0) : 0;
  const then = walkForward(diagram!, packet);
  const outside = then.nat === map.id ? fillValue(model!.values[map.follows!.value - 1]!, now) : null;
  const lost = then.untranslated || (then.nat === map.id && outside === null);
  return {
    ingress: `${VERDICTS[shut ? 'deny' : first.verdict]} ${rule} ${pad(to)} ${adjust}`,
    forward: `${VERDICTS[lost ? 'untranslated' : then.verdict]} ${then.rule} ${lost ? 0 : then.nat} ${pad(outside?.words ?? [])} ${outside?.out ?? 0}`,
  };
}
const pad = (list: readonly number[]): string => [...list, 0, 0, 0, 0].slice(0, 4).join('.');

test('are answered by the view that counts, whatever else stands beside it', async () => {
  kernel.load(emitPolicy(model, diagram, kernel.layout, []));
  for (const [index, [, now]] of VIEWS.entries()) await kernel.fillView(model, index + 1, now);
  for (const [index, [name, now]] of VIEWS.entries()) {
    kernel.chooseView(index + 1);
    const tables = model.tables.map((table) => {
      return table.follows === null ? table : { ...table, addresses: fillTable(table.follows, now) };
    });
    const packets = fc.sample(fc.oneof(packetOf(4), packetOf(6), packetOf(6)), { numRuns: 3200, seed: 7 });
    const asked = packets.map(({ saddr, daddr, family, ...rest }) => {
      return { ...zero, ...rest, family, saddr: words(saddr, family), daddr: words(daddr, family) };
    });
    const should = packets.map((one) => {
      const { family, saddr, daddr } = one;
      const own = family === 4 ? { saddr4: saddr, daddr4: daddr } : { saddr6: saddr, daddr6: daddr };
      const rest = [one.in, one.out, one.own, one.protocol, one.dport].map(BigInt);
      const [by = 0n, out = 0n, gateway = 0n, protocol = 0n, dport = 0n] = rest;
      const values = tableValues({ tables }, family, saddr, daddr);
      return expected(
        now,
        { family: BigInt(family), in: by, out, own: gateway, protocol, dport, ...own, ...values },
        family,
      );
    });
    const ingress = kernel.ask('ingress', asked);
    assert.ok(
      ingress.every(({ view }) => view === index + 1),
      `${name}: all meet this view`,
    );
    assert.equal(
      ingress.map(({ verdict, rule, to_addr, adjust }) => `${verdict} ${rule} ${pad(to_addr as number[])} ${adjust}`),
      should.map((one) => one.ingress),
      name,
    );
    const forward = kernel.ask(
      'forward',
      asked.map((one) => ({ ...one, view: index + 1 })),
    );
    assert.equal(
      forward.map(
        (p) =>
          `${p.verdict} ${p.rule} ${p.nat} ${pad((p.nat === model.maps[0]?.id ? p.nat_addr : []) as number[])} ${p.adjust}`,
      ),
      should.map((one) => one.forward),
      name,
    );
    const kinds = new Set(ingress.map(({ verdict }) => verdict));
    for (const verdict of index === 0 ? [] : [VERDICTS.forged, VERDICTS.redirect, VERDICTS.map, VERDICTS.continue]) {
      assert.ok(kinds.has(verdict), `${name}: some packet has the verdict ${verdict}`);
    }
  }
});

const VLANS = 35;
test(`${VLANS} networks that change are as many tables in one map`, async () => {
  const ids = Array.from({ length: VLANS }, (_, i) => i + 2);
  const text = [
    'gateway g { default deny }',
    'interface wan = eth0',
    ...ids.map((id) => `interface v${id} = eth1.${id}\nnetwork n${id} = dynamic on v${id}`),
    ...ids.map((id) => `policy p${id} from v${id} to wan {\n  allow from n${id}\n  default reject\n}`),
  ].join('\n');
  const many = compile('g.masq', () => ({ text }));
  assert.ok(many.model !== null, JSON.stringify(many.diagnostics[0]));
  kernel.load(emitPolicy(many.model, many.diagram, kernel.layout, []));
  await kernel.fillView(many.model, 1, new Map(ids.map((id) => [id, [`2001:db8:${id.toString(16)}::/64`]])));
  kernel.chooseView(1);
  const asked = ids.flatMap((id) =>
    [id, id === 2 ? 3 : 2].map((prefix) => {
      return {
        ...zero,
        family: 6,
        in: id,
        out: 1,
        protocol: 6,
        dport: 80,
        view: 1,
        saddr: [0x20010db8, prefix << 16, 0, 9],
      };
    }),
  );
  const verdicts = (stage: 'ingress' | 'forward') => kernel.ask(stage, asked).map(({ verdict }) => verdict);
  assert.equal(
    verdicts('ingress'),
    ids.flatMap(() => [VERDICTS.continue, VERDICTS.forged]),
  );
  assert.equal(
    verdicts('forward'),
    ids.flatMap(() => [VERDICTS.allow, VERDICTS.reject]),
  );
});

test('a packet that no view was chosen for matches nothing that changes', () => {
  kernel.load(emitPolicy(model, diagram, kernel.layout, []));
  const packet = {
    ...zero,
    family: 6,
    in: 2,
    out: 1,
    protocol: 6,
    dport: 80,
    saddr: words(readAddress('2001:db8:1::20', 6)!, 6),
  };
  const [answer] = kernel.ask('forward', [packet]);
  assert.is(answer?.verdict, VERDICTS.deny);
});

test.run();
