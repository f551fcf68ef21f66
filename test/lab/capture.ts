import type { Namespace } from './namespace.ts';
import type { Program } from './program.ts';

/** Listens on a device: what matches, tcpdump's filter language. Wait for it before sending anything. */
export async function listen(where: Namespace, device: string, filter: string): Promise<Capture> {
  const program = where.start('tcpdump', '-nn', '-l', '--immediate-mode', '-i', device, filter);
  await program.says(/listening on/);
  return new Capture(program);
}

export class Capture {
  #program: Program;

  constructor(program: Program) {
    this.#program = program;
  }

  /** Stops listening; a line for each packet that was heard. */
  async end(): Promise<string[]> {
    await this.#program.stop('SIGINT');
    return this.#program.output.split('\n').filter((line) => /^\d\d:\d\d:\d\d\.\d+ /.test(line));
  }

  /** Waits until a packet has been heard whose line matches. */
  async hears(pattern: RegExp): Promise<void> {
    await this.#program.says(pattern);
  }
}
