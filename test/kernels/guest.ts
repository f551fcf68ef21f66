/** What the programs of the guest share. Its machine is emulated: everything takes twenty times as long, and few processes are best. */
import { masqcCommand } from '../lab/masqc.ts';
import type { Ended, Namespace } from '../lab/namespace.ts';
import type { Program } from '../lab/program.ts';

export const PATIENT = 240_000; // ms

/** Facts about one gateway, said as they are found. */
export class Facts {
  #passed = 0;
  #failed = 0;
  readonly #gateway: Namespace;

  constructor(gateway: Namespace) {
    this.#gateway = gateway;
  }

  async check(fact: string, ask: () => Promise<boolean>): Promise<void> {
    let good = false;
    let why = '';
    try {
      good = await ask();
    } catch (error) {
      why = `: ${error instanceof Error ? error.message : error}`;
    }
    console.log(`${good ? 'ok' : 'NOT OK'}  ${fact}${why}`);
    if (good) this.#passed++;
    else this.#failed++;
  }

  /** The emulator sometimes kills Node with a signal; the same command then runs again, as an admin would run it. */
  async masqc(...args: string[]): Promise<Ended> {
    for (let again = 2; ; again--) {
      const ended = await this.#gateway.run([...masqcCommand, ...args], { limit: PATIENT });
      if (ended.code !== null || again === 0) return ended;
      console.log(`  masqc ${args.join(' ')} was killed after ${Math.round(ended.milliseconds / 1000)} s: once more`);
    }
  }
  async show(what: string): Promise<string> {
    const { code, out, err } = await this.masqc('show', what);
    if (code !== 0) throw new Error(err);
    return out;
  }

  /** Says how many held; the exit code. */
  sum(): number {
    console.log(`${this.#passed} passed, ${this.#failed} failed, 0 skipped`);
    return this.#failed > 0 ? 1 : 0;
  }
}

/** A listener that sends who it is and whom it sees. */
export function serve(where: Namespace, port: number): Program {
  const answer = `echo "${where.name} sees $NCAT_REMOTE_ADDR:$NCAT_REMOTE_PORT"`;
  return where.start('ncat', '-lk', String(port), '--sh-exec', answer);
}
/** What a listener sends, '' when there is no answer in time. */
export async function ask(where: Namespace, address: string, port: number): Promise<string> {
  const { out } = await where.run(['ncat', '--recv-only', '-w', '8', address, String(port)], { limit: PATIENT });
  return out;
}
