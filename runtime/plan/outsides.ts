/** Outside addresses that a file gives out, and that stand on no interface: somebody must send their packets here. */

import type { Manifest } from '../../compiler/artifact/manifest.ts';
import { readAddress, writeAddress } from '../../grammar/address.ts';
import type { Device, Snapshot } from '../machine/types.ts';
import type { Note, Wanted, WantedOutside } from './types.ts';

/** As many commands as an admin would still type. */
const FEW = 256n;

/** A manifest that an older version kept has no `redirects`. */
export function listOutsides({
  masquerades,
  redirects = [],
  maps,
}: Partial<Manifest> & Pick<Manifest, 'masquerades' | 'maps'>): WantedOutside[] {
  const written = [
    ...masquerades.map((one) => ({ ...one, owner: `masquerade ${one.name}` })),
    ...redirects.map((one) => ({ ...one, owner: `redirect ${one.name}` })),
  ].flatMap(({ owner, interfaces, addresses }) =>
    (addresses ?? []).map(({ first, last }) => {
      const family = first.includes(':') ? 6 : 4;
      return {
        owner,
        interfaces,
        family,
        first: readAddress(first, family) ?? 0n,
        last: readAddress(last, family) ?? 0n,
      } as const;
    }),
  );
  // What follows an interface is there.
  const fixed = maps.flatMap((one) => (one.outside === null ? [] : [{ ...one, outside: one.outside }]));
  const mapped = fixed.map(({ name, interfaces, outside }) => {
    const [address = '', length = ''] = outside.split('/');
    const family = address.includes(':') ? 6 : 4;
    const first = readAddress(address, family) ?? 0n;
    const size = 1n << BigInt((family === 4 ? 32 : 128) - Number(length));
    return { owner: `map ${name}`, interfaces, family, first, last: first + size - 1n } as const;
  });
  return [...written, ...mapped];
}

export interface Unheld {
  readonly owners: readonly string[];
  readonly range: Pick<WantedOutside, 'family' | 'first' | 'last'>;
  /** The first one that is missing, and how many are. */
  readonly missing: bigint;
  readonly count: bigint;
  /** Where they belong; null: that device is not there now. */
  readonly device: Device | null;
}

/** The ranges with addresses that no device has, each once. Pure. */
export function findUnheld(wanted: Wanted, { devices }: Pick<Snapshot, 'devices'>): Unheld[] {
  const held = { 4: new Set<bigint>(), 6: new Set<bigint>() };
  for (const device of devices) {
    for (const address of device.addresses) held[4].add(readAddress(address, 4) ?? 0n);
    for (const address of device.addresses6) held[6].add(readAddress(address, 6) ?? 0n);
  }
  const deviceOf = (name: string | undefined) => {
    const known = wanted.interfaces.find((one) => one.name === name);
    return devices.find((one) => one.name === known?.device) ?? null;
  };
  const found = new Map<string, Unheld>();
  for (const { owner, interfaces, family, first, last } of wanted.outsides) {
    const here = [...held[family]].filter((address) => address >= first && address <= last);
    const count = last - first + 1n - BigInt(here.length);
    if (count === 0n) continue;
    let missing = first;
    while (held[family].has(missing)) missing += 1n;
    const key = `${family} ${first} ${last}`;
    const owners = [...(found.get(key)?.owners ?? []), owner];
    found.set(key, { owners, range: { family, first, last }, missing, count, device: deviceOf(interfaces[0]) });
  }
  return [...found.values()];
}

/** What is so, what comes of it, and the command that mends it where neighbours would ask for the addresses. */
export function explainUnheld({ owners, range, missing, count, device }: Unheld): {
  readonly text: string;
  readonly why: string;
  readonly mend: string | null;
} {
  const { family, first, last } = range;
  const write = (address: bigint) => writeAddress(address, family);
  const size = last - first + 1n;
  const name = size === 1n ? write(first) : `${write(first)}-${write(last)}`;
  const part = count === size ? name : `${count} of ${name}`;
  const [it, they] = count === 1n ? ['it', 'stands'] : ['them', 'stand'];
  const text = `${owners.join(', ')}: ${part} ${they} on no interface of this machine.`;
  const hasLink = device?.mac !== null;
  const asked = family === 4 ? 'ARP' : 'neighbour discovery';
  const otherwise = hasLink ? `, or this machine must answer for ${it} (${asked}), as it does for its own` : '';
  const more = count === 1n ? '' : `   (and so on, up to ${write(last)})`;
  return {
    text,
    why: `Packets to ${it} come here only if the provider routes ${it} to this gateway${otherwise}.`,
    mend:
      hasLink && count <= FEW
        ? `ip addr add ${write(missing)}/${family === 4 ? 32 : 128} dev ${device?.name ?? 'DEVICE'}${more}`
        : null,
  };
}

export function describeUnheld(unheld: Unheld): Note {
  const { text, why, mend } = explainUnheld(unheld);
  return { severity: 'info', text: `${text} ${why}${mend === null ? '' : ` Then: ${mend}`}` };
}
