/** Small gateways as texts, and every packet of a small universe. */
import * as fc from 'fast-check';
import type { Declared } from '../../../compiler/check/check.ts';
import { compile } from '../../../compiler/compile.ts';
import type { FieldValues } from '../../../compiler/diagram/walk.ts';
import type { Side } from '../../../compiler/diff/journey.ts';
import type { Places } from '../../../compiler/diff/places.ts';
import type { Witness } from '../../../compiler/diff/witness.ts';
import { mapAddress } from '../../../compiler/prefix-translation.ts';

export function sideOf(
  text: string,
  others: Readonly<Record<string, string>> = {},
): Side & { readonly declared: Declared } {
  const compiled = compile('gateway.masq', (path) => {
    const found = path === 'gateway.masq' ? text : others[path];
    return found === undefined ? { problem: 'does not exist' } : { text: found };
  });
  if (compiled.model === null)
    throw new TypeError(`${compiled.diagnostics.map(({ message }) => message).join('\n')}\n${text}`);
  return compiled;
}

const action = fc.constantFrom('allow', 'deny', 'reject');
const what = fc.constantFrom('', ' tcp 22', ' tcp 80-81', ' udp 53', ' icmp echo-request', ' tcp 22, udp 53');
const ends = fc.constantFrom(
  '',
  ' from home',
  ' from 10.0.0.1',
  ' from any except 10.0.0.1',
  ' from bad',
  ' from fd00::/64',
);
const targets = fc.constantFrom('', ' to 192.0.2.0/25', ' to 10.1.0.5', ' to any except bad', ' to 2001:db8::80');
const suffix = fc.constantFrom('', '', '', ' log');
const limit = fc.constantFrom('', '', ' limit 5/second', ' limit 9 flows per source');
const rule = fc.tuple(action, what, ends, targets, suffix, limit).map(([act, w, from, to, log, most]) => {
  const end = `${act === 'allow' ? most : ''}${log}`;
  return w + from + to === '' ? `${act} tcp 80${end}` : `${act}${w}${from}${to}${end}`;
});
const rules = fc.array(rule, { maxLength: 4 });

export const gatewayText = fc
  .record({
    gate: fc.array(
      fc
        .tuple(fc.constantFrom('deny', 'reject'), what, fc.constantFrom(' from bad', ' to bad'))
        .map((parts) => parts.join('')),
      { maxLength: 1 },
    ),
    out: rules,
    into: rules,
    self: rules,
    ends: fc.array(
      action.map((act) => (act === 'allow' ? 'default deny' : `default ${act}`)),
      { minLength: 3, maxLength: 3 },
    ),
    open: fc.boolean(),
    hidden: fc.option(
      fc.tuple(
        fc.constantFrom('61000-62000', '62001-63000', '62001-63000 random'),
        fc.constantFrom(
          '',
          '\n  mapping endpoint-independent\n  filtering endpoint-independent',
          '\n  limit 99 flows per source',
          '\n  log',
        ),
      ),
    ),
    redirect: fc.option(
      fc.tuple(fc.constantFrom(80, 81), fc.constantFrom('any', '192.0.2.0/25'), fc.constantFrom('', ':8080')),
    ),
    map: fc.option(
      fc.constantFrom(
        ['10.1.0.0/24', '198.51.100.0/24'],
        ['10.1.0.0/24', '203.0.113.0/24'],
        ['10.1.0.5/32', '203.0.113.5/32'],
        ['fd00::/48', '2001:db8:7::/48'],
      ),
    ),
    served: fc.boolean(),
  })
  .map((g) => {
    const block = (lines: readonly string[], end: string) => [...lines, end].map((line) => `  ${line}`).join('\n');
    return `gateway g {
  default deny
${g.gate.map((line) => `  ${line}`).join('\n')}
}
interface wan = eth0
interface lan = eth1
network home = 10.0.0.0/24, fd00::/64 on lan
network lab = 10.1.0.0/24 on lan
set bad = 192.0.2.66, 10.0.0.9
policy out from lan to wan {
${block(g.out, g.open ? 'default allow' : g.ends[0]!)}
}
policy into from wan to lan {
${block(g.into, g.ends[1]!)}
}
policy me from any to self {
${block(g.self, g.ends[2]!)}
}
${g.hidden === null ? '' : `masquerade hide {\n  from 10.0.0.0/24\n  interface wan\n  ports ${g.hidden[0]}${g.hidden[1]}\n}`}
${g.redirect === null ? '' : `redirect r {\n  interface wan\n  listen tcp ${g.redirect[0]} to 10.1.0.5${g.redirect[2]}\n  allow from ${g.redirect[1]}\n}`}
${g.map === null ? '' : `map m {\n  interface wan\n  inside ${g.map[0]}\n  outside ${g.map[1]}\n}`}
${g.served ? 'redirect s {\n  interface wan\n  address 203.0.113.5\n  listen tcp 80 to 10.1.0.5\n  allow from any\n}' : ''}
`;
  })
  .filter(isSound);

/** Some combinations are errors: the checker says so. */
function isSound(text: string): boolean {
  return compile('gateway.masq', () => ({ text })).model !== null;
}

const V6 = 2n ** 64n;
const HOME6 = 0xfd00n << 112n;
const OUTER6 = { first: 0x20010db80007n << 80n, length: 48 };
const ADDRESSES = {
  4: [0x0a000001n, 0x0a000009n, 0x0a010005n, 0xc0000207n, 0xc0000242n, 0xc00002c8n, 0xc6336405n, 0xcb007105n],
  6: [
    HOME6 + 1n,
    HOME6 + 5n * V6 + 1n,
    HOME6 + 0xffffn * V6 + 1n, // no map can translate these
    OUTER6.first + 0xffffn * V6 + 1n,
    mapAddress(HOME6 + 1n, 6, { first: HOME6, length: 48 }, OUTER6)!,
    (0x20010db8n << 96n) + 0x80n,
  ],
} as const;
const KINDS = [
  [6, 22],
  [6, 80],
  [6, 81],
  [17, 53],
  [132, 80],
  [47, 0],
] as const;

/** Every one that may start something, or the `share` of them that begins at `from`. */
export function* everyPacket({ names }: Places, share = 1, from = 0): Generator<Witness> {
  let count = from;
  for (const family of [4, 6] as const)
    for (const [place] of names.entries())
      for (const own of place === 0 ? [0] : [...names.keys(), 255])
        for (const out of [...names.keys()].slice(1))
          for (const [protocol, dport] of [...KINDS, family === 4 ? ([1, 8 << 8] as const) : ([58, 128 << 8] as const)])
            for (const saddr of ADDRESSES[family])
              for (const daddr of ADDRESSES[family])
                if ((saddr !== daddr || own !== 0) && count++ % share === 0)
                  yield { family, in: place, own, out, protocol, dport, saddr, daddr };
}

export function fieldsOf({ saddr, daddr, family, ...one }: Witness): FieldValues {
  return {
    family: BigInt(family),
    in: BigInt(one.in),
    out: BigInt(one.out),
    own: BigInt(one.own),
    protocol: BigInt(one.protocol),
    dport: BigInt(one.dport),
    ...(family === 4 ? { saddr4: saddr, daddr4: daddr } : { saddr6: saddr, daddr6: daddr }),
  };
}
