import type { CodeName } from '../../../../compiler/check/codes.ts';

/**
 * A code with a text that raises it, at the places marked by «», and one that doesn't. The texts stand on the article's
 * network; `whole` ones stand alone.
 */
export interface Case {
  readonly code: CodeName;
  readonly fact: string;
  readonly bad: string;
  readonly good: string;
  readonly whole?: boolean;
  /** What the first fix of the diagnostic makes of the text is free of it. */
  readonly fixed?: boolean;
  /** Part of the message. */
  readonly says?: string;
}
