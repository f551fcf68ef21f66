import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { BpfError } from './bpf-error.ts';

declare const fdBrand: unique symbol;
declare const objectBrand: unique symbol;
declare const ringBrand: unique symbol;
/** A descriptor of a map, program, link or BTF, owned by the addon. */
export type FdHandle = { readonly [fdBrand]: true };
/** A bpf_object, owned by the addon. */
export type ObjectHandle = { readonly [objectBrand]: true };

/** A reader of a ring buffer, owned by the addon. */
export type RingHandle = { readonly [ringBrand]: true };

export type Kind = 'map' | 'prog' | 'link' | 'btf';
export type Bytes = Uint8Array<ArrayBuffer>;

export type NativeProgram = {
  readonly name: string;
  readonly section: string;
  readonly type: number;
  readonly attachType: number;
  readonly autoload: boolean;
  readonly instructions: number;
};
export type NativeMap = {
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly internal: boolean;
  readonly pinPath: string | null;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
};
export type NativeMapInfo = {
  readonly type: number;
  readonly id: number;
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly ifindex: number;
  readonly btfId: number;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
};
export type NativePage = {
  readonly count: number;
  readonly keys: Bytes;
  readonly values: Bytes;
  readonly position: Bytes | null;
  readonly unsupported: boolean;
};
export type NativeProgramInfo = {
  readonly type: number;
  readonly id: number;
  readonly tag: string;
  readonly name: string;
  readonly btfId: number;
  readonly mapIds: readonly number[];
  readonly loadedNs: bigint;
  readonly xlatedBytes: number;
  readonly jitedBytes: number;
  readonly verifiedInstructions: number;
  readonly runTimeNs: bigint;
  readonly runCount: bigint;
  readonly ifindex: number;
};
export type NativeTestRun = {
  readonly retval: number;
  readonly durationNs: number;
  readonly data: Bytes;
  readonly context: Bytes;
};
export type NativeLinkInfo = {
  readonly type: number;
  readonly id: number;
  readonly programId: number;
  readonly ifindex: number;
  readonly attachType: number;
};
export type NativeFilter = {
  readonly handle: number;
  readonly priority: number;
  readonly programId: number;
  readonly kind: string;
  readonly name: string;
};
export type NativeXdp = {
  readonly attachMode: number;
  readonly programId: number;
  readonly nativeId: number;
  readonly genericId: number;
  readonly offloadId: number;
};

/** What src/*.cpp exports; each function's comment is there. */
export type Addon = {
  setErrorFactory(make: (op: string, errno: number, object: string, log: string) => Error): void;
  fdClose(fd: FdHandle): void;
  fdIsOpen(fd: FdHandle): boolean;
  fdNumber(fd: FdHandle): number;
  fdDuplicate(fd: FdHandle): FdHandle;
  fdKind(fd: FdHandle): Kind | 'other';
  fdPin(fd: FdHandle, path: string): void;
  fdOpenPinned(path: string, fileFlags: number): FdHandle;
  fdById(kind: Kind, id: number): FdHandle;
  nextId(kind: Kind, id: number): number | null;
  btfBytes(fd: FdHandle): Bytes;
  objectOpen(source: string | Uint8Array, name: string, pinRoot: string | null): ObjectHandle;
  objectClose(object: ObjectHandle): void;
  objectName(object: ObjectHandle): string;
  objectPrograms(object: ObjectHandle): NativeProgram[];
  objectMaps(object: ObjectHandle): NativeMap[];
  objectBtf(object: ObjectHandle): Bytes | null;
  objectSetAutoload(object: ObjectHandle, program: string, on: boolean): void;
  objectSetMaxEntries(object: ObjectHandle, map: string, entries: number): void;
  objectSetPinPath(object: ObjectHandle, map: string, path: string | null): void;
  objectReuseMap(object: ObjectHandle, map: string, fd: FdHandle): void;
  objectInitialValue(object: ObjectHandle, map: string): Bytes;
  objectSetInitialValue(object: ObjectHandle, map: string, value: Uint8Array): void;
  objectLoad(object: ObjectHandle): Promise<string>;
  objectProgramFd(object: ObjectHandle, program: string): FdHandle;
  objectMapFd(object: ObjectHandle, map: string): FdHandle;
  objectPinMaps(object: ObjectHandle, directory: string | null): void;
  mapCreate(
    type: number,
    name: string,
    keySize: number,
    valueSize: number,
    maxEntries: number,
    flags: number,
    inner: FdHandle | null,
  ): FdHandle;
  mapInfo(fd: FdHandle): NativeMapInfo;
  possibleCpus(): number;
  mapLookup(fd: FdHandle, key: Uint8Array | null, valueBytes: number, flags: number): Bytes | null;
  mapLookupAndDelete(fd: FdHandle, key: Uint8Array | null, valueBytes: number): Bytes | null;
  mapUpdate(fd: FdHandle, key: Uint8Array | null, value: Uint8Array, flags: number): void;
  mapUpdateFd(fd: FdHandle, key: Uint8Array, target: FdHandle, flags: number): void;
  mapDelete(fd: FdHandle, key: Uint8Array): boolean;
  mapNextKey(fd: FdHandle, key: Uint8Array | null, keySize: number): Bytes | null;
  mapFreeze(fd: FdHandle): void;
  mapLookupBatch(
    fd: FdHandle,
    position: Uint8Array | null,
    keySize: number,
    valueBytes: number,
    count: number,
  ): Promise<NativePage>;
  mapWalk(
    fd: FdHandle,
    lastKey: Uint8Array | null,
    keySize: number,
    valueBytes: number,
    count: number,
  ): Promise<NativePage>;
  mapUpdateBatch(fd: FdHandle, keys: Uint8Array, values: Uint8Array, count: number, flags: number): Promise<number>;
  mapLookupMany(
    fd: FdHandle,
    keys: Uint8Array,
    count: number,
    valueBytes: number,
  ): Promise<{ readonly values: Bytes; readonly found: Bytes }>;
  mapDeleteBatch(fd: FdHandle, keys: Uint8Array, count: number): Promise<number>;
  ringOpen(fd: FdHandle): RingHandle;
  ringClose(ring: RingHandle): void;
  ringRead(ring: RingHandle, most: number): { readonly bytes: Bytes; readonly ends: readonly number[] };
  ringWait(ring: RingHandle, milliseconds: number): Promise<void>;
  programInfo(fd: FdHandle): NativeProgramInfo;
  programTestRun(
    fd: FdHandle,
    data: Uint8Array | null,
    context: Uint8Array | null,
    repeat: number,
    dataOutSize: number,
    contextOutSize: number,
    flags: number,
    cpu: number,
    batchSize: number,
  ): Promise<NativeTestRun>;
  programTestRunSync(
    fd: FdHandle,
    data: Uint8Array | null,
    context: Uint8Array | null,
    repeat: number,
    dataOutSize: number,
    contextOutSize: number,
    flags: number,
    cpu: number,
    batchSize: number,
  ): NativeTestRun;
  linkCreate(program: FdHandle, ifindex: number, attachType: number, flags: number, label: string): Promise<FdHandle>;
  linkUpdate(link: FdHandle, program: FdHandle, old: FdHandle | null): Promise<void>;
  linkDetach(link: FdHandle): Promise<void>;
  linkInfo(link: FdHandle): NativeLinkInfo;
  tcxQuery(ifindex: number, attachType: number): { readonly programId: number; readonly linkId: number }[];
  linkObjects(out: string | null, inputs: readonly (string | Uint8Array)[]): Promise<Bytes>;
  clsactAttach(
    program: FdHandle,
    ifindex: number,
    direction: number,
    handle: number,
    priority: number,
    replace: boolean,
  ): Promise<{
    readonly handle: number;
    readonly priority: number;
    readonly programId: number;
    readonly createdQdisc: boolean;
  }>;
  clsactDetach(
    ifindex: number,
    direction: number,
    handle: number,
    priority: number,
    programId: number,
    removeQdisc: boolean,
  ): Promise<boolean>;
  clsactQuery(ifindex: number, direction: number): NativeFilter[];
  nameToIndex(name: string): number;
  indexToName(ifindex: number): string | null;
  xdpQuery(ifindex: number): NativeXdp;
  xdpFeatures(ifindex: number): bigint | null;
};

/** Those that return a Promise. */
const ON_A_WORKER = [
  'objectLoad',
  'mapLookupBatch',
  'mapWalk',
  'mapLookupMany',
  'mapUpdateBatch',
  'mapDeleteBatch',
  'ringWait',
  'programTestRun',
  'linkCreate',
  'linkUpdate',
  'linkDetach',
  'linkObjects',
  'clsactAttach',
  'clsactDetach',
] as const;

/**
 * An error of work on another thread is made where no JavaScript runs: it gets the stack of those who wait for it.
 */
async function settle(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof BpfError) Error.captureStackTrace(error, settle);
    throw error;
  }
}

function withStacks(native: Addon): Addon {
  const functions: Record<string, unknown> = { ...native };
  for (const name of ON_A_WORKER) {
    const start = native[name] as (...words: unknown[]) => Promise<unknown>;
    functions[name] = (...words: unknown[]) => settle(start(...words));
  }
  return functions as Addon;
}

let loaded: Addon | null = null;

/** Loads libbpf.node at the first call. LIBBPF_TS_ADDON names another file (the sanitizers' build). */
export function addon(): Addon {
  if (loaded !== null) return loaded;
  const path =
    process.env.LIBBPF_TS_ADDON ??
    fileURLToPath(new URL(`../prebuilt/${process.platform}-${process.arch}/libbpf.node`, import.meta.url));
  let native: Addon;
  try {
    native = createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new BpfError('load the addon', -2, path, reason, { cause });
  }
  native.setErrorFactory((op, errno, object, log) => new BpfError(op, errno, object, log));
  loaded = withStacks(native);
  return loaded;
}
