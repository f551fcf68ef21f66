/**
 * What must hold of any text: it is read to its end in a bounded time, each diagnostic says something and points into the
 * text; and where nothing is wrong with it, its one form has the same decisions.
 */
import * as assert from 'uvu/assert';
import { compile } from '../../../compiler/compile.ts';
import type { Diagnostic } from '../../../grammar/diagnostic.ts';
import { format } from '../../../grammar/format/format.ts';
import { checkSpan } from '../../grammar/read.ts';

/** Milliseconds of processor time that one text may take, of a few kilobytes. */
export const MOST_MS = 2000;
const FILE = 'gateway.masq';
const LIST = '198.51.100.0/24\n2001:db8:bad::/48\n';

export interface Judged {
  readonly accepted: boolean;
  readonly ms: number;
}

/** @throws what does not hold */
export function judge(text: string): Judged {
  const before = process.cpuUsage();
  const { diagnostics, model } = compileText(text);
  const { user, system } = process.cpuUsage(before);
  const ms = (user + system) / 1000;
  assert.ok(ms < MOST_MS, `it took ${Math.round(ms)} ms`);
  for (const one of diagnostics) if (one.span.file === FILE) checkDiagnostic(text, one);
  assert.ok(
    model !== null || diagnostics.some(({ severity }) => severity === 'error'),
    'a text without model has an error',
  );
  const formatted = format({ file: FILE, text }).text;
  if (formatted === null) return { accepted: model !== null, ms };
  assert.is(format({ file: FILE, text: formatted }).text, formatted, 'its form changes when it is formed again');
  const again = compileText(formatted);
  assert.equal(
    again.diagnostics.map(({ code }) => code).sort(),
    diagnostics.map(({ code }) => code).sort(),
    'its form has other diagnostics',
  );
  return { accepted: model !== null, ms };
}

function compileText(text: string) {
  return compile(FILE, (path) => {
    if (path === FILE) return { text };
    return /\.txt$/.test(path) ? { text: LIST } : { problem: 'does not exist' };
  });
}

function checkDiagnostic(text: string, { span, related, fixes, message, expected }: Diagnostic): void {
  const places = [span, ...related.map((one) => one.span), ...fixes.map((one) => one.span)];
  for (const place of places) if (place.file === FILE) checkSpan(text, place);
  assert.ok(message.length > 0 && message.length < 600, `a message of ${message.length} characters`);
  assert.not.match(`${message}${expected ?? ''}`, /undefined|NaN|\[object/);
}
