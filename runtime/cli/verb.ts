import type { ExitCode } from './exit.ts';
import type { Io } from './io.ts';

export interface VerbOption {
  /** As commander reads it: `-o, --output <dir>`. */
  readonly flags: string;
  readonly says: string;
  readonly choices?: readonly string[];
  readonly required?: boolean;
  readonly default?: string;
}

/** The values of the options by their long names; a switch is true, what was not given is absent. */
export type Options = Readonly<Record<string, string | boolean | undefined>>;
export type Run = (args: readonly string[], options: Options, io: Io) => Promise<ExitCode>;

/** A row of the verb table: all that `--help` teaches, and where the work is done. */
export interface Verb {
  readonly name: string;
  readonly arguments: readonly {
    readonly name: string;
    readonly says: string;
    readonly choices?: readonly string[];
    /** May be left out. */
    readonly optional?: boolean;
    /** May be given several times; only the last one. */
    readonly several?: boolean;
  }[];
  readonly summary: string;
  /** A paragraph or two: what it does, what it needs, what it changes. */
  readonly description: string;
  readonly options: readonly VerbOption[];
  readonly examples: readonly { readonly line: string; readonly says: string }[];
  readonly exits: readonly { readonly code: ExitCode; readonly says: string }[];
  /** Loaded only when the verb is called, so that `check` pays for nothing else. */
  readonly load: () => Promise<{ readonly run: Run }>;
}

/** The text of a string option, or its fallback. */
export function textOption(options: Options, name: string, fallback: string): string {
  const value = options[name];
  return typeof value === 'string' ? value : fallback;
}
