import { EXIT, type ExitCode } from './exit.ts';

/**
 * Something stands in the way that is not masqc's fault: said in one sentence, with what to do about it. Everything
 * else that is thrown is a bug (or a kernel that broke its word) and is shown with its stack when MASQC_DEBUG is set.
 */
export class Refusal extends Error {
  /** What the reader can do now; null when the sentence says it all. */
  readonly advice: string | null;
  readonly exit: ExitCode;
  /** What the kernel or a tool said in its own words, e.g. the verifier's last lines. */
  readonly detail: string | null;

  constructor(sentence: string, advice: string | null = null, exit: ExitCode = EXIT.refused, detail?: string | null) {
    super(sentence);
    this.name = 'Refusal';
    this.advice = advice;
    this.exit = exit;
    this.detail = detail ?? null;
  }
}

/** The command line or the file is wrong (exit 1), rather than the machine (exit 3). */
export function refuseInput(sentence: string, advice: string | null = null): Refusal {
  return new Refusal(sentence, advice, EXIT.errors);
}
