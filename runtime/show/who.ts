/** Who has an outside address or port by the file alone, and what an inside address appears as: blocks of ports and maps. */

import type { InterfaceId, Model, Range } from '../../compiler/model.ts';
import { mapAddress } from '../../compiler/prefix-translation.ts';
import { blockOf, isShared, sourceOf } from '../../compiler/share.ts';
import { readIpv4, readIpv6, writeAddress } from '../../grammar/address.ts';
import type { Family } from '../../grammar/ast.ts';

export interface Asked {
  readonly family: Family;
  readonly address: bigint;
  /** null: the whole address is asked about. */
  readonly port: number | null;
}

/** That `inside` appears as `outside`, always. */
export interface Holder {
  readonly kind: 'share' | 'map';
  /** Of the masquerade or map. */
  readonly name: string;
  readonly line: number;
  readonly interfaces: readonly string[];
  readonly inside: string;
  /** An address, or the name of the interface whose own it is. */
  readonly outside: string;
  /** The block of ports; null: all of them. */
  readonly ports: Range<number> | null;
}

/** `203.0.113.7`, `203.0.113.7:4711`, `[2001:db8::7]:80`, `2001:db8::7`; null: none of them. */
export function readAsked(text: string): Asked | null {
  const [, bracketed, plain, digits] = /^(?:\[(.+)\]|([\d.]+|[\da-fA-F:.]+?))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const whole = readIpv6(text);
  if (whole !== null) return { family: 6, address: whole, port: null };
  const port = digits === undefined ? null : Number(digits);
  if (port !== null && (port < 1 || port > 65535)) return null;
  const [v4, v6] = [readIpv4(plain ?? ''), readIpv6(bracketed ?? '')];
  if (v4 !== null) return { family: 4, address: v4, port };
  return v6 === null ? null : { family: 6, address: v6, port };
}

/** By outside address (shares need a port) and by inside address. A block of an interface's own address is found by inside only. */
export function findHolders(model: Model, { family, address, port }: Asked): Holder[] {
  const holders: Holder[] = [];
  const nameOf = (id: InterfaceId) => model.interfaces.find((one) => one.id === id)?.name ?? '?';
  for (const masquerade of model.masquerades) {
    if (!isShared(masquerade) || family !== 4) continue;
    const source = port === null ? null : sourceOf(masquerade, address, port);
    for (const inside of new Set([source, address])) {
      const block = inside === null ? null : blockOf(masquerade, inside);
      if (inside === null || block === null) continue;
      const interfaces = masquerade.interfaces.map(nameOf);
      holders.push({
        kind: 'share',
        name: masquerade.name,
        line: masquerade.span.line,
        interfaces,
        inside: writeAddress(inside, 4),
        outside: block.address === null ? interfaces.join(', ') : writeAddress(block.address, 4),
        ports: block.ports,
      });
    }
  }
  for (const map of model.maps) {
    if (map.family !== family || map.follows !== null) continue; // the file does not say where it leads
    const outside = mapAddress(address, family, map.inside, map.outside);
    const inside = mapAddress(address, family, map.outside, map.inside);
    for (const [from, to] of [
      [address, outside],
      [inside, address],
    ] as const) {
      if (from === null || to === null) continue;
      const common = {
        kind: 'map',
        name: map.name,
        line: map.span.line,
        interfaces: map.interfaces.map(nameOf),
      } as const;
      holders.push({ ...common, inside: writeAddress(from, family), outside: writeAddress(to, family), ports: null });
    }
  }
  return holders;
}

/** `100.64.0.65 is 203.0.113.17:2024-3023 beyond internet (cgn, line 30)` */
export function renderHolder({ name, line, interfaces, inside, outside, ports }: Holder): string {
  const where = ports === null ? outside : `${outside}:${ports.first}-${ports.last}`;
  return `${inside} is ${where} beyond ${interfaces.join(', ')} (${name}, line ${line})\n`;
}
