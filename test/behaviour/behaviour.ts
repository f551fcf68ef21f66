/**
 * `npm run behaviour`: what masqc does on the wire, row by row, and nftables beside it.
 *
 *   npm run behaviour                    every row; writes docs/behaviour.md
 *   npm run behaviour -- udp-3 tcp       the rows whose names begin so; writes nothing
 *   npm run behaviour -- --merge udp-3   the same, and writes the page with the other rows as the last whole run found them
 *   npm run behaviour -- --prove […]     each check against a gateway that is broken in just that way: it must fail
 *   npm run behaviour -- --check         does docs/behaviour.md say what the rows say? runs nothing
 *   npm run behaviour -- --column masqc  only this gateway: masqc, masqc-tun, nftables
 *
 * Ends with 1 where masqc fails a row, a check is not proven, or the page is stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { needs } from '../lab/skip.ts';
import { columns } from './columns.ts';
import { findStale, type Outcomes, writeReport } from './report.ts';
import type { Row } from './row.ts';
import { sections } from './rows/sections.ts';
import { proveColumn, type Result, runColumn } from './run.ts';

/** What was found, for --merge. */
const record = new URL('../../build/behaviour/outcomes.json', import.meta.url);
const page = new URL('../../docs/behaviour.md', import.meta.url);
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    prove: { type: 'boolean' },
    check: { type: 'boolean' },
    merge: { type: 'boolean' },
    column: { type: 'string', multiple: true },
  },
});
const everyRow = sections.flatMap((section) => section.rows);
const rows = everyRow.filter(({ id }) => positionals.length === 0 || positionals.some((start) => id.startsWith(start)));
const used = columns.filter(({ name }) => flags.column === undefined || flags.column.includes(name));

function print(column: string, { row, outcome, why, seconds }: Result): void {
  const mark = { pass: pc.green('pass'), fail: pc.red('FAIL'), error: pc.bgRed('ERROR') }[outcome];
  console.log(`${column.padEnd(10)} ${row.id.padEnd(24)} ${mark} ${pc.dim(`${seconds.toFixed(1)} s`)} ${why}`);
}

async function runAll(): Promise<Map<string, Map<string, Result>>> {
  const all = new Map<string, Map<string, Result>>(used.map(({ name }) => [name, new Map()]));
  await Promise.all(
    used.map((column) =>
      runColumn(column, rows, (result) => {
        all.get(column.name)?.set(result.row.id, result);
        print(column.name, result);
      }),
    ),
  );
  return all;
}

async function judge(): Promise<void> {
  const all = await runAll();
  for (const column of used) {
    const results = [...(all.get(column.name)?.values() ?? [])];
    const passed = results.filter(({ outcome }) => outcome === 'pass').length;
    console.log(`${column.name.padEnd(10)} ${passed} of ${results.length} rows`);
    if (column.gateway.name === 'masqc' && passed < results.length) process.exitCode = 1;
  }
  const isWhole = rows.length === everyRow.length && used.length === columns.length;
  if (!isWhole && flags.merge !== true) return;
  const outcomes = isWhole ? all : recall(all);
  writeRecord(outcomes);
  const names = columns.map(({ name }) => name);
  writeFileSync(page, writeReport(sections, names, outcomes, release()));
  console.log('docs/behaviour.md is written');
}

/** What the last whole run found, under what this one has. */
function recall(found: Outcomes): Outcomes {
  const last = JSON.parse(readFileSync(record, 'utf8')) as Record<string, Record<string, Omit<Result, 'row'>>>;
  const known = new Map(everyRow.map((row) => [row.id, row]));
  return new Map(
    columns.map(({ name }) => {
      const old = Object.entries(last[name] ?? {}).flatMap(([id, result]) => {
        const row = known.get(id);
        return row === undefined ? [] : ([[id, { ...result, row }]] as const);
      });
      return [name, new Map([...old, ...(found.get(name) ?? [])])];
    }),
  );
}

function writeRecord(outcomes: Outcomes): void {
  const plain = [...outcomes].map(([column, results]) => [
    column,
    Object.fromEntries([...results].map(([id, { row: _, ...result }]) => [id, result])),
  ]);
  mkdirSync(new URL('.', record), { recursive: true });
  writeFileSync(record, JSON.stringify(Object.fromEntries(plain)));
}

/** On the first gateway that passes the row: a check that nobody passes is not shown to be right either. */
async function prove(): Promise<void> {
  const all = await runAll();
  const baseOf = (row: Row) => used.find(({ name }) => all.get(name)?.get(row.id)?.outcome === 'pass');
  const bad = rows.filter((row) => baseOf(row) === undefined).map(({ id }) => `${id}: no gateway passes it yet`);
  await Promise.all(
    used.map((column) =>
      proveColumn(
        column,
        rows.filter((row) => baseOf(row) === column),
        ({ row, outcome, why }) => {
          const proven = outcome === 'fail';
          const mark = proven ? pc.green('fails as it must') : pc.bgRed('NOT PROVEN');
          console.log(`prove ${column.name.padEnd(10)} ${row.id.padEnd(24)} ${mark} ${why}`);
          if (!proven) bad.push(`${row.id}: broken (${row.broken.how}) it gives ${outcome} ${why}`);
        },
      ),
    ),
  );
  console.log(`\n${rows.length - bad.length} of ${rows.length} checks are proven able to pass and to fail`);
  for (const line of bad) console.log(pc.red(line));
  if (bad.length > 0) process.exitCode = 1;
}

function check(): void {
  const stale = findStale(sections, readFileSync(page, 'utf8'));
  for (const line of stale) console.log(line);
  console.log(stale.length === 0 ? 'docs/behaviour.md is up to date' : 'Run npm run behaviour.');
  if (stale.length > 0) process.exitCode = 1;
}

if (flags.check) check();
else {
  needs('root', 'linux', 'tun', 'btf');
  await (flags.prove ? prove() : judge());
}
process.exit();
