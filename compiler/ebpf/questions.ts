/** Branches of diagrams as search trees over the packet's members. A shared node becomes one shared step. */
import { listNodes } from '../diagram/count.ts';
import type { Branch, Field, Node } from '../diagram/diagram.ts';
import { isTableField, readTableField } from '../diagram/fields.ts';
import type { Table } from '../model.ts';
import type { PacketFields } from './packet-fields.ts';
import type { Step } from './place.ts';
import type { Purposes } from './purposes.ts';
import { searchNarrow, searchWide } from './search-tree.ts';
import { askTable } from './tables.ts';

const WIDE: Partial<Record<Field, string>> = { daddr6: 'daddr', saddr6: 'saddr' };
const NARROW: Partial<Record<Field, string>> = { daddr4: 'daddr', saddr4: 'saddr' };

/** Lowers diagrams from one store; nodes that several of them share are one step, too. */
export class Questions<L> {
  readonly #fields: PacketFields;
  readonly #purposes: Purposes;
  readonly #tables: readonly Table[];
  readonly #leaf: (value: L) => Step;
  readonly #steps = new Map<Node<L>, Step>();

  /** `leaf` must answer with one object for equal leaves that are to be shared. */
  constructor(fields: PacketFields, purposes: Purposes, tables: readonly Table[], leaf: (value: L) => Step) {
    this.#fields = fields;
    this.#purposes = purposes;
    this.#tables = tables;
    this.#leaf = leaf;
  }

  /** Does not recurse: a policy that was built in parts may be thousands of branches deep. */
  lower(root: Node<L>): Step {
    for (const node of listNodes(root)) {
      if (!this.#steps.has(node))
        this.#steps.set(node, node.kind === 'leaf' ? this.#leaf(node.value) : this.#ask(node));
    }
    return this.#steps.get(root) as Step;
  }

  /** Its children are known. */
  #ask(node: Branch<L>): Step {
    const edges = node.edges.map(({ last, to }) => ({ last, to: this.#steps.get(to) as Step }));
    if (isTableField(node.field)) {
      const [no, yes] = edges;
      if (no === undefined || yes === undefined) throw new RangeError(`${node.field} has one answer`);
      const table = this.#tables[readTableField(node.field).table];
      if (table === undefined) throw new RangeError(`there is no table for ${node.field}`);
      return askTable(this.#fields, node.field, table, this.#purposes.question(node.field), yes.to, no.to);
    }
    const purpose = this.#purposes.question(node.field);
    const wide = WIDE[node.field];
    if (wide) return searchWide(edges, this.#fields.at(wide).offset, purpose);
    const { offset, size } = this.#fields.at(NARROW[node.field] ?? node.field);
    if (size === 8) throw new RangeError(`${node.field} has 8 bytes`);
    return searchNarrow(edges, offset, size, purpose);
  }
}
