/** `share NUM ports per source` (RFC 7422): a map that says for each source its outside address and its ports. */
import { writeAddress } from '../../grammar/address.ts';
import { blockOf, type Shared, sourcesOf } from '../share.ts';
import type { Builder } from './builder.ts';
import type { Line } from './ruleset.ts';
import { writePorts } from './services.ts';

/** What carries ports of which a source has a block. */
export const PORTED = 'meta l4proto { tcp, udp }';

export function writeShare(builder: Builder, masquerade: Shared, comment: string): Line[] {
  const { name, addresses, ports, choice } = masquerade;
  const own = addresses === null;
  const blocks = builder.names.give(`blocks-${name}`);
  const places = builder.names.give(`places-${name}`);
  const withPorts: string[] = [];
  const alone: string[] = [];
  for (const { first, last } of sourcesOf(masquerade)) {
    for (let source = first; source <= last; source++) {
      const block = blockOf(masquerade, source);
      if (block === null) continue;
      const inside = writeAddress(source, 4);
      const outside = block.address === null ? '' : writeAddress(block.address, 4);
      withPorts.push(
        own ? `${inside} : ${writePorts(block.ports)}` : `${inside} : ${outside} . ${writePorts(block.ports)}`,
      );
      if (!own) alone.push(`${inside} : ${outside}`);
    }
  }
  const says = `${masquerade.share} ports of ${writePorts(ports)} for each source`;
  const data = own ? 'interval inet_service' : 'interval ipv4_addr . inet_service';
  builder.addSet({ kind: 'map', name: blocks, says, spec: [`type ipv4_addr : ${data}`], elements: withPorts });
  const block = `ip saddr map @${blocks}${choice === 'random' ? ' fully-random' : ''}`;
  if (own) {
    return [
      { match: PORTED, statement: `counter masquerade to :${block}`, comment },
      { match: '', statement: 'counter masquerade', comment },
    ];
  }
  const spec = ['type ipv4_addr : ipv4_addr'];
  builder.addSet({ kind: 'map', name: places, says: 'the outside address of each source', spec, elements: alone });
  return [
    { match: PORTED, statement: `counter snat ip to ${block}`, comment },
    { match: '', statement: `counter snat ip to ip saddr map @${places}`, comment },
  ];
}
