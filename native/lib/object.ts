import { addon, type FdHandle, type ObjectHandle } from './addon.ts';
import { BpfError } from './bpf-error.ts';
import { Btf } from './btf.ts';
import { checkText, checkUint32 } from './check.ts';
import { type BtfInput, type Codec, makeBytesCodec, makeCodec } from './codec.ts';
import { type MapType, mapTypeName, type ProgramType, programTypeName } from './kinds.ts';
import { BpfMap } from './map.ts';
import { BpfProgram } from './program.ts';

export type ProgramDefinition = {
  readonly name: string;
  readonly section: string;
  readonly type: ProgramType;
  readonly autoload: boolean;
  readonly instructions: number;
};
export type MapDefinition = {
  readonly name: string;
  readonly type: MapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** .rodata, .data, .bss, .kconfig: made by libbpf. */
  readonly internal: boolean;
  readonly pinPath: string | null;
};

/**
 * An object file: opened, adjusted, loaded. The programs and maps that it hands out are closed with it (duplicate()
 * those that shall live longer; pins live on by themselves).
 */
export class BpfObject {
  readonly #handle: ObjectHandle;
  readonly #programs = new Map<string, BpfProgram>();
  readonly #maps = new Map<string, BpfMap>();
  #btf: Btf | null = null;
  #warnings = '';

  private constructor(handle: ObjectHandle) {
    this.#handle = handle;
  }

  /**
   * `name` is what the kernel's objects are named after (the file's name); `pinRoot` is where maps with
   * LIBBPF_PIN_BY_NAME are looked for and pinned (/sys/fs/bpf).
   */
  static open(
    source: string | Uint8Array,
    options: { readonly name?: string; readonly pinRoot?: string } = {},
  ): BpfObject {
    if (!(source instanceof Uint8Array)) checkText(source, 'the object');
    const name = options.name ?? (source instanceof Uint8Array ? 'object' : '');
    return new BpfObject(addon().objectOpen(source, name, options.pinRoot ?? null));
  }

  get name(): string {
    return addon().objectName(this.#handle);
  }
  get programs(): readonly ProgramDefinition[] {
    return addon()
      .objectPrograms(this.#handle)
      .map(({ attachType: _, ...program }) => ({ ...program, type: programTypeName(program.type) }));
  }
  get maps(): readonly MapDefinition[] {
    return addon()
      .objectMaps(this.#handle)
      .map(({ keyTypeId: _, valueTypeId: __, ...map }) => ({ ...map, type: mapTypeName(map.type) }));
  }
  /** What libbpf warned of while it loaded. */
  get warnings(): string {
    return this.#warnings;
  }

  /** The object's types; throws ENODATA without BTF. */
  btf(): Btf {
    if (this.#btf !== null) return this.#btf;
    const bytes = addon().objectBtf(this.#handle);
    if (bytes === null) throw new BpfError('btf', 61, this.name, 'the object has no BTF');
    this.#btf = new Btf(bytes);
    return this.#btf;
  }

  /** Readers and writers of a map's keys and values, from the object's BTF; needs no kernel. */
  codec(map: string): { readonly key: Codec; readonly value: Codec } {
    const definition = addon()
      .objectMaps(this.#handle)
      .find((candidate) => candidate.name === map);
    if (definition === undefined) throw new BpfError('codec', 2, map, 'the object has no such map');
    const { keyTypeId, valueTypeId, keySize, valueSize } = definition;
    return {
      key: keyTypeId === 0 ? makeBytesCodec(keySize) : makeCodec(this.btf(), keyTypeId),
      value: valueTypeId === 0 ? makeBytesCodec(valueSize) : makeCodec(this.btf(), valueTypeId),
    };
  }

  setAutoload(program: string, on: boolean): void {
    addon().objectSetAutoload(this.#handle, checkText(program, 'program'), on);
  }
  setMaxEntries(map: string, entries: number): void {
    addon().objectSetMaxEntries(this.#handle, checkText(map, 'map'), checkUint32(entries, 'maxEntries', 1));
  }
  /** Where load() looks for the map and pins it; null: nowhere. */
  setPinPath(map: string, path: string | null): void {
    addon().objectSetPinPath(this.#handle, checkText(map, 'map'), path);
  }

  /** Uses `map` instead of a new one; EINVAL when type or sizes differ, which libbpf itself does not compare. */
  reuseMap(name: string, map: BpfMap): void {
    const wanted = this.maps.find((definition) => definition.name === name);
    const given = map.info();
    if (wanted !== undefined) {
      const differences = (['type', 'keySize', 'valueSize', 'maxEntries', 'flags'] as const)
        .filter((property) => wanted[property] !== given[property])
        .map((property) => `${property} is ${given[property]}, the object wants ${wanted[property]}`);
      if (differences.length > 0) throw new BpfError('reuse_map', 22, name, differences.join('\n'));
    }
    addon().objectReuseMap(this.#handle, checkText(name, 'name'), map.handle());
  }

  /** Sets constants (.rodata) or first values (.data, .bss) by their types in BTF, before load(). */
  setGlobal(section: string, values: { readonly [variable: string]: BtfInput }): void {
    const variables = this.btf().variables(section);
    if (variables === null) throw new BpfError('set_global', 2, section, 'the object has no such section');
    const bytes = addon().objectInitialValue(this.#handle, section);
    for (const [name, value] of Object.entries(values)) {
      const variable = variables.find((candidate) => candidate.name === name);
      if (variable === undefined) {
        const known = variables.map((candidate) => candidate.name).join(', ');
        throw new BpfError('set_global', 2, name, `${section} has no such variable; it has ${known}`);
      }
      makeCodec(this.btf(), variable.typeId).encodeInto(bytes, value, variable.offset, name);
    }
    addon().objectSetInitialValue(this.#handle, section, bytes);
  }

  /** Into the kernel, on a worker: maps made or found by their pins, programs verified. */
  async load(): Promise<void> {
    this.#warnings = await addon().objectLoad(this.#handle);
  }

  program(name: string): BpfProgram {
    const known = this.#programs.get(name);
    if (known !== undefined) return known;
    if (!this.programs.some((program) => program.name === name))
      throw new BpfError(
        'program',
        2,
        name,
        `the object has ${this.programs.map((program) => program.name).join(', ')}`,
      );
    const program = new BpfProgram(name, (): FdHandle => addon().objectProgramFd(this.#handle, name));
    this.#programs.set(name, program);
    return program;
  }

  map(name: string): BpfMap {
    const known = this.#maps.get(name);
    if (known !== undefined) return known;
    if (!name.startsWith('.') && !this.maps.some((map) => map.name === name))
      throw new BpfError('map', 2, name, `the object has ${this.maps.map((map) => map.name).join(', ')}`);
    const map = new BpfMap(name, {
      obtain: () => addon().objectMapFd(this.#handle, name),
      setMaxEntries: (entries) => this.setMaxEntries(name, entries),
    });
    this.#maps.set(name, map);
    return map;
  }

  /** Each map to `directory`/name; without a directory those that have a pin path. */
  pinMaps(directory?: string): void {
    addon().objectPinMaps(this.#handle, directory === undefined ? null : checkText(directory, 'directory'));
  }

  close(): void {
    for (const program of this.#programs.values()) program.close();
    for (const map of this.#maps.values()) map.close();
    addon().objectClose(this.#handle);
  }
  [Symbol.dispose](): void {
    this.close();
  }
}
