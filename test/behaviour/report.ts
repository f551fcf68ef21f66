/** docs/behaviour.md: pure text from rows and results. */
import type { Row, Section } from './row.ts';
import type { Result } from './run.ts';

export type Outcomes = ReadonlyMap<string, ReadonlyMap<string, Result>>;

const cellText = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** What a column's cell says; – where the row does not apply to it. */
function cell(result: Result | undefined): string {
  if (result === undefined) return '–';
  return result.outcome === 'pass' ? 'pass' : '**fail**';
}

/** The part of the page that the rows alone decide: a row's first cells. The rest is what the last run found. */
export function writeRow(row: Row): string {
  const how = row.how === undefined ? '' : ` (${row.how})`;
  return `| \`${row.id}\` | ${cellText(row.rfc)} | ${row.level} | ${cellText(row.text + how)} |`;
}

export const proofOf = (row: Row): string => `| \`${row.id}\` | ${cellText(row.broken.how)} |`;

function count(column: string, rows: readonly Row[], outcomes: Outcomes): string {
  const results = rows.map(({ id }) => outcomes.get(column)?.get(id)).filter((result) => result !== undefined);
  return `${results.filter(({ outcome }) => outcome === 'pass').length} of ${results.length}`;
}

export function writeReport(
  sections: readonly Section[],
  columns: readonly string[],
  outcomes: Outcomes,
  kernel: string,
): string {
  const rows = sections.flatMap((section) => section.rows);
  const head = [
    '# What a gateway does on the wire',
    '',
    'Written by `npm run behaviour`; do not edit. Each row is a requirement of an RFC, tried from outside with packets and',
    'programs in a network of namespaces: against masqc with an Ethernet wan (XDP), against masqc with a wan without Ethernet',
    'header (`tun`, as with ppp), and against an nftables ruleset of the same meaning, tuned where the kernel can be tuned.',
    `The kernel was ${kernel}.`,
    '',
    `|  | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => '---').join('|')}|`,
    `| rows passed | ${columns.map((column) => count(column, rows, outcomes)).join(' | ')} |`,
  ];
  const body = sections.flatMap(({ title, rows }) => [
    '',
    `## ${title}`,
    '',
    `| row | RFC | level | requirement | ${columns.join(' | ')} |`,
    `|---|---|---|---|${columns.map(() => '---').join('|')}|`,
    ...rows.map(
      (row) => `${writeRow(row)} ${columns.map((column) => cell(outcomes.get(column)?.get(row.id))).join(' | ')} |`,
    ),
  ]);
  const failures = columns.flatMap((column) =>
    rows.flatMap(({ id }) => {
      const result = outcomes.get(column)?.get(id);
      return result === undefined || result.outcome === 'pass'
        ? []
        : [`| \`${id}\` | ${column} | ${cellText(shorten(result.why))} |`];
    }),
  );
  const proofs = [
    '',
    '## What happened instead',
    '',
    '| row | gateway | |',
    '|---|---|---|',
    ...failures,
    '',
    '## How each check is known to be able to fail',
    '',
    '`npm run behaviour -- --prove` runs each check against a gateway that is broken in just that way, and it must fail there.',
    '',
    '| row | broken by |',
    '|---|---|',
    ...rows.map(proofOf),
  ];
  return `${[...head, ...body, ...proofs].join('\n')}\n`;
}

/** Numbers that differ from run to run (ports that were drawn) stay out of the page's diffs as far as one line goes. */
const shorten = (why: string): string => (why.length > 200 ? `${why.slice(0, 197)}…` : why);

/** What of the page no longer is what the rows say; empty when the page is up to date. */
export function findStale(sections: readonly Section[], page: string): string[] {
  const rows = sections.flatMap((section) => section.rows);
  const stale = rows
    .filter((row) => !page.includes(`${writeRow(row)} `) || !page.includes(proofOf(row)))
    .map(({ id }) => `${id}: the page does not say what the row says`);
  const known = new Set(rows.map(({ id }) => id));
  const written = new Set([...page.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map((match) => match[1] ?? ''));
  return [...stale, ...[...written].filter((id) => !known.has(id)).map((id) => `${id}: there is no such row`)];
}
