/** A program that goes on beside the test: a server, a client under way, a capture. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { until } from './until.ts';

export class Program {
  readonly command: string;
  #child: ChildProcess;
  #output = '';
  #ended: Promise<unknown>;

  constructor(argv: readonly string[], onEnd: (pid: number) => void) {
    this.command = argv.join(' ');
    this.#child = spawn(argv[0]!, argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#ended = once(this.#child, 'close').catch(() => undefined);
    this.#child.on('exit', () => onEnd(this.pid));
    this.#child.stdin?.on('error', () => undefined);
    // A program that is forgotten must not keep the process alive: its end takes the laboratory down.
    this.#child.unref();
    for (const pipe of this.#child.stdio) (pipe as Socket | null)?.unref();
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }
  /** What it has printed until now, standard output and error together. */
  get output(): string {
    return this.#output;
  }
  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Waits until its output matches, and returns the match. */
  async says(pattern: RegExp, limit = 10_000): Promise<RegExpExecArray> {
    return until(
      `${this.command} says ${pattern} (it has said: ${JSON.stringify(this.#output.slice(-500))})`,
      () => {
        const found = pattern.exec(this.#output);
        if (found === null && !this.running) throw new Error(`${this.command} has ended: ${this.#output}`);
        return found;
      },
      limit,
    );
  }

  /** Hands on each line of its standard output from now on, in place of collecting it. */
  onLine(take: (line: string) => void): void {
    let rest = '';
    this.#child.stdout?.removeAllListeners('data').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
    });
  }

  write(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Its exit code; null after a signal. */
  async end(limit = 60_000): Promise<number | null> {
    let ended = false;
    void this.#ended.then(() => {
      ended = true;
    });
    await until(`${this.command} ends`, () => ended, limit);
    return this.#child.exitCode;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.running) this.#child.kill(signal);
    await this.end();
  }
}
