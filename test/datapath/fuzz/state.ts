/** What must hold of the whole table between packets, and how a round ends. */
import { setTimeout as pause } from 'node:timers/promises';
import type { BpfMap, BpfObject, BtfRecord } from '../../../native/lib/libbpf.ts';
import { describeKey, type Entry, type FlowTable, oppositeKey } from './flows.ts';

const LIVE = 1;
const KILLED = 2;
const HALF = 4;

const nameOf = (key: Uint8Array): string => Buffer.from(key).toString('hex');

const MOST_LOOKS = 5;

/**
 * Each live entry has an opposite that maps back to it, and one slot that knows them. The sweep may end a flow between two
 * readings: what is wrong is so in each of several looks.
 */
export async function checkTable(hit: BpfObject, table: FlowTable): Promise<string | null> {
  for (let looks = 1; ; looks++) {
    const wrong = await lookOver(hit, table);
    if (wrong === null || looks === MOST_LOOKS) return wrong;
    await pause(20);
  }
}

async function lookOver(hit: BpfObject, table: FlowTable): Promise<string | null> {
  const all = await table.all();
  const byKey = new Map(all.map(({ key, entry }) => [nameOf(key), entry]));
  const slots = hit.map(`slots${table.family.number}`);
  const codec = slots.codec();
  const tuple = 2 * table.family.width + 5;
  for (const { key, entry } of all) {
    if (entry.dying) continue;
    const back = oppositeKey(key, entry);
    const other = byKey.get(nameOf(back));
    const say = (what: string): string => `${describeKey(table.family, key)}: ${what}`;
    if (other === undefined || other.dying) return say('no entry for its answers');
    if (nameOf(oppositeKey(back, other)) !== nameOf(key)) return say('the entry of its answers maps elsewhere');
    if (other.slot !== entry.slot) return say('two slots');
    const wrong = checkPair(table, entry, other);
    if (wrong !== null) return say(wrong);
    if (!table.has(entry, 'ORIGINAL')) continue;
    const bytes = slots.get(entry.slot);
    if (bytes === null) return say('no slot');
    const slot = codec.value.decode(bytes) as BtfRecord;
    if (slot.state !== LIVE) return say(`its slot has state ${slot.state}`);
    if (nameOf(bytes.subarray(0, tuple)) !== nameOf(key.subarray(0, tuple))) return say('its slot has another key');
  }
  return null;
}

function checkPair(table: FlowTable, a: Entry, b: Entry): string | null {
  const has = (entry: Entry, flag: string): boolean => table.has(entry, flag);
  if (has(a, 'ORIGINAL') === has(b, 'ORIGINAL')) return 'not one of its entries is the original';
  if (has(a, 'NAT_SRC') !== has(b, 'NAT_DST')) return 'the source is translated one way only';
  if (has(a, 'LOCAL') !== has(b, 'OWN')) return 'for the gateway one way only';
  const forwarded = !has(a, 'LOCAL') && !has(a, 'OWN');
  return forwarded && has(a, 'ORIGINAL') && a.out !== b.in ? 'its answers come in elsewhere' : null;
}

/** Ends every flow as user space does, waits for the sweep, and sees that every slot is free again. */
export async function endAll(hit: BpfObject, family: 4 | 6): Promise<string | null> {
  const slots = hit.map(`slots${family}`);
  const { value } = slots.codec();
  const used = readHighWater(hit, family);
  for (let index = 0; index < used; index++) {
    const bytes = slots.get(index);
    if (bytes === null) return `slot ${index} is not there`;
    const state = (value.decode(bytes) as BtfRecord).state;
    if (state === LIVE || state === HALF) {
      value.encodeInto(bytes, state === LIVE ? { state: KILLED, deadline: 0 } : { deadline: 0 });
      slots.set(index, bytes);
    }
  }
  const flows = hit.map(`flows${family}`);
  for (let waited = 0; flows.nextKey(null) !== null; waited += 10) {
    if (waited > 10_000) return 'the sweep leaves entries in the table';
    await pause(10);
  }
  await pause(300); // the slot is put on the list after its entries are deleted
  return checkFree(hit, family);
}

type Maps = { map(name: string): BpfMap };

/** Every slot that was ever used is in the list of free ones, once: of a table without flows that nobody uses meanwhile. */
export function checkFree(hit: Maps, family: 4 | 6): string | null {
  const used = readHighWater(hit, family);
  const [slots, progress] = [hit.map(`slots${family}`), hit.map(`progress${family}`)];
  const head = progress.codec().value.decode(progress.get(0) ?? new Uint8Array()) as { free: number | bigint };
  const free: number[] = [];
  for (let next = Number(BigInt.asUintN(32, BigInt(head.free))); next !== 0; ) {
    free.push(next - 1);
    if (free.length > used) return 'the list of free slots has no end';
    const slot = slots.codec().value.decode(slots.get(next - 1) ?? new Uint8Array()) as { created: number };
    next = slot.created;
  }
  return free.length === used ? null : `${used} slots were used, ${free.length} are free after the end of all flows`;
}

function readHighWater(hit: Maps, family: 4 | 6): number {
  const map = hit.map(`progress${family}`);
  const bytes = map.get(0);
  if (bytes === null) throw new Error('no record of progress');
  const record = map.codec().value.decode(bytes) as BtfRecord;
  return Math.min(Number(record.high_water), hit.map(`slots${family}`).maxEntries);
}

/** Packets by reason. */
export function readDropCounts(hit: BpfObject): number[] {
  const map = hit.map('drops');
  return Array.from({ length: map.maxEntries }, (_, reason) =>
    (map.getPerCpu(reason) ?? []).reduce(
      (total, bytes) => total + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)),
      0,
    ),
  );
}
