/** Medians, ratios and the table of the bench. */
import Table from 'cli-table3';
import type { Gateway } from './gateways.ts';
import { median } from './median.ts';
import type { Answer } from './order.ts';

export interface Measured extends Answer {
  readonly gateway: string;
  readonly flows: number | 'first';
  readonly round: number;
}
export interface Row {
  readonly gateway: string;
  readonly flows: number | 'first';
  readonly rounds: number;
  /** ns a packet in the gateway: median, and the least of the rounds. */
  readonly ns: number;
  readonly least: number;
  /** Cost beside nft and beside the bare program of the same kind; null where that was not measured. */
  readonly ofNft: number | null;
  readonly ofBare: number | null;
  /** Share of packets that did not arrive, or arrived untranslated. */
  readonly lost: number;
  readonly untranslated: number;
}
export interface Summary {
  readonly floorNs: number;
  readonly rows: readonly Row[];
}

export function summarize(results: readonly Measured[], gateways: readonly Gateway[]): Summary {
  const floorNs = median(results.filter((r) => r.gateway === 'floor').map((r) => r.ns / r.sent));
  const cost = (name: string, flows: Measured['flows']): number[] =>
    results.filter((r) => r.gateway === name && r.flows === flows).map((r) => r.ns / r.sent - floorNs);
  const kinds = [...new Set(results.filter((r) => r.gateway !== 'floor').map((r) => r.flows))];
  const rows = kinds.flatMap((flows) =>
    gateways
      .filter(({ name }) => cost(name, flows).length > 0)
      .map(({ name, translates }): Row => {
        const mine = results.filter((r) => r.gateway === name && r.flows === flows);
        const ns = median(cost(name, flows));
        const beside = (other: string) => (cost(other, flows).length > 0 ? ns / median(cost(other, flows)) : null);
        const bare = flows === 'first' ? 'bare first' : name.endsWith('tc') ? 'bare tc' : 'bare kept';
        return {
          gateway: name,
          flows,
          rounds: mine.length,
          ns,
          least: Math.min(...cost(name, flows)),
          ofNft: beside('nft'),
          ofBare: beside(bare),
          lost: Math.max(...mine.map((r) => 1 - r.arrived / r.sent)),
          untranslated: translates ? Math.max(...mine.map((r) => (r.arrived - r.translated) / r.sent)) : 0,
        };
      }),
  );
  return { floorNs, rows };
}

export function renderTable({ floorNs, rows }: Summary): string {
  const ratio = (value: number | null) => (value === null ? '' : value.toFixed(2));
  const table = new Table({
    head: ['gateway', 'flows', 'ns a packet', 'least', '× nft', '× bare', 'lost'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
  });
  for (const row of rows)
    table.push([
      row.gateway,
      row.flows === 'first' ? 'first packet' : row.flows.toLocaleString('en'),
      row.ns.toFixed(0),
      row.least.toFixed(0),
      ratio(row.ofNft),
      ratio(row.ofBare),
      row.lost < 0.0001 ? '0' : row.lost.toFixed(4),
    ]);
  const lines = [
    `ns a packet: CPU time in the gateway alone; ${floorNs.toFixed(0)} ns of generator and sink are taken off`,
  ];
  const partial = describePartial(rows);
  if (partial !== null) lines.push(partial);
  return `${table.toString()}\n${lines.join('\n')}`;
}

/** How many times as much a packet costs whose checksum was left to hardware (CHECKSUM_PARTIAL). */
export function describePartial(rows: readonly Pick<Row, 'gateway' | 'flows' | 'ns'>[]): string | null {
  const factors = rows.flatMap(({ gateway, flows, ns }) => {
    const whole = rows.find((one) => one.gateway === 'masqc' && one.flows === flows);
    if (gateway !== 'masqc partial' || whole === undefined) return [];
    return [`${(ns / whole.ns).toFixed(1)} times (${flows.toLocaleString('en')} flow${flows === 1 ? '' : 's'})`];
  });
  return factors.length === 0 ? null : `a checksum left to hardware costs masqc: ${factors.join(', ')}`;
}
