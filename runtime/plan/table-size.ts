import type { Snapshot } from '../machine/types.ts';
import { flowTableBytes } from './memory.ts';
import type { Place, Step, Wanted } from './types.ts';

/**
 * What a table of another size takes. `before`: what an apply that did not end has begun, taken back or brought to its end.
 * `resizes`: the steps around the switch of the policy; null: the table has the size that the file asks for.
 */
export function planTableSize(
  wanted: Wanted,
  snapshot: Snapshot,
  loaded: boolean,
  attachments: readonly Place[],
): {
  readonly before: readonly Step[];
  readonly resizes: { readonly table: Step; readonly move: Step; readonly settle: Step } | null;
} {
  const { table, next } = snapshot;
  const bytesOf = (size: number) =>
    flowTableBytes(size, 4) + (snapshot.state?.ipv6 === true ? flowTableBytes(size, 6) : 0);
  if (!loaded || table === null) return { before: [], resizes: null };
  const before: Step[] = [];
  let flows = table.flows;
  if (next?.switched === true) {
    before.push({ kind: 'move', used: table.used });
    before.push({ kind: 'settle', flows: next.flows, bytes: bytesOf(table.flows), attachments });
    flows = next.flows === 0 ? flows : next.flows;
  } else if (next !== null) before.push({ kind: 'withdraw', attachments });
  if (flows === wanted.flows) return { before, resizes: null };
  const [old, now] = [flows, wanted.flows].map((size) => ({ flows: size, bytes: bytesOf(size) }));
  if (old === undefined || now === undefined) return { before, resizes: null };
  return {
    before,
    resizes: {
      table: { kind: 'table', before: old, after: now, attachments },
      move: { kind: 'move', used: table.used },
      settle: { kind: 'settle', flows: now.flows, bytes: old.bytes, attachments },
    },
  };
}
