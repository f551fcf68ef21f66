/** The closing table of the soak. */
import Table from 'cli-table3';
import type { Soak } from './run.ts';

const number = (n: number): string => n.toLocaleString('en-US');

export function printSoak({ seconds, applies, counts, drops, before, after, emptyAfter, faults }: Soak): string {
  const table = new Table({ head: ['flows', 'tried', 'failed'], style: { head: [], border: [] } });
  for (const [name, { tried, failed }] of Object.entries(counts).sort())
    table.push([name, number(tried), number(failed)]);
  const dropped = Object.entries(drops).filter(([, packets]) => packets > 0);
  return [
    table.toString(),
    `${seconds} s of traffic, ${applies} applies`,
    `dropped: ${dropped.map(([reason, packets]) => `${number(packets)} ${reason}`).join(', ') || 'nothing'}`,
    emptyAfter === null ? 'tables: not empty' : `tables: empty ${emptyAfter.toFixed(1)} s after the last flow`,
    `memory of the maps: ${number(before.memory)} bytes before, ${number(after.memory)} after; ${after.maps.size} maps, ${after.programs.size} programs`,
    ...faults.map((fault) => `✘ ${fault}`),
  ].join('\n');
}
