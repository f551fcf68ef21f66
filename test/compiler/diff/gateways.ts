/** Small gateways as texts, and every packet of a small universe. */
import * as fc from 'fast-check';
import { compile } from '../../../compiler/compile.ts';
import type { FieldValues } from '../../../compiler/diagram/walk.ts';
import type { Side } from '../../../compiler/diff/journey.ts';
import type { Places } from '../../../compiler/diff/places.ts';
import type { Witness } from '../../../compiler/diff/witness.ts';

export function sideOf(text: string, others: Readonly<Record<string, string>> = {}): Side {
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
const ends = fc.constantFrom('', ' from home', ' from 10.0.0.1', ' from any except 10.0.0.1', ' from bad');
const targets = fc.constantFrom('', ' to 192.0.2.0/25', ' to 10.1.0.5', ' to any except bad');
const suffix = fc.constantFrom('', '', '', ' log');
const rule = fc
  .tuple(action, what, ends, targets, suffix)
  .map(([act, w, from, to, log]) => (w + from + to === '' ? `${act} tcp 80${log}` : `${act}${w}${from}${to}${log}`));
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
    hidden: fc.option(fc.constantFrom('61000-62000', '62001-63000')),
    redirect: fc.option(
      fc.tuple(fc.constantFrom(80, 81), fc.constantFrom('any', '192.0.2.0/25'), fc.constantFrom('', ':8080')),
    ),
    map: fc.option(fc.constantFrom('198.51.100.0/24', '203.0.113.0/24')),
  })
  .map((g) => {
    const block = (lines: readonly string[], end: string) => [...lines, end].map((line) => `  ${line}`).join('\n');
    return `gateway g {
  default deny
${g.gate.map((line) => `  ${line}`).join('\n')}
}
interface wan = eth0
interface lan = eth1
network home = 10.0.0.0/24 on lan
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
${g.hidden === null ? '' : `masquerade hide {\n  from home\n  interface wan\n  ports ${g.hidden}\n}`}
${g.redirect === null ? '' : `redirect r {\n  interface wan\n  listen tcp ${g.redirect[0]} to 10.1.0.5${g.redirect[2]}\n  allow from ${g.redirect[1]}\n}`}
${g.map === null ? '' : `map m {\n  interface wan\n  inside 10.1.0.0/24\n  outside ${g.map}\n}`}
`;
  })
  .filter(isSound);

/** Some combinations are errors: the checker says so. */
function isSound(text: string): boolean {
  return compile('gateway.masq', () => ({ text })).model !== null;
}

const ADDRESSES = [
  0x0a000001n,
  0x0a000009n,
  0x0a010005n,
  0xc0000207n,
  0xc0000242n,
  0xc00002c8n,
  0xc6336405n,
  0xcb007105n,
];
const KINDS = [
  [6, 22],
  [6, 80],
  [6, 81],
  [17, 53],
  [17, 80],
  [1, 8 << 8],
  [47, 0],
] as const;

export function* everyPacket({ names }: Places): Generator<Witness> {
  for (const [place] of names.entries())
    for (const own of place === 0 ? [0] : [...names.keys(), 255])
      for (const out of [...names.keys()].slice(1))
        for (const [protocol, dport] of KINDS)
          for (const saddr of ADDRESSES)
            for (const daddr of ADDRESSES) yield { family: 4, in: place, own, out, protocol, dport, saddr, daddr };
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
