import type { Span } from './span.ts';

/** `note`: nothing is wrong, but a target treats a default otherwise. */
export type Severity = 'error' | 'warning' | 'note';

/** A second place that explains the first: "opened here", "first declared here". */
export interface Related {
  readonly span: Span;
  readonly message: string;
}

/** A mechanical mend: replace the text of `span` (empty: insert before it) by `replacement`. */
export interface Fix {
  readonly title: string;
  readonly span: Span;
  readonly replacement: string;
  /** There is no other way to mend it that somebody could have meant: `masqc check --fix` does it unasked. */
  readonly certain?: boolean;
}

/**
 * One thing that is wrong with a file. `message` says what is wrong, `expected` what would be right; both in the
 * admin's words. Codes are never reused: MQ0xx reading, MQ1xx words and syntax, MQ2xx names and types, MQ3xx meaning,
 * MQ4xx warnings, MQ5xx expectations, MQ6xx artifacts and targets, MQ7xx the machine.
 */
export interface Diagnostic {
  readonly code: `MQ${number}`;
  readonly severity: Severity;
  readonly message: string;
  readonly expected?: string;
  readonly span: Span;
  /** Of a file in JSON: the value, `declarations[3].policy.rules[0]`. */
  readonly path?: string;
  readonly related: readonly Related[];
  readonly fixes: readonly Fix[];
}
