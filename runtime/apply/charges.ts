import { existsSync } from 'node:fs';
import type { ManifestRule } from '../../compiler/artifact/manifest.ts';
import { Refusal } from '../cli/refusal.ts';
import { NEXT } from '../machine/pins.ts';
import { enumOf, offsetsOf } from './layout.ts';
import { artifactOf, pinPath, pinsOf, type Work } from './work.ts';

/** So many lines of generations before the one that decides may be remembered without a look at whether any flow is theirs. */
const MANY = 10_000;
const KEY_SIZE = 4;

/**
 * Says what the lines of a generation that is to decide count in. A flow keeps its generation and the numbers of its lines,
 * so that this stays while one lives (native/datapath/lines.h).
 */
export async function fillCharges(work: Work, generation: number): Promise<void> {
  const { rules } = artifactOf(work).manifest;
  using charges = work.libbpf.BpfMap.openPinned(pinPath(work, 'charges'));
  const left = await forgetCharges(work, charges);
  if (left + rules.length + 1 > charges.maxEntries) {
    throw new Refusal(
      `Connections of too many older files are live: their lines and these are more than ${charges.maxEntries}.`,
      'Wait until some have ended, or write `established flush` into the gateway block for this one apply.',
    );
  }
  const own = rules.find(({ kind }) => kind === 'self-default');
  const { value: codec } = charges.codec();
  const values = [own, ...rules].map((rule) => codec.encode(describeCharge(rule)));
  const keys = new Uint32Array(values.map((_, id) => ((generation & 0xffff) << 16) | id));
  await charges.setPacked(new Uint8Array(keys.buffer), new Uint8Array(Buffer.concat(values)));
}

function describeCharge(rule: ManifestRule | undefined): { tally: number; meter: number; ports: number } {
  return { tally: rule?.tally ?? 0, meter: rule?.meter ?? 0, ports: rule?.ports ?? 0 };
}

type Charges = InstanceType<Work['libbpf']['BpfMap']>;

/** Forgets generations without a live flow, when there is much to forget. Returns how many entries are left. */
async function forgetCharges(work: Work, charges: Charges): Promise<number> {
  const deciding = work.state.generation & 0xffff;
  const old = new Map<number, Uint8Array[]>();
  let count = 0;
  for await (const page of charges.pages()) {
    const view = new DataView(page.keys.buffer, page.keys.byteOffset);
    for (let i = 0; i < page.count; i += 1) {
      count += 1;
      const generation = view.getUint32(i * KEY_SIZE, true) >>> 16;
      if (generation === deciding) continue;
      const known = old.get(generation) ?? [];
      if (known.length === 0) old.set(generation, known);
      known.push(page.keys.slice(i * KEY_SIZE, (i + 1) * KEY_SIZE));
    }
  }
  if ([...old.values()].reduce((sum, keys) => sum + keys.length, 0) <= MANY) return count;
  const live = await findGenerations(work);
  const dead = [...old].flatMap(([generation, keys]) => (live.has(generation) ? [] : keys));
  await charges.deleteMany(dead);
  return count - dead.length;
}

/** The generations that live flows were decided by. */
async function findGenerations(work: Work): Promise<Set<number>> {
  const { BpfMap } = work.libbpf;
  const found = new Set<number>();
  for (const directory of [pinsOf(work), pinPath(work, NEXT)]) {
    for (const name of ['slots4', 'slots6'].filter((one) => existsSync(`${directory}/${one}`))) {
      using slots = BpfMap.openPinned(`${directory}/${name}`, { readOnly: true });
      const btf = slots.btf();
      const at = offsetsOf(btf, 'flow_slot', ['state', 'generation']);
      const free = enumOf(btf, 'slot_state', 'SLOT_').FREE;
      for await (const { values, count, valueBytes } of slots.pages({ size: 8192 })) {
        const view = new DataView(values.buffer, values.byteOffset);
        for (let i = 0; i < count; i += 1) {
          if (view.getUint8(i * valueBytes + at.state) === free) continue;
          found.add(view.getUint16(i * valueBytes + at.generation, true));
        }
      }
    }
  }
  return found;
}
