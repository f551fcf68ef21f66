/** The gateway did not do what the row says. Any other error of a check is a mistake of the check or of the laboratory. */
export class Failure extends Error {}

/** @throws Failure with what happened instead */
export function must(holds: boolean, instead: string): asserts holds {
  if (!holds) throw new Failure(instead);
}
