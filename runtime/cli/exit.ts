/** What the process says to whoever called it; the same in every verb (docs/cli.md). */
export const EXIT = {
  /** Nothing to complain of; for `plan`: nothing to do. */
  fine: 0,
  /** The file, or the command line, is wrong. */
  errors: 1,
  /** `plan`: the machine is not yet as the file says; `diff`: the meaning differs. */
  pending: 2,
  /** The machine refused: no root, no BPF, no such interface, another apply at work. */
  refused: 3,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
