import { setTimeout as pause } from 'node:timers/promises';
import { addon, type Bytes, type FdHandle } from './addon.ts';
import { BpfError } from './bpf-error.ts';
import { Btf } from './btf.ts';
import { checkBytes, checkSize, checkText, checkUint32 } from './check.ts';
import { type Codec, makeBytesCodec, makeCodec } from './codec.ts';
import { isPerCpu, type MapType, mapTypeName, mapTypeNumber } from './kinds.ts';
import { join, roundUp, word } from './map-bytes.ts';
import { MapPage } from './map-page.ts';
import { BpfProgram } from './program.ts';
import { type RecordOptions, readRecords } from './ring.ts';

export type MapInfo = {
  readonly type: MapType;
  readonly id: number;
  /** At most 15 characters of the name. */
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** 0 without BTF; the type ids are in that BTF. */
  readonly btfId: number;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
};

/** A number stands for a key of 4 bytes (arrays), in the machine's byte order; null for maps without keys (queues). */
export type MapKey = Uint8Array | number | null;
/** A number stands for a value of 4 bytes; a program or a map for an entry of a program array or a map of maps. */
export type MapValue = Uint8Array | number | BpfProgram | BpfMap;
export type MapSource = { obtain(): FdHandle; setMaxEntries(entries: number): void };
export type UpdateMode = 'any' | 'absent' | 'present';

const PART = 512;
const MOST_TRIES = 6;
const isOutOfMemory = (error: unknown): boolean => error instanceof BpfError && error.code === 'ENOMEM';

const UPDATE_FLAGS: Readonly<Record<UpdateMode, number>> = { any: 0, absent: 1, present: 2 };

/** A map in the kernel, or one of an object that is not loaded yet (then only setMaxEntries works). */
export class BpfMap {
  #fd: FdHandle | null;
  #shape: (MapInfo & { readonly valueBytes: number; readonly perCpu: boolean }) | null = null;
  #btf: Btf | null = null;
  #codec: { readonly key: Codec; readonly value: Codec } | null = null;
  readonly #source: MapSource | null;
  readonly #name: string;

  /** For this package: use BpfObject.map, create, openPinned or byId. */
  constructor(name: string, source: FdHandle | MapSource) {
    this.#name = name;
    this.#source = 'obtain' in source ? source : null;
    this.#fd = 'obtain' in source ? null : source;
  }

  static create(options: {
    readonly type: MapType;
    readonly name?: string;
    readonly keySize: number;
    readonly valueSize: number;
    readonly maxEntries: number;
    /** BPF_F_* bits. */
    readonly flags?: number;
    /** For maps of maps: a map like those that will be put in. */
    readonly inner?: BpfMap;
  }): BpfMap {
    const { type, name = '', keySize, valueSize, maxEntries, flags = 0, inner } = options;
    const fd = addon().mapCreate(
      mapTypeNumber(type),
      name,
      checkUint32(keySize, 'keySize'),
      checkUint32(valueSize, 'valueSize'),
      checkUint32(maxEntries, 'maxEntries'),
      checkUint32(flags, 'flags'),
      inner?.handle() ?? null,
    );
    return new BpfMap(name, fd);
  }

  static openPinned(path: string, options: { readonly readOnly?: boolean } = {}): BpfMap {
    const fd = addon().fdOpenPinned(checkText(path, 'path'), options.readOnly === true ? 8 : 0);
    return BpfMap.#fromFd(fd, path);
  }

  static byId(id: number): BpfMap {
    return BpfMap.#fromFd(addon().fdById('map', checkUint32(id, 'id')), `map ${id}`);
  }

  static #fromFd(fd: FdHandle, label: string): BpfMap {
    if (addon().fdKind(fd) !== 'map') {
      addon().fdClose(fd);
      throw new BpfError('open_pinned', 22, label, 'it is not a map');
    }
    return new BpfMap(addon().mapInfo(fd).name, fd);
  }

  /** For this package: the native handle. */
  handle(): FdHandle {
    this.#fd ??= (this.#source as MapSource).obtain();
    return this.#fd;
  }

  /** The name in the object, else the kernel's (15 characters). */
  get name(): string {
    return this.#name;
  }
  get id(): number {
    return this.#describe().id;
  }
  get type(): MapType {
    return this.#describe().type;
  }
  get keySize(): number {
    return this.#describe().keySize;
  }
  get valueSize(): number {
    return this.#describe().valueSize;
  }
  get maxEntries(): number {
    return this.#describe().maxEntries;
  }

  #describe(): MapInfo & { readonly valueBytes: number; readonly perCpu: boolean } {
    if (this.#shape === null) {
      const info = this.info();
      const perCpu = isPerCpu(info.type);
      const valueBytes = perCpu ? roundUp(info.valueSize) * addon().possibleCpus() : info.valueSize;
      this.#shape = { ...info, perCpu, valueBytes };
    }
    return this.#shape;
  }

  info(): MapInfo {
    const native = addon().mapInfo(this.handle());
    return { ...native, type: mapTypeName(native.type) };
  }

  /** Before the object is loaded. */
  setMaxEntries(entries: number): void {
    if (this.#source === null)
      throw new BpfError('set_max_entries', 16, this.#name, 'the map is in the kernel already');
    this.#source.setMaxEntries(checkUint32(entries, 'maxEntries', 1));
  }

  #key(key: MapKey): Uint8Array | null {
    const { keySize } = this.#describe();
    if (keySize === 0 && key === null) return null;
    if (typeof key === 'number') return checkSize(word(checkUint32(key, 'key')), keySize, `the key of ${this.#name}`);
    return checkSize(key, keySize, `the key of ${this.#name}`);
  }

  #value(value: Uint8Array | number): Uint8Array {
    const { valueBytes } = this.#describe();
    const bytes = typeof value === 'number' ? word(checkUint32(value, 'value')) : value;
    return checkSize(bytes, valueBytes, `the value of ${this.#name}`);
  }

  #refusePerCpu(instead: string): void {
    if (this.#describe().perCpu) throw new TypeError(`${this.#name} has a value for each CPU: use ${instead}`);
  }

  get(key: MapKey): Bytes | null {
    this.#refusePerCpu('getPerCpu');
    return addon().mapLookup(this.handle(), this.#key(key), this.#describe().valueBytes, 0);
  }

  /** One value for each possible CPU. */
  getPerCpu(key: MapKey): Bytes[] | null {
    const value = addon().mapLookup(this.handle(), this.#key(key), this.#describe().valueBytes, 0);
    return value === null ? null : this.splitPerCpu(value);
  }

  /** 'absent' throws EEXIST, 'present' ENOENT. */
  set(key: MapKey, value: MapValue, mode: UpdateMode = 'any'): void {
    const bytes = this.#key(key);
    if (value instanceof BpfProgram || value instanceof BpfMap) {
      addon().mapUpdateFd(this.handle(), checkBytes(bytes, 'key'), value.handle(), UPDATE_FLAGS[mode]);
      return;
    }
    this.#refusePerCpu('setPerCpu');
    addon().mapUpdate(this.handle(), bytes, this.#value(value), UPDATE_FLAGS[mode]);
  }

  setPerCpu(key: MapKey, values: readonly Uint8Array[], mode: UpdateMode = 'any'): void {
    addon().mapUpdate(this.handle(), this.#key(key), this.joinPerCpu(values), UPDATE_FLAGS[mode]);
  }

  /** Whether it was there. (Elements of arrays can't be deleted: EINVAL.) */
  delete(key: Uint8Array | number): boolean {
    return addon().mapDelete(this.handle(), checkBytes(this.#key(key), 'key'));
  }

  /** Takes an element out: of a hash by its key, of a queue or stack with null. */
  take(key: MapKey): Bytes | null {
    return addon().mapLookupAndDelete(this.handle(), this.#key(key), this.#describe().valueBytes);
  }

  /** The key after `key`, the first for null; null at the end. */
  nextKey(key: Uint8Array | null): Bytes | null {
    const { keySize } = this.#describe();
    if (key !== null) checkSize(key, keySize, 'key');
    return addon().mapNextKey(this.handle(), key, keySize);
  }

  /**
   * All elements, in pages of about `size` (a page may hold more: the kernel hands out whole buckets). While others
   * write, an element that stays the whole time is seen; with map types that have no batch look-up one may be seen
   * twice.
   */
  async *pages(options: { readonly size?: number } = {}): AsyncGenerator<MapPage, void, undefined> {
    const { keySize, valueBytes, maxEntries } = this.#describe();
    const size = Math.min(checkUint32(options.size ?? 4096, 'size', 1), Math.max(maxEntries, 1));
    const make = (native: { count: number; keys: Bytes; values: Bytes }): MapPage =>
      new MapPage(native.count, native.keys, native.values, keySize, valueBytes);

    let page = await addon().mapLookupBatch(this.handle(), null, keySize, valueBytes, size);
    const walk = page.unsupported;
    if (walk) page = await addon().mapWalk(this.handle(), null, keySize, valueBytes, size);
    for (let seen = page.count; ; seen += page.count) {
      if (page.count > 0) yield make(page);
      // A walk starts again where its last key has gone: it must not go on for ever.
      if (page.position === null || (walk && seen > 2 * maxEntries)) return;
      const step = walk ? addon().mapWalk : addon().mapLookupBatch;
      page = await step(this.handle(), page.position, keySize, valueBytes, size);
    }
  }

  /** All elements one by one; of a per-CPU map the value is that of all CPUs (splitPerCpu). */
  async *entries(): AsyncGenerator<readonly [key: Bytes, value: Bytes], void, undefined> {
    for await (const page of this.pages()) yield* page;
  }

  /**
   * The values of many keys, which lie one behind the other; looked up on a worker. In `found` a byte a key: 1 if it is
   * there; else its value is zeros. Values lie in the order of the keys.
   */
  async getMany(keys: Uint8Array): Promise<{ readonly values: Bytes; readonly found: Bytes }> {
    const { keySize, valueBytes } = this.#describe();
    const count = checkBytes(keys, 'keys').byteLength / Math.max(keySize, 1);
    if (keySize === 0 || !Number.isInteger(count)) throw new RangeError(`keys must be a multiple of ${keySize} bytes`);
    return await addon().mapLookupMany(this.handle(), keys, count, valueBytes);
  }

  /** Writes many elements on a worker; how many were written. Stops at the first error. */
  async setMany(
    entries: Iterable<readonly [key: Uint8Array | number, value: Uint8Array | number]>,
    mode: UpdateMode = 'any',
  ): Promise<number> {
    const list = [...entries];
    const keys = join(list.map(([key]) => checkBytes(this.#key(key), 'key')));
    return await this.setPacked(keys, join(list.map(([, value]) => this.#value(value))), mode);
  }

  /**
   * setMany for keys and values that lie one behind the other already: no object for each element. Maps without preallocation take
   * memory where the kernel need not wait for it, and may have none for a moment (ENOMEM): then in parts, each tried again.
   */
  async setPacked(keys: Uint8Array, values: Uint8Array, mode: UpdateMode = 'any'): Promise<number> {
    const { keySize, valueBytes } = this.#describe();
    const count = checkBytes(keys, 'keys').byteLength / Math.max(keySize, 1);
    if (keySize === 0 || !Number.isInteger(count)) throw new RangeError(`keys must be a multiple of ${keySize} bytes`);
    checkSize(values, count * valueBytes, 'values');
    try {
      return await addon().mapUpdateBatch(this.handle(), keys, values, count, UPDATE_FLAGS[mode]);
    } catch (error) {
      if (mode !== 'any' || !isOutOfMemory(error)) throw error;
    }
    for (let first = 0; first < count; first += PART) {
      const last = Math.min(first + PART, count);
      await this.#setPart(
        keys.subarray(first * keySize, last * keySize),
        values.subarray(first * valueBytes, last * valueBytes),
        last - first,
      );
    }
    return count;
  }

  async #setPart(keys: Uint8Array, values: Uint8Array, count: number): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await addon().mapUpdateBatch(this.handle(), keys, values, count, UPDATE_FLAGS.any);
        return;
      } catch (error) {
        if (tries === MOST_TRIES || !isOutOfMemory(error)) throw error;
        await pause(5 * 2 ** tries);
      }
    }
  }

  /** Deletes many elements on a worker; how many were there. */
  async deleteMany(keys: Iterable<Uint8Array | number>): Promise<number> {
    const list = [...keys].map((key) => checkBytes(this.#key(key), 'key'));
    return await addon().mapDeleteBatch(this.handle(), join(list), list.length);
  }

  splitPerCpu(value: Uint8Array): Bytes[] {
    const { valueSize } = this.#describe();
    const step = roundUp(valueSize);
    return Array.from(
      { length: value.byteLength / step },
      (_, cpu) => new Uint8Array(value.subarray(cpu * step, cpu * step + valueSize)),
    );
  }

  joinPerCpu(values: readonly Uint8Array[]): Bytes {
    const { valueSize, perCpu } = this.#describe();
    if (!perCpu) throw new TypeError(`${this.#name} has no value for each CPU`);
    const cpus = addon().possibleCpus();
    if (values.length !== cpus)
      throw new RangeError(`${values.length} values, ${cpus} (one a possible CPU) are expected`);
    const bytes = new Uint8Array(roundUp(valueSize) * cpus);
    values.forEach((value, cpu) => {
      bytes.set(checkSize(value, valueSize, 'the value of a CPU'), cpu * roundUp(valueSize));
    });
    return bytes;
  }

  /** The types that the map was made with, which may be older than those of an object file; ENODATA without any. */
  btf(): Btf {
    if (this.#btf !== null) return this.#btf;
    const { btfId } = this.info();
    if (btfId === 0) throw new BpfError('btf', 61, this.#name, 'the map was made without BTF');
    const fd = addon().fdById('btf', btfId);
    try {
      this.#btf = new Btf(addon().btfBytes(fd));
    } finally {
      addon().fdClose(fd);
    }
    return this.#btf;
  }

  /** Readers and writers of keys and values, from the map's own BTF. */
  codec(): { readonly key: Codec; readonly value: Codec } {
    if (this.#codec !== null) return this.#codec;
    const { keyTypeId, valueTypeId, keySize, valueSize } = this.info();
    const btf = this.btf();
    const key = keyTypeId === 0 ? makeBytesCodec(keySize) : makeCodec(btf, keyTypeId);
    const value = valueTypeId === 0 ? makeBytesCodec(valueSize) : makeCodec(btf, valueTypeId);
    this.#codec = { key, value };
    return this.#codec;
  }

  /**
   * Records of a ring buffer, the oldest first, each taken off it: for one reader at a time. Ends when the map is closed,
   * the signal comes, or, without `follow`, where nothing is left. What was taken off in one batch (64 records) and not
   * asked for is lost.
   */
  records(options: RecordOptions = {}): AsyncGenerator<Bytes, void, undefined> {
    if (this.type !== 'ringbuf') throw new TypeError(`${this.#name} is no ring buffer`);
    return readRecords(this.handle(), options);
  }

  pin(path: string): void {
    addon().fdPin(this.handle(), checkText(path, 'path'));
  }

  /** No more writes from user space. */
  freeze(): void {
    addon().mapFreeze(this.handle());
  }

  /** A second handle of the same map, to be closed by itself. */
  duplicate(): BpfMap {
    return new BpfMap(this.#name, addon().fdDuplicate(this.handle()));
  }

  close(): void {
    if (this.#fd !== null) addon().fdClose(this.#fd);
  }
  [Symbol.dispose](): void {
    this.close();
  }
}
