/** `mss` of an interface: SYNs that leave or come in by it ask for no more than fits. nft lowers the option, never raises it. */
import type { Interface } from '../model.ts';
import type { Builder } from './builder.ts';
import { always, type Line } from './ruleset.ts';

/** An IPv6 header is longer by so much. */
const IPV6_MORE = 20;

export function writeMss(builder: Builder): void {
  const lines = builder.model.interfaces.flatMap((one) => linesOf(builder, one));
  if (lines.length === 0) return;
  builder.addChain({
    name: 'segment-sizes',
    says: 'what SYNs may ask for',
    hook: 'type filter hook postrouting priority mangle; policy accept;',
    lines: [always('tcp flags & (syn|rst) != syn accept'), ...lines],
  });
}

function linesOf(builder: Builder, { id, mss }: Interface): Line[] {
  if (mss === null) return [];
  const device = builder.device(id);
  const sizes =
    mss === 'clamp'
      ? [['', 'rt mtu']]
      : [
          ['meta nfproto ipv4 ', `${mss}`],
          ['meta nfproto ipv6 ', `${mss - IPV6_MORE}`],
        ];
  return sizes.flatMap(([family, size]) =>
    ['oifname', 'iifname'].map((field) => always(`${family}${field} ${device} tcp option maxseg size set ${size}`)),
  );
}
