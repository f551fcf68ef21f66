import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks again and again until the answer is neither false, null nor undefined, and returns it.
 *
 * @param what for the message when it never comes, e.g. `the web server answers`
 * @param limit in milliseconds
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  limit = 5000,
): Promise<Exclude<T, false | null | undefined>> {
  const end = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer !== false && answer !== null && answer !== undefined) {
      return answer as Exclude<T, false | null | undefined>;
    }
    if (Date.now() > end) throw new Error(`waited ${limit} ms in vain: ${what}`);
    await pause(20);
  }
}
