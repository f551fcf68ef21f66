/** A program that goes on beside the test: a server, a client under way, a capture. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

export class Program {
  readonly command: string;
  #child: ChildProcess;
  #output = '';
  #closed = false;
  /** Who waits for more of its output, or for its end. */
  #waiting = new Set<() => void>();

  constructor(argv: readonly string[], onEnd: (pid: number) => void) {
    this.command = argv.join(' ');
    this.#child = spawn(argv[0]!, argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.on('error', () => undefined); // 'close' follows
    this.#child.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
    this.#child.on('exit', () => onEnd(this.pid));
    this.#child.stdin?.on('error', () => undefined);
    // A program that is forgotten must not keep the process alive: its end takes the laboratory down.
    this.#child.unref();
    for (const pipe of this.#child.stdio) (pipe as Socket | null)?.unref();
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#wake();
      });
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
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

  /**
   * Asks again whenever it has printed more, until the answer is not null, and returns it.
   *
   * @param what for the message when it never comes or the program ends before
   * @param limit in milliseconds
   */
  async hears<T>(what: string, ask: (output: string) => T | null, limit: number): Promise<T> {
    const end = performance.now() + limit;
    for (;;) {
      const answer = ask(this.#output);
      if (answer !== null) return answer;
      const left = end - performance.now();
      if (this.#closed) throw new Error(`${this.command} has ended: ${this.#output}`);
      if (left <= 0) {
        throw new Error(
          `waited ${limit} ms in vain: ${what} (it has said: ${JSON.stringify(this.#output.slice(-500))})`,
        );
      }
      await this.#change(left);
    }
  }

  /** Until it prints more, or ends, or `limit` milliseconds are over. The timer keeps the process alive. */
  #change(limit: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limit);
      this.#waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Waits until its output matches, and returns the match. */
  async says(pattern: RegExp, limit = 10_000): Promise<RegExpExecArray> {
    return this.hears(`${this.command} says ${pattern}`, (output) => pattern.exec(output), limit);
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
    const until = performance.now() + limit;
    while (!this.#closed) {
      const left = until - performance.now();
      if (left <= 0) throw new Error(`waited ${limit} ms in vain: ${this.command} ends`);
      await this.#change(left);
    }
    return this.#child.exitCode;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.running) this.#child.kill(signal);
    await this.end();
  }
}
