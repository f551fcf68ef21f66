/** What instructions are there for, in the words of the .masq file: the source of the line info. */
import type { SourceText } from '../../grammar/span.ts';
import type { Field } from '../diagram/diagram.ts';
import { isTableField, readTableField } from '../diagram/fields.ts';
import type { Model, RuleId } from '../model.ts';
import type { Purpose } from './place.ts';

export class Purposes {
  readonly #model: Model;
  readonly #lines: ReadonlyMap<string, readonly string[]>;
  readonly #rules = new Map<RuleId, Purpose>();
  readonly #words = new Map<string, Purpose>();

  constructor(model: Model, sources: readonly SourceText[]) {
    this.#model = model;
    this.#lines = new Map(sources.map((source) => [source.file, source.text.split(/\r?\n/)]));
  }

  /** The line that has this id: the text as it stands in the file where that is known. */
  rule(id: RuleId): Purpose {
    if (id === 0) return this.words('(decided by no line of the file)');
    const known = this.#rules.get(id);
    if (known) return known;
    const origin = this.#model.rules[id - 1];
    if (!origin || origin.id !== id) throw new RangeError(`the model has no rule ${id}`);
    const { file, line, column } = origin.span;
    const text = this.#lines.get(file)?.[line - 1]?.trim() || origin.text;
    const purpose = { file, text, line, column };
    this.#rules.set(id, purpose);
    return purpose;
  }

  /** Instructions that look for the line that decides. */
  question(field: Field): Purpose {
    if (isTableField(field)) {
      const { table, side } = readTableField(field);
      return this.words(`(looks for ${side} in ${this.#model.tables[table]?.name ?? table})`);
    }
    return this.words(`(looks at ${field})`);
  }

  /** What stands in no line of the file has line 0. */
  words(text: string): Purpose {
    const known = this.#words.get(text);
    if (known) return known;
    const purpose = { file: this.#model.gateway.span.file, text, line: 0, column: 0 };
    this.#words.set(text, purpose);
    return purpose;
  }
}
