/** What the gateway's maps hold, straight from their pins: what must be gone when nobody sends any more, and memory. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { BpfMap, BpfProgram, type BtfRecord } from '../../../native/lib/libbpf.ts';
import { checkFree } from '../../datapath/fuzz/state.ts';

const open = (pins: string, name: string): BpfMap => BpfMap.openPinned(join(pins, name));

async function count(pins: string, name: string, holds: (value: BtfRecord | number) => boolean): Promise<number> {
  using map = open(pins, name);
  const { value: codec } = map.codec();
  let found = 0;
  for await (const [, value] of map.entries()) if (holds(codec.decode(value) as BtfRecord | number)) found += 1;
  return found;
}
const field = (name: string) => (value: BtfRecord | number) => Number((value as BtfRecord)[name]) !== 0;

/** What is left, in words; nothing: every table is empty. */
export async function findLeftovers(pins: string): Promise<string[]> {
  const left: string[] = [];
  const note = (many: number, what: string): void => {
    if (many > 0) left.push(`${many} ${what}`);
  };
  for (const family of [4, 6] as const) {
    for (const [name, what] of [
      ['flows', 'entries of flows'],
      ['mappings', 'mappings, or doors of them'],
      ['peers', 'peers of mappings'],
    ] as const)
      note(await count(pins, `${name}${family}`, () => true), `${what} in ${name}${family}`);
    note(await count(pins, `slots${family}`, field('state')), `slots in use in slots${family}`);
    note(await count(pins, `shares${family}`, (value) => value !== 0), `sources with flows in shares${family}`);
    note(await count(pins, `stash${family}`, field('pieces')), `buckets with waiting pieces in stash${family}`);
  }
  note(
    await count(pins, 'meters', (value) => field('flows')(value) || field('crowd_flows')(value)),
    'meters with flows',
  );
  const ways = (value: BtfRecord | number) => ((value as BtfRecord).ways as unknown as BtfRecord[]) ?? [];
  note(await count(pins, 'sources', (value) => ways(value).some(field('flows'))), 'limited sources with flows');
  return left;
}

/** Every slot that was ever used is free, once. Only for a gateway without traffic. */
export function findLostSlots(pins: string): string[] {
  return ([4, 6] as const).flatMap((family) => {
    const wrong = checkFree({ map: (name) => open(pins, name) }, family);
    return wrong === null ? [] : [`IPv${family}: ${wrong}`];
  });
}

/** Ports rest for a second from now on, not for two minutes. Apply writes it anew. */
export function shortenRest(pins: string): void {
  using control = open(pins, 'control');
  const value = control.get(0);
  if (value === null) throw new Error('no control record');
  control.codec().value.encodeInto(value, { rest: 16 });
  control.set(0, value);
}

export interface Objects {
  readonly maps: ReadonlySet<number>;
  readonly programs: ReadonlySet<number>;
  /** Bytes of the kernel's for the maps: together, and of those with a name. */
  readonly memory: number;
  readonly sizes: Readonly<Record<string, number>>;
  /** Names of the pins. */
  readonly pins: readonly string[];
}

interface Shown {
  readonly id: number;
  readonly name?: string;
  readonly prog_id?: number;
  readonly bytes_memlock?: number;
}
const ask = async <T>(...what: string[]): Promise<T> =>
  JSON.parse((await execa('bpftool', ['-j', ...what])).stdout) as T;

/** The id of what is pinned, where it is that. */
function idOf(opens: () => { readonly id: number } & Disposable): number | null {
  try {
    using object = opens();
    return object.id;
  } catch {
    return null;
  }
}

/** What is pinned, and what the programs of it use. */
export async function listObjects(pins: string): Promise<Objects> {
  const names = readdirSync(pins).sort();
  const maps = new Set<number>();
  const programs = new Set<number>();
  for (const name of names) {
    const pin = join(pins, name);
    const map = idOf(() => BpfMap.openPinned(pin));
    if (map !== null) maps.add(map);
    const program = name.startsWith('link')
      ? (await ask<Shown>('link', 'show', 'pinned', pin)).prog_id
      : idOf(() => BpfProgram.openPinned(pin));
    if (typeof program === 'number') programs.add(program);
  }
  for (const id of programs) {
    using program = BpfProgram.byId(id);
    for (const map of program.info().mapIds) maps.add(map);
  }
  const sizes: Record<string, number> = {};
  for (const { id, name = '', bytes_memlock: bytes = 0 } of await ask<Shown[]>('map', 'show'))
    if (maps.has(id)) sizes[name] = (sizes[name] ?? 0) + bytes;
  const memory = Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0);
  return { maps, programs, memory, sizes, pins: names };
}

/** Those that the kernel still has. */
export async function findSurvivors({ maps, programs }: Pick<Objects, 'maps' | 'programs'>): Promise<string[]> {
  const living = async (kind: 'map' | 'prog', ids: ReadonlySet<number>): Promise<string[]> => {
    const all = new Map((await ask<Shown[]>(kind, 'show')).map(({ id, name = '' }) => [id, name]));
    return [...ids].filter((id) => all.has(id)).map((id) => `${kind} ${id} ${all.get(id)}`);
  };
  return [...(await living('map', maps)), ...(await living('prog', programs))];
}
