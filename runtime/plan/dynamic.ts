import { formatPrefixes } from '../../compiler/artifact/prefixes.ts';
import { fillTable, type Named, type Now } from '../../compiler/dynamic.ts';
import type { Device, LivePrefixes } from '../machine/types.ts';
import type { Note, Wanted } from './types.ts';

type Followed = Pick<Wanted, 'dynamic' | 'interfaces'>;

/** The prefixes that the interfaces which the file follows have now; none where the device is not here. */
export function readLive({ dynamic, interfaces }: Followed, devices: readonly Device[]): LivePrefixes[] {
  const ids = new Set(dynamic.flatMap(interfacesOf));
  return interfaces
    .filter(({ id }) => ids.has(id))
    .map(({ id, name, device }) => {
      return { id, name, device, prefixes: devices.find((one) => one.name === device)?.prefixes ?? [] };
    });
}

export function nowOf(live: readonly LivePrefixes[]): Now {
  return new Map(live.map(({ id, prefixes }) => [id, prefixes]));
}

function interfacesOf({ follows }: Named): number[] {
  return follows.kind === 'outside' ? [follows.interface] : follows.parts.map((part) => part.interface);
}

/** `home6 = 2001:db8:1::/64, as lan has it` */
export function describeDynamic(wanted: Followed, live: readonly LivePrefixes[]): string[] {
  return wanted.dynamic.map((one) => {
    const name = one.kind === 'map' ? `outside of ${one.name}` : one.name;
    return `${name} = ${listNow(one, live).join(', ') || 'nothing'}, as ${whose(wanted, one)} has it`;
  });
}

export function* warnOfDynamic(wanted: Followed, live: readonly LivePrefixes[]): Generator<Note> {
  for (const one of wanted.dynamic) {
    if (listNow(one, live).length > 0) continue;
    const { kind, name, follows } = one;
    const text =
      follows.kind === 'outside'
        ? `The map ${name} translates nothing: ${whose(wanted, one)} has no prefix that ${follows.inside} fits. What it would translate is dropped until there is one.`
        : `The ${kind} ${name} is nothing: ${whose(wanted, one)} has no prefix for it. Lines with it match nothing until there is one.`;
    yield { severity: 'warning', text };
  }
}

/** Prefixes, and addresses where it is hosts that are followed. */
function listNow({ follows }: Named, live: readonly LivePrefixes[]): string[] {
  return formatPrefixes(fillTable(follows, nowOf(live))).map((text) =>
    text.replace(/(?<=:.*)\/128$|(?<!:.*)\/32$/, ''),
  );
}

function whose({ interfaces }: Followed, one: Named): string {
  const ids = interfacesOf(one);
  return [...new Set(interfaces.filter(({ id }) => ids.includes(id)).map(({ name }) => name))].join(', ');
}
