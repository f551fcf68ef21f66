/** Sets of packets: for each field ranges of values; a packet is in a box when each of its fields is in one of them. */
import type { Box as PathBox } from '../diagram/algebra.ts';
import type { Field } from '../diagram/diagram.ts';
import { rankOf } from '../diagram/fields.ts';
import type { FieldValues } from '../diagram/walk.ts';
import type { Range } from '../model.ts';

/** Fields that are not named may be anything. Ranges are sorted, disjoint and not adjacent. */
export type Box = Partial<Readonly<Record<Field, readonly Range<bigint>[]>>>;

export function boxOfPath(path: PathBox): Box {
  return Object.fromEntries(Object.entries(path).map(([field, range]) => [field, [range]])) as Box;
}

/** The same packets in fewer boxes: any two that differ in one field alone become one, until there are none. */
export function mergeBoxes(boxes: readonly Box[], lastOf: (field: Field) => bigint): Box[] {
  const fields = [...new Set(boxes.flatMap((box) => Object.keys(box) as Field[]))].sort(
    (a, b) => rankOf(b) - rankOf(a),
  );
  let merged = [...boxes];
  for (let before = merged.length + 1; merged.length < before; ) {
    before = merged.length;
    for (const field of fields) merged = mergeBy(merged, field, fields, lastOf(field));
  }
  return merged;
}

function mergeBy(boxes: readonly Box[], field: Field, fields: readonly Field[], end: bigint): Box[] {
  const groups = new Map<string, Box[]>();
  for (const box of boxes) {
    const key = fields.map((one) => (one === field ? '' : writeRanges(box[one]))).join(' ');
    const group = groups.get(key);
    if (group) group.push(box);
    else groups.set(key, [box]);
  }
  return [...groups.values()].map((group) => {
    const first = group[0]!;
    if (group.length === 1) return first;
    const { [field]: _, ...others } = first;
    const ranges = uniteRanges(group.flatMap((box) => box[field] ?? [{ first: 0n, last: end }]));
    const whole = ranges.length === 1 && ranges[0]!.first === 0n && ranges[0]!.last === end;
    return whole ? (others as Box) : { ...others, [field]: ranges };
  });
}

export function uniteRanges(ranges: readonly Range<bigint>[]): Range<bigint>[] {
  const sorted = [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const out: { first: bigint; last: bigint }[] = [];
  for (const { first, last } of sorted) {
    const end = out.at(-1);
    if (end && first <= end.last + 1n) end.last = last > end.last ? last : end.last;
    else out.push({ first, last });
  }
  return out;
}

function writeRanges(ranges: readonly Range<bigint>[] | undefined): string {
  return ranges === undefined ? '*' : ranges.map(({ first, last }) => `${first}-${last}`).join();
}

export function isInBox(box: Box, packet: FieldValues): boolean {
  return (Object.entries(box) as [Field, readonly Range<bigint>[]][]).every(([field, ranges]) => {
    const value = packet[field] ?? 0n;
    return ranges.some(({ first, last }) => first <= value && value <= last);
  });
}
