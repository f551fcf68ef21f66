import type { BpfMap, BpfObject, BpfProgram, Btf } from '../../native/lib/libbpf.ts';
import { describeStruct, readLister } from '../apply/datapath.ts';
import { Refusal } from '../cli/refusal.ts';
import { explainBpf } from '../machine/needs.ts';
import type { Running } from './find.ts';

/** A page of connections as the kernel has put them together: `struct connection` of list.bpf.c, one behind the other. */
export interface ConnectionPage {
  readonly bytes: DataView;
  readonly count: number;
}

/** The maps of a table, and of them the structs that the reader and the running datapath must agree on. */
const MAPS = { 4: ['flows4', 'slots4'], 6: ['flows6', 'slots6', 'translations6'] } as const;
const STRUCTS = ['flow_key', 'flow_dir', 'flow_slot'] as const;

/** One flow table, read by a program in the kernel (native/datapath/list.bpf.c) that lives as long as this does. */
export class FlowTable {
  readonly #object: BpfObject;
  readonly #program: BpfProgram;
  readonly #listed: BpfMap;
  /** Connections in a page at most. */
  readonly pageSize: number;

  private constructor(object: BpfObject) {
    this.#object = object;
    this.#program = object.program('list');
    this.#listed = object.map('listed');
    this.pageSize = this.#listed.valueSize / this.btf.sizeOf(this.btf.find('connection', 'struct') ?? 0);
  }

  /**
   * @param directory where the table's maps are pinned
   * @throws Refusal when the maps are those of another version, or the kernel takes no program from this process
   */
  static async open({ libbpf }: Running, directory: string, family: 4 | 6): Promise<FlowTable> {
    const object = libbpf.BpfObject.open(readLister(family), { name: 'show' });
    try {
      const mine: readonly string[] = MAPS[family];
      for (const { name } of object.maps) {
        object.setPinPath(name, null); // it must never make what is missing
        if (!mine.includes(name)) {
          object.setMaxEntries(name, 1);
          continue;
        }
        using map = libbpf.BpfMap.openPinned(`${directory}/${name}`);
        if (name.startsWith('slots')) requireSameLayout(object.btf(), map.btf());
        object.setMaxEntries(name, map.maxEntries);
        object.reuseMap(name, map);
      }
      await object.load();
      return new FlowTable(object);
    } catch (error) {
      object[Symbol.dispose]();
      throw explainBpf(error, libbpf);
    }
  }

  get btf(): Btf {
    return this.#object.btf();
  }

  /** The connections in `count` slots (a page at most) from `first` on. */
  async read(first: number, count: number): Promise<ConnectionPage> {
    const { retval } = await this.#program.testRun({ context: new Uint8Array(Uint32Array.of(first, count).buffer) });
    const { values } = await this.#listed.getMany(new Uint8Array(4));
    return { bytes: new DataView(values.buffer, values.byteOffset, values.byteLength), count: retval };
  }

  [Symbol.dispose](): void {
    this.#object[Symbol.dispose]();
  }
}

/** @throws Refusal when structs of the table differ */
export function requireSameLayout(own: Btf, running: Btf): void {
  if (STRUCTS.every((name) => describeStruct(own, name) === describeStruct(running, name))) return;
  throw new Refusal(
    'The running datapath was applied by another version of masqc, whose tables this one can’t read.',
    'Look with the version that applied it, or run `masqc down` and apply again.',
  );
}
