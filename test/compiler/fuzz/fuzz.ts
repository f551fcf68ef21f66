import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Random } from '../../datapath/fuzz/random.ts';
import { Damage } from './damage.ts';
import { judge } from './judge.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface Fuzzed {
  readonly inputs: number;
  readonly accepted: number;
  /** Milliseconds of the slowest text. */
  readonly slowest: number;
  readonly findings: readonly Finding[];
}
export interface Finding {
  readonly number: number;
  readonly problem: string;
  readonly text: string;
}

/** Reads and checks `inputs` damaged files; the same for the same seed. `tell` is called every ten thousand. */
export function fuzzLanguage(seed: number, inputs: number, tell: (done: number) => void = () => {}): Fuzzed {
  const files = ['examples/*.masq', 'test/grammar/fixtures/*.masq']
    .flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
    .sort();
  const damage = new Damage(
    new Random(seed),
    files.map((file) => readFileSync(`${ROOT}/${file}`, 'utf8')).filter((text) => text.length < 8000),
  );
  const findings: Finding[] = [];
  let [accepted, slowest] = [0, 0];
  for (let number = 1; number <= inputs; number++) {
    const text = damage.next();
    try {
      const judged = judge(text);
      if (judged.accepted) accepted += 1;
      slowest = Math.max(slowest, judged.ms);
    } catch (error) {
      findings.push({ number, problem: error instanceof Error ? (error.stack ?? error.message) : String(error), text });
    }
    if (number % 10_000 === 0) tell(number);
  }
  return { inputs, accepted, slowest, findings };
}
