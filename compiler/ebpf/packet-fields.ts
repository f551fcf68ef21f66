/** Where the members of struct masqc_packet are, as the instructions need it. */
import type { Instruction, Register, Size } from './instruction.ts';
import type { DatapathLayout } from './layout.ts';
import { PACKET, VALUE } from './search-tree.ts';

/** enum masqc_verdict in native/datapath/packet.h. */
export const VERDICTS = {
  continue: 0,
  allow: 1,
  deny: 2,
  reject: 3,
  redirect: 4,
  forged: 5,
  untranslated: 6,
  map: 7,
} as const;
export type Verdict = keyof typeof VERDICTS;

export interface Place {
  readonly offset: number;
  readonly size: Size;
}

export class PacketFields {
  readonly #places = new Map<string, Place & { readonly count: number }>();

  constructor(layout: DatapathLayout) {
    for (const { name, offset, size, count } of layout.members) {
      const one = size / count;
      if (one === 1 || one === 2 || one === 4 || one === 8) this.#places.set(name, { offset, size: one, count });
    }
  }

  /** Element `index` of a member. Throws RangeError when the struct has no such thing. */
  at(name: string, index = 0): Place {
    const place = this.#places.get(name);
    if (!place || index >= place.count) throw new RangeError(`the packet has no ${name}[${index}]`);
    return { offset: place.offset + index * place.size, size: place.size };
  }

  load(to: Register, name: string, index = 0): Instruction {
    return { kind: 'load', to, base: PACKET, ...this.at(name, index) };
  }
  /** By way of a register: LLVM 14, which Debian 12 has for reading objects, does not know immediate stores. */
  store(name: string, value: number, index = 0): Instruction[] {
    if (value < 0 || value >= 256 ** this.at(name).size) throw new RangeError(`${value} does not fit ${name}`);
    return [
      { kind: 'alu', operator: 'mov', width: 32, to: VALUE, from: { value } },
      this.storeRegister(name, VALUE, index),
    ];
  }
  storeRegister(name: string, register: Register, index = 0): Instruction {
    return { kind: 'store', base: PACKET, from: { register }, ...this.at(name, index) };
  }
}
