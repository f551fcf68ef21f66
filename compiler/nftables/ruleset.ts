/** What a ruleset is made of, before it is text: the sets, maps and chains of one table. */

/** `match statement comment "…"`; the comment is what stands between the quotes. */
export interface Line {
  readonly match: string;
  readonly statement: string;
  readonly comment: string | null;
}

/** A line that asks nothing, or says all in its statement. */
export const always = (statement: string, comment: string | null = null): Line => ({ match: '', statement, comment });

export interface Chain {
  readonly name: string;
  /** What it is for, in the text only. */
  readonly says: string | null;
  /** `type filter hook forward priority filter; policy drop;`; null: it is jumped to. */
  readonly hook: string | null;
  readonly lines: readonly Line[];
}

export interface NamedSet {
  readonly kind: 'set' | 'map';
  readonly name: string;
  readonly says: string | null;
  /** `type ipv4_addr`, `flags interval`, … */
  readonly spec: readonly string[];
  readonly elements: readonly string[];
}

/** A `ct timeout` object. */
export interface Timeout {
  readonly name: string;
  readonly lines: readonly string[];
}

export interface Ruleset {
  readonly timeouts: readonly Timeout[];
  readonly sets: readonly NamedSet[];
  readonly chains: readonly Chain[];
}
