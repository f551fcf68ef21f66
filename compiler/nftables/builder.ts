/** Collects the sets and chains of a ruleset while the stages are written. */
import type { Family } from '../../grammar/ast.ts';
import { formatRange } from '../addresses.ts';
import type { AddressSet, InterfaceId, Model, RuleId, RuleOrigin, TableId } from '../model.ts';
import { rangesOf } from '../pairing.ts';
import { deviceOf, Names, oneOf } from './names.ts';
import type { Chain, Line, NamedSet, Ruleset, Timeout } from './ruleset.ts';

/** Sets of more ranges have a name of their own, so that lines stay short. */
const MOST_IN_LINE = 6;

export class Builder {
  readonly model: Model;
  readonly names = new Names();
  readonly #timeouts: Timeout[] = [];
  readonly #sets: NamedSet[] = [];
  readonly #chains: Chain[] = [];
  /** Names of sets by what is in them. */
  readonly #known = new Map<string, string>();

  readonly #made = new Map<string, string>();

  constructor(model: Model) {
    this.model = model;
  }

  get ruleset(): Ruleset {
    return { timeouts: this.#timeouts, sets: this.#sets, chains: this.#chains };
  }

  addTimeout(timeout: Timeout): void {
    this.#timeouts.push(timeout);
  }
  addSet(set: NamedSet): void {
    this.#sets.push(set);
  }
  addChain(chain: Chain): void {
    this.#chains.push(chain);
  }
  /** A chain that others jump to; returns its name. */
  addSubchain(wanted: string, says: string | null, lines: readonly Line[]): string {
    const name = this.names.give(wanted);
    this.addChain({ name, says, hook: null, lines });
    return name;
  }

  /** What `make` gives; the second time for a key, what it gave before. */
  once(key: string, make: () => string): string {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#made.set(key, made);
    return made;
  }

  originOf(id: RuleId): RuleOrigin {
    const origin = this.model.rules[id - 1];
    if (origin === undefined) throw new RangeError(`there is no line ${id}`);
    return origin;
  }
  device(id: InterfaceId): string {
    return deviceOf(this.model, id);
  }
  devices(ids: readonly InterfaceId[]): string {
    return oneOf(ids.map((id) => this.device(id)));
  }

  /** `192.0.2.1`, `{ 192.0.2.1, 198.51.100.0/24 }` or `@addresses-1`; null: none of this family. */
  addresses(set: AddressSet, family: Family): string | null {
    const ranges = rangesOf(set, family);
    if (ranges.length === 0) return null;
    const elements = ranges.map(({ first, last }) => formatRange(family, first, last));
    if (elements.length <= MOST_IN_LINE) return oneOf(elements);
    const key = elements.join();
    const known = this.#known.get(key);
    if (known !== undefined) return `@${known}`;
    const name = this.names.give(`addresses-${this.#known.size + 1}`);
    this.#known.set(key, name);
    this.addSet({ kind: 'set', name, says: null, spec: specOf(family), elements });
    return `@${name}`;
  }

  /** A set that may be edited apart from the rules: it has a name also when it is empty. */
  table(id: TableId, family: Family): string {
    const key = `table ${id} ${family}`;
    const known = this.#known.get(key);
    if (known !== undefined) return `@${known}`;
    const table = this.model.tables[id];
    if (table === undefined) throw new RangeError(`there is no table ${id}`);
    const word = /^[A-Za-z][\w-]*$/.test(table.name) ? table.name : `${id + 1}`;
    const name = this.names.give(`set-${word}-ipv${family}`);
    this.#known.set(key, name);
    const elements = rangesOf(table.addresses, family).map(({ first, last }) => formatRange(family, first, last));
    const spec = [...specOf(family), 'auto-merge'];
    this.addSet({ kind: 'set', name, says: table.name, spec, elements });
    return `@${name}`;
  }
}

export const addressType = (family: Family): string => `ipv${family}_addr`;
/** `ip` or `ip6`. */
export const layer = (family: Family): string => (family === 4 ? 'ip' : 'ip6');

function specOf(family: Family): string[] {
  return [`type ${addressType(family)}`, 'flags interval'];
}
