/**
 * struct masqc_packet as the datapath's compiled object has it. The linker would join two objects that disagree about
 * it without a word, so both sides are compared here.
 */
import { type BtfType, extract, type TypeId } from './btf.ts';
import { readBtf } from './btf-read.ts';
import { readElf, sectionBytes } from './elf-read.ts';

export const PACKET_STRUCT = 'masqc_packet';

export interface PacketMember {
  readonly name: string;
  /** In bytes from the start. */
  readonly offset: number;
  /** In bytes, of the whole member. */
  readonly size: number;
  /** 1 unless it is an array. */
  readonly count: number;
}
export interface DatapathLayout {
  readonly size: number;
  readonly members: readonly PacketMember[];
  /** The struct's complete definition; `root` is its id. */
  readonly types: readonly BtfType[];
  readonly root: TypeId;
}

/** Throws RangeError, with one sentence, when the object has no BTF or no struct masqc_packet. */
export function readLayout(object: Uint8Array): DatapathLayout {
  const section = sectionBytes(readElf(object), '.BTF');
  if (!section) throw new RangeError('the object has no .BTF section');
  const all = readBtf(section);
  const id = all.findIndex((type) => type.kind === 'struct' && type.name === PACKET_STRUCT) + 1;
  const struct = all[id - 1];
  if (struct?.kind !== 'struct') throw new RangeError(`the object's BTF has no struct ${PACKET_STRUCT}`);
  const members = struct.members.map((member) => {
    if (member.bitSize > 0 || member.bitOffset % 8 !== 0) throw new RangeError(`${member.name} is a bit-field`);
    const { size, count } = measure(all, member.type);
    return { name: member.name, offset: member.bitOffset / 8, size, count };
  });
  return { size: struct.size, members, ...extract(all, id) };
}

function measure(types: readonly BtfType[], id: TypeId): { size: number; count: number } {
  const type = types[id - 1];
  switch (type?.kind) {
    case 'int':
    case 'enum':
    case 'enum64':
    case 'struct':
    case 'union':
    case 'float':
      return { size: type.size, count: 1 };
    case 'typedef':
    case 'const':
    case 'volatile':
    case 'restrict':
    case 'type-tag':
      return measure(types, type.type);
    case 'pointer':
      return { size: 8, count: 1 };
    case 'array':
      return { size: type.count * measure(types, type.element).size, count: type.count };
    default:
      throw new RangeError(`a member of type ${type?.kind ?? 'void'} has no size`);
  }
}

/** What differs between two objects' layouts, one sentence each; empty when they agree. */
export function compareLayout(policy: DatapathLayout, datapath: DatapathLayout): string[] {
  const differences: string[] = [];
  if (policy.size !== datapath.size) {
    differences.push(
      `struct ${PACKET_STRUCT} has ${policy.size} bytes in the policy, ${datapath.size} in the datapath`,
    );
  }
  const theirs = new Map(datapath.members.map((member) => [member.name, member]));
  for (const mine of policy.members) {
    const other = theirs.get(mine.name);
    theirs.delete(mine.name);
    if (!other) differences.push(`${mine.name} is missing in the datapath`);
    else if (describe(mine) !== describe(other)) {
      differences.push(`${mine.name} is ${describe(mine)} in the policy, ${describe(other)} in the datapath`);
    }
  }
  for (const name of theirs.keys()) differences.push(`${name} is missing in the policy`);
  return differences;
}

function describe(member: PacketMember): string {
  return `${member.size} bytes at ${member.offset}${member.count === 1 ? '' : ` (${member.count} elements)`}`;
}

/** One line that is equal for equal layouts, for the manifest's hash of the datapath's layout. */
export function layoutText(layout: DatapathLayout): string {
  const members = layout.members.map((member) => `${member.name}:${member.offset}:${member.size}:${member.count}`);
  return `${PACKET_STRUCT}:${layout.size} ${members.join(' ')}`;
}
