/** A short part of `npm run behaviour`, and that its page is not stale. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { columns } from './columns.ts';
import { findStale, writeReport } from './report.ts';
import { sections } from './rows/sections.ts';
import { proveColumn, type Result, runColumn } from './run.ts';

needs('root', 'linux', 'tun', 'btf');

const rows = sections.flatMap((section) => section.rows);
/** Rows without a setting of their own: one set-up carries them all. */
const short = [
  'udp-1',
  'udp-3',
  'udp-8',
  'udp-9',
  'tcp-2-simultaneous',
  'tcp-9',
  'icmp-1',
  'icmp-4',
  'icmp-4-icmp',
  'icmp-5',
];
const chosen = rows.filter(({ id }) => short.includes(id));
const [masqc] = columns;

const behaviour = suite('behaviour');

behaviour('docs/behaviour.md says what the rows say', () => {
  const page = readFileSync(new URL('../../docs/behaviour.md', import.meta.url), 'utf8');
  assert.equal(findStale(sections, page), []);
});

behaviour('a page without a row, or with another text, or with a row too many is stale', () => {
  const page = writeReport(sections, ['masqc'], new Map(), '6.18');
  const first = rows[0];
  assert.ok(first !== undefined);
  assert.equal(findStale(sections, page), []);
  assert.is(findStale(sections, page.replace(first.text, 'something else')).length, 1);
  assert.is(findStale([{ title: 'one', rows: rows.slice(1) }], page).length, 1);
});

behaviour('names of rows are used once', () => {
  assert.is(new Set(rows.map(({ id }) => id)).size, rows.length);
});

behaviour('masqc passes the short rows', async () => {
  assert.is(chosen.length, short.length);
  assert.ok(masqc !== undefined);
  const results: Result[] = [];
  await runColumn(masqc, chosen, (result) => results.push(result));
  assert.equal(
    results.filter(({ outcome }) => outcome !== 'pass').map(({ row, why }) => `${row.id}: ${why}`),
    [],
  );
  assert.is(results.length, chosen.length);
});

behaviour('their checks fail where something before the gateway spoils what they look at', async () => {
  assert.ok(masqc !== undefined);
  const spoilt = chosen.filter(({ broken }) => 'obstruct' in broken);
  assert.ok(spoilt.length >= 6);
  const results: Result[] = [];
  await proveColumn(masqc, spoilt, (result) => results.push(result));
  assert.equal(
    results.filter(({ outcome }) => outcome !== 'fail').map(({ row, why }) => `${row.id}: ${why}`),
    [],
  );
});

behaviour.run();
