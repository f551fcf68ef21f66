import { addon, type Bytes, type FdHandle } from './addon.ts';
import { BpfError } from './bpf-error.ts';
import { checkBytes, checkText, checkUint32 } from './check.ts';
import { type ProgramType, programTypeName } from './kinds.ts';
import { type TestContext, writeTestContext } from './test-context.ts';

export type ProgramInfo = {
  readonly type: ProgramType;
  readonly id: number;
  /** At most 15 characters of the name. */
  readonly name: string;
  /** SHA of the instructions, 16 hex digits. */
  readonly tag: string;
  /** 0 without BTF. */
  readonly btfId: number;
  readonly mapIds: readonly number[];
  /** When it was loaded, ns since boot. */
  readonly loadedNs: bigint;
  readonly xlatedBytes: number;
  readonly jitedBytes: number;
  readonly verifiedInstructions: number;
  /** 0 unless kernel.bpf_stats_enabled. */
  readonly runTimeNs: bigint;
  readonly runCount: bigint;
};

export type TestRunOptions = {
  /** The packet, Ethernet header included. */
  readonly data?: Uint8Array;
  /** Fields of xdp_md or __sk_buff by the program's type, or the whole struct's bytes; of a syscall program: its argument. */
  readonly context?: TestContext | Uint8Array;
  /** How often (1); the duration is the mean. A syscall program runs once, and nobody measures. */
  readonly repeat?: number;
  /** Room for the packet that comes out (data + 1024); 0 asks for none. */
  readonly dataOutSize?: number;
  /** BPF_F_TEST_* bits. */
  readonly flags?: number;
  /** With flag BPF_F_TEST_RUN_ON_CPU. */
  readonly cpu?: number;
  /** XDP live frames: the verdicts are carried out, packets really leave; nothing comes back. */
  readonly live?: boolean;
  readonly batchSize?: number;
};

export type TestRunResult = {
  readonly retval: number;
  readonly durationNs: number;
  readonly data: Bytes;
  /** xdp_md or __sk_buff afterwards; empty where no context was given. */
  readonly context: Bytes;
};

/** Bytes: more than any packet has, GSO and all. */
const MAX_PACKET = 1 << 24;
export const BPF_F_TEST_RUN_ON_CPU = 1;
export const BPF_F_TEST_XDP_LIVE_FRAMES = 2;

/** A program in the kernel, or one of an object that is not loaded yet (then every method throws ENOENT). */
export class BpfProgram {
  #fd: FdHandle | null;
  #info: ProgramInfo | null = null;
  readonly #obtain: (() => FdHandle) | null;
  readonly #name: string;

  /** For this package: use BpfObject.program, openPinned or byId. */
  constructor(name: string, source: FdHandle | (() => FdHandle)) {
    this.#name = name;
    this.#fd = typeof source === 'function' ? null : source;
    this.#obtain = typeof source === 'function' ? source : null;
  }

  static openPinned(path: string): BpfProgram {
    const fd = addon().fdOpenPinned(checkText(path, 'path'), 0);
    return BpfProgram.#fromFd(fd, path);
  }

  static byId(id: number): BpfProgram {
    return BpfProgram.#fromFd(addon().fdById('prog', checkUint32(id, 'id')), `program ${id}`);
  }

  static #fromFd(fd: FdHandle, label: string): BpfProgram {
    if (addon().fdKind(fd) !== 'prog') {
      addon().fdClose(fd);
      throw new BpfError('open_pinned', 22, label, 'it is not a program');
    }
    return new BpfProgram(addon().programInfo(fd).name, fd);
  }

  /** For this package: the native handle. */
  handle(): FdHandle {
    this.#fd ??= (this.#obtain as () => FdHandle)();
    return this.#fd;
  }

  /** The name in the object, else the kernel's (15 characters). */
  get name(): string {
    return this.#name;
  }
  get id(): number {
    return this.#stable().id;
  }
  get type(): ProgramType {
    return this.#stable().type;
  }

  #stable(): ProgramInfo {
    if (this.#info === null || !addon().fdIsOpen(this.handle())) this.#info = this.info();
    return this.#info;
  }

  info(): ProgramInfo {
    const native = addon().programInfo(this.handle());
    return { ...native, type: programTypeName(native.type) };
  }

  pin(path: string): void {
    addon().fdPin(this.handle(), checkText(path, 'path'));
  }

  /** BPF_PROG_TEST_RUN, on a worker. */
  async testRun(options: TestRunOptions = {}): Promise<TestRunResult> {
    return await addon().programTestRun(...this.#describe(options));
  }
  /** The same on this thread, which waits: for very many short runs, one after the other. */
  testRunSync(options: TestRunOptions = {}): TestRunResult {
    return addon().programTestRunSync(...this.#describe(options));
  }

  #describe(options: TestRunOptions) {
    const isSyscall = this.type === 'syscall'; // the kernel takes nothing but the context, and hands nothing out
    const { data, context, repeat = isSyscall ? 0 : 1, flags = 0, cpu = 0, live = false, batchSize = 0 } = options;
    if (data !== undefined) checkBytes(data, 'data');
    const room = options.dataOutSize ?? (live || data === undefined ? 0 : data.byteLength + 1024);
    const contextBytes =
      context === undefined || context instanceof Uint8Array
        ? (context ?? null)
        : writeTestContext(this.type, context, data?.byteLength ?? 0);
    return [
      this.handle(),
      data ?? null,
      contextBytes,
      checkUint32(repeat, 'repeat'),
      checkUint32(room, 'dataOutSize', 0, MAX_PACKET),
      live || isSyscall ? 0 : (contextBytes?.byteLength ?? 0),
      checkUint32(flags, 'flags') | (live ? BPF_F_TEST_XDP_LIVE_FRAMES : 0),
      checkUint32(cpu, 'cpu'),
      checkUint32(batchSize, 'batchSize'),
    ] as const;
  }

  /** A second handle of the same program, to be closed by itself. */
  duplicate(): BpfProgram {
    return new BpfProgram(this.#name, addon().fdDuplicate(this.handle()));
  }

  close(): void {
    if (this.#fd !== null) addon().fdClose(this.#fd);
  }
  [Symbol.dispose](): void {
    this.close();
  }
}
