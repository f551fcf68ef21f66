import { execa } from 'execa';
import { Program } from './program.ts';

/** How a program ended that was waited for. `code` is null when it ran out of time or was killed. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly milliseconds: number;
}

/** One machine of the laboratory: a network namespace. Programs enter it by `ip netns exec`. */
export class Namespace {
  /** What the story calls it, e.g. `han`. */
  readonly name: string;
  /** Its name below /run/netns. */
  readonly id: string;
  #children: Set<number>;

  constructor(name: string, id: string, children: Set<number>) {
    this.name = name;
    this.id = id;
    this.#children = children;
  }

  /** The whole command; a program that outlives the laboratory's process is killed by the kernel. */
  command(argv: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.id, 'setpriv', '--pdeathsig', 'KILL', ...argv];
  }

  /** Runs a program to its end, however that is. `limit` in milliseconds. */
  async run(argv: readonly string[], options: { limit?: number; input?: string; cwd?: string } = {}): Promise<Ended> {
    const [file, ...args] = this.command(argv);
    const done = await execa(file!, args, {
      reject: false,
      timeout: options.limit ?? 30_000,
      forceKillAfterDelay: 1000,
      stripFinalNewline: false,
      ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    return { code: done.exitCode ?? null, out: done.stdout, err: done.stderr, milliseconds: done.durationMs };
  }

  /** As run(), with bytes for its standard input. */
  async runWith(input: Uint8Array, argv: readonly string[], limit: number): Promise<Ended> {
    const [file, ...args] = this.command(argv);
    const done = await execa(file!, args, { reject: false, timeout: limit, input });
    return { code: done.exitCode ?? null, out: done.stdout, err: done.stderr, milliseconds: done.durationMs };
  }

  /** Runs a program that must end well, and returns what it prints. */
  async ask(...argv: string[]): Promise<string> {
    const { code, out, err } = await this.run(argv);
    if (code !== 0) throw new Error(`${this.name}: ${argv.join(' ')} ended with ${code}\n${out}${err}`);
    return out;
  }

  /** Starts a program and goes on. It ends with the laboratory at the latest. */
  start(...argv: string[]): Program {
    const program = new Program(this.command(argv), (pid) => this.#children.delete(pid));
    this.#children.add(program.pid);
    return program;
  }

  /** Lines for `ip -batch`, e.g. `link set eth0 up`. */
  async ip(...lines: string[]): Promise<void> {
    await execa('ip', ['-n', this.id, '-batch', '-'], { input: lines.join('\n') });
  }

  /** e.g. `set({ 'net.ipv4.ip_forward': 1 })` */
  async set(sysctls: Readonly<Record<string, number | string>>): Promise<void> {
    await this.ask('sysctl', '-qw', ...Object.entries(sysctls).map(([key, value]) => `${key}=${value}`));
  }
}
