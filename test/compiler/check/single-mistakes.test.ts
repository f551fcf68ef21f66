import { readFileSync } from 'node:fs';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Mutation, mutate } from '../../grammar/mutate.ts';
import { checkText, describe } from './check-text.ts';

const suite = makeSuite('single mistakes in examples/deathstar.masq');
const FILE = 'examples/deathstar.masq';
const SOURCE = readFileSync(new URL(`../../../${FILE}`, import.meta.url), 'utf8');
const LINES = SOURCE.split('\n');

/** The mistakes that nobody but the author can see, each with the reason why silence is right. */
const SILENT: readonly (readonly [mistake: string, sentence: string, reason: string])[] = [
  [
    'misspell ppp0',
    'interface wan = ppp0 { mss clamp }',
    'which devices there are is known to the machine, not to the file: `plan` and `apply` say it',
  ],
  ['misspell eth0', 'interface lan = eth0', 'the same'],
  ['misspell eth1', 'interface dmz = eth1', 'the same'],
  ['delete echo-request', 'allow web, dns, icmp echo-request from servers', '`icmp` alone means every type'],
  ['delete echo-request', 'allow web, icmp echo-request to servers', 'the same'],
  ['delete echo-request', 'allow icmp echo-request', 'the same'],
  ['delete dns', 'allow dns from inside', 'a line may allow everything from a place'],
  [
    'delete echo-request',
    'icmp echo-request from 192.0.2.7 on wan to leia is denied by wan-in',
    'an `icmp` packet is an echo request',
  ],
  ['delete echo-request', 'icmp echo-request from 192.0.2.7 on wan to wan is allowed by to-gateway', 'the same'],
];

const sentenceOf = ({ line }: Mutation): string =>
  (LINES[line - 1] ?? '').replace(/#.*/, '').trim().replace(/\s+/g, ' ');
const name = (mutation: Mutation): string => `${mutation.kind} ${mutation.image}`;

/** Does a diagnostic speak of this line, or of the one before or after it where something is missing? */
function isNear(mutation: Mutation, lines: readonly number[]): boolean {
  return lines.some((line) => nextTo(mutation.line, line, 1) || nextTo(mutation.line, line, -1));
}
function nextTo(from: number, to: number, step: 1 | -1): boolean {
  let line = from;
  while (line !== to && (line === from || /^\s*(#|$)/.test(LINES[line - 1] ?? ''))) {
    line += step;
    if (line < 0 || line > LINES.length + 1) return false;
  }
  return line === to;
}

suite('has no error and no warning as it stands', () => {
  assert.equal(describe(checkText(SOURCE, FILE).diagnostics), '');
});

suite('says every deletion and misspelling of a token, but for the silent cases that are right', () => {
  const silent: string[] = [];
  const confirmed = new Set<string>();
  const elsewhere: string[] = [];
  const chatty: string[] = [];
  for (const mutation of mutate(SOURCE)) {
    const errors = checkText(mutation.text, FILE).diagnostics.filter(({ severity }) => severity === 'error');
    const label = `${name(mutation)} in line ${mutation.line}: ${sentenceOf(mutation)}`;
    if (errors.length === 0) {
      const known = SILENT.find(
        ([mistake, sentence]) => mistake === name(mutation) && sentence === sentenceOf(mutation),
      );
      if (known === undefined) silent.push(label);
      else confirmed.add(`${known[0]} in: ${known[1]}`);
      continue;
    }
    const lines = errors.flatMap(({ span, related }) => [span.line, ...related.map((one) => one.span.line)]);
    const missed = errors.some(({ message }) => message === `nothing is named \`${mutation.image}\``);
    if (!isNear(mutation, lines) && !missed) elsewhere.push(`${label}\n${describe(errors)}`);
    if (errors.length > 2) chatty.push(`${label}\n${describe(errors)}`);
  }
  assert.equal(silent, [], 'silent and not known to be right');
  const stale = SILENT.map(([mistake, sentence]) => `${mistake} in: ${sentence}`).filter((one) => !confirmed.has(one));
  assert.equal(stale, [], 'held to be silent, and not so');
  assert.equal(elsewhere, [], 'reported in other lines only');
  assert.equal(chatty, [], 'more than two errors for one mistake');
});

suite.run();
