/**
 * The policy object: masqc_policy_ingress and masqc_policy_forward of native/datapath/packet.h as an ELF object that
 * libbpf's linker joins with the datapath. Verified once each (BTF global functions), walked once a connection.
 *
 * r1 is the packet throughout (r6 too, where tables are asked) and nothing else lives from one question to the next, so
 * that the verifier meets the same state at a shared node, whichever way it came, and looks at it once.
 *
 * IPv6 addresses: word 0 holds the first 32 bits of the address (as a number), word 3 the last.
 */
import type { SourceText } from '../../grammar/span.ts';
import type { IngressLeaf, NatLeaf, PolicyDiagram, PolicyLeaf } from '../diagram/diagram.ts';
import type { Model, Table } from '../model.ts';
import { Answers } from './answers.ts';
import type { BtfType, TypeId } from './btf.ts';
import { type LineInfo, writeBtfExt } from './btf-ext.ts';
import { writeBtf } from './btf-write.ts';
import { StringTable } from './byte-writer.ts';
import { type Relocation, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, writeElf } from './elf-write.ts';
import { encode, type Instruction, slotsOf } from './instruction.ts';
import type { DatapathLayout } from './layout.ts';
import { KEEP_PACKET } from './look-up.ts';
import { PacketFields, VERDICTS } from './packet-fields.ts';
import { type Placed, place, type Step } from './place.ts';
import { describeMaps, hasViews } from './policy-maps.ts';
import { Purposes } from './purposes.ts';
import { Questions } from './questions.ts';
import { PACKET, VALUE } from './search-tree.ts';
import { chooseView } from './tables.ts';

export const INGRESS = 'masqc_policy_ingress';
export const FORWARD = 'masqc_policy_forward';

interface PolicyFunction {
  readonly name: string;
  readonly placed: Placed;
}

/**
 * The bytes of policy.o: the same for the same input. `sources` are the texts that line info quotes. Throws RangeError
 * for a layout without a needed member or a model that the diagram does not belong to.
 */
export function emitPolicy(
  model: Model,
  diagram: PolicyDiagram,
  layout: DatapathLayout,
  sources: readonly SourceText[],
): Uint8Array {
  return writeObject(placePolicy(model, diagram, layout, sources), layout, model.tables);
}

/** The two functions as instructions, before they become an object. */
export function placePolicy(
  model: Model,
  diagram: PolicyDiagram,
  layout: DatapathLayout,
  sources: readonly SourceText[],
): PolicyFunction[] {
  const fields = new PacketFields(layout);
  const purposes = new Purposes(model, sources);
  const answers = new Answers(model, fields, purposes);
  const entry = purposes.words('(enters the policy)');
  const guard = (inside: Step): Step => ({
    kind: 'test',
    code: [],
    condition: { comparison: 'eq', width: 64, left: PACKET, right: { value: 0 } },
    yes: answers.silence('(no packet)'),
    no: model.tables.length === 0 ? inside : { kind: 'go', code: [KEEP_PACKET], next: inside, purpose: entry },
    purpose: entry,
  });
  const arrive = (inside: Step): Step => (model.tables.some(hasViews) ? chooseView(fields, entry, inside) : inside);
  const ingress = new Questions(fields, purposes, model.tables, (leaf: IngressLeaf) => answers.ingress(leaf));
  const nat = new Questions(fields, purposes, model.tables, (leaf: NatLeaf) => answers.nat(leaf));
  const leaves = nat.lower(diagram.nat);
  const policy = new Questions(fields, purposes, model.tables, (leaf: PolicyLeaf) => answers.policy(leaf, leaves));
  const forward: Step = {
    kind: 'test',
    code: [fields.load(VALUE, 'verdict')],
    condition: { comparison: 'eq', width: 32, left: VALUE, right: { value: VERDICTS.allow } },
    yes: nat.lower(diagram.redirected),
    no: policy.lower(diagram.policy),
    purpose: entry,
  };
  return [
    { name: INGRESS, placed: place(guard(arrive(ingress.lower(diagram.ingress)))) },
    { name: FORWARD, placed: place(guard(forward)) },
  ];
}

function writeObject(
  functions: readonly PolicyFunction[],
  layout: DatapathLayout,
  tables: readonly Table[],
): Uint8Array {
  const { types, ids } = describeFunctions(functions, layout);
  const relocations: Relocation[] = [];
  const strings = new StringTable();
  const code: Instruction[] = [];
  const lines: LineInfo[] = [];
  let at = 0;
  const placed = functions.map(({ name, placed }) => {
    let slot = at / 8;
    for (const instruction of placed.instructions) {
      if (instruction.kind === 'map') relocations.push({ at: slot * 8, type: 1, symbol: instruction.symbol });
      slot += slotsOf(instruction);
      code.push(instruction);
    }
    for (const line of placed.lines) lines.push({ at: at + line.at * 8, purpose: line.purpose });
    const one = { name, at, size: placed.slots * 8 };
    at += one.size;
    return one;
  });
  const infos = placed.map((one, index) => ({ at: one.at, type: ids[index] as TypeId }));
  const ext = writeBtfExt('.text', infos, lines, strings);
  const maps = tables.length === 0 ? { names: [], size: 0 } : describeMaps(tables, types);
  const contents = { type: 'progbits', relocations: [] } as const;
  const room = new Uint8Array(maps.size * maps.names.length);
  return writeElf(
    [
      { ...contents, name: '.text', flags: SHF_ALLOC | SHF_EXECINSTR, align: 8, bytes: encode(code), relocations },
      ...(tables.length === 0
        ? []
        : [{ ...contents, name: '.maps', flags: SHF_ALLOC | SHF_WRITE, align: 8, bytes: room }]),
      { ...contents, name: '.BTF', flags: 0, align: 4, bytes: writeBtf(types, strings) },
      { ...contents, name: '.BTF.ext', flags: 0, align: 4, bytes: ext },
    ],
    [
      ...placed.map((one) => ({ ...one, type: 'function' as const, section: '.text' })),
      ...maps.names.map((name, index) => {
        return { name, type: 'object' as const, section: '.maps', at: index * maps.size, size: maps.size };
      }),
    ],
  );
}

/** `int name(struct masqc_packet *packet)`, with the datapath's own definition of the struct. */
function describeFunctions(
  functions: readonly PolicyFunction[],
  layout: DatapathLayout,
): { types: BtfType[]; ids: readonly TypeId[] } {
  const types: BtfType[] = [...layout.types];
  const pointer = types.push({ kind: 'pointer', type: layout.root });
  const int = types.push({ kind: 'int', name: 'int', size: 4, encoding: 1 });
  const prototype = types.push({ kind: 'prototype', returns: int, parameters: [{ name: 'packet', type: pointer }] });
  const ids = functions.map(({ name }) => types.push({ kind: 'function', name, prototype, linkage: 'global' }));
  return { types, ids };
}
