/**
 * The BPF Type Format as values (kernel: Documentation/bpf/btf.rst). A type's id is its index + 1 in the list; id 0 is
 * void.
 */
export type TypeId = number;

export interface Member {
  readonly name: string;
  readonly type: TypeId;
  /** From the start of the struct. */
  readonly bitOffset: number;
  /** Of a bit-field; 0: not one. */
  readonly bitSize: number;
}

export type Linkage = 'static' | 'global' | 'extern';

export type BtfType =
  | { readonly kind: 'int'; readonly name: string; readonly size: number; readonly encoding: number }
  | { readonly kind: 'pointer' | 'const' | 'volatile' | 'restrict'; readonly type: TypeId }
  | { readonly kind: 'typedef' | 'type-tag'; readonly name: string; readonly type: TypeId }
  | { readonly kind: 'array'; readonly element: TypeId; readonly index: TypeId; readonly count: number }
  | {
      readonly kind: 'struct' | 'union';
      readonly name: string;
      readonly size: number;
      readonly members: readonly Member[];
    }
  | {
      readonly kind: 'enum' | 'enum64';
      readonly name: string;
      readonly size: number;
      readonly signed: boolean;
      readonly values: readonly { readonly name: string; readonly value: bigint }[];
    }
  | { readonly kind: 'forward'; readonly name: string; readonly union: boolean }
  | { readonly kind: 'function'; readonly name: string; readonly prototype: TypeId; readonly linkage: Linkage }
  | {
      readonly kind: 'prototype';
      readonly returns: TypeId;
      readonly parameters: readonly { readonly name: string; readonly type: TypeId }[];
    }
  | { readonly kind: 'variable'; readonly name: string; readonly type: TypeId; readonly linkage: Linkage }
  | {
      readonly kind: 'section';
      readonly name: string;
      readonly size: number;
      readonly entries: readonly { readonly type: TypeId; readonly offset: number; readonly size: number }[];
    }
  | { readonly kind: 'float'; readonly name: string; readonly size: number }
  | { readonly kind: 'decl-tag'; readonly name: string; readonly type: TypeId; readonly component: number };

/** BTF_KIND_* */
export const KIND_NUMBERS: Record<BtfType['kind'], number> = {
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  function: 12,
  prototype: 13,
  variable: 14,
  section: 15,
  float: 16,
  'decl-tag': 17,
  'type-tag': 18,
  enum64: 19,
};
export const LINKAGES: readonly Linkage[] = ['static', 'global', 'extern'];
export const BTF_MAGIC = 0xeb9f;
export const BTF_HEADER_SIZE = 24;

/** The types that a type needs, its own id first; ids are those of `of`. */
export function referencesOf(type: BtfType): readonly TypeId[] {
  switch (type.kind) {
    case 'int':
    case 'enum':
    case 'enum64':
    case 'forward':
    case 'float':
      return [];
    case 'pointer':
    case 'const':
    case 'volatile':
    case 'restrict':
    case 'typedef':
    case 'type-tag':
    case 'variable':
    case 'decl-tag':
      return [type.type];
    case 'array':
      return [type.element, type.index];
    case 'struct':
    case 'union':
      return type.members.map((member) => member.type);
    case 'function':
      return [type.prototype];
    case 'prototype':
      return [type.returns, ...type.parameters.map((parameter) => parameter.type)];
    case 'section':
      return type.entries.map((entry) => entry.type);
    default:
      return type satisfies never;
  }
}

/** The type with every reference put through `map`. */
export function mapReferences(type: BtfType, map: (id: TypeId) => TypeId): BtfType {
  switch (type.kind) {
    case 'int':
    case 'enum':
    case 'enum64':
    case 'forward':
    case 'float':
      return type;
    case 'pointer':
    case 'const':
    case 'volatile':
    case 'restrict':
      return { ...type, type: map(type.type) };
    case 'typedef':
    case 'type-tag':
      return { ...type, type: map(type.type) };
    case 'variable':
      return { ...type, type: map(type.type) };
    case 'decl-tag':
      return { ...type, type: map(type.type) };
    case 'array':
      return { ...type, element: map(type.element), index: map(type.index) };
    case 'struct':
    case 'union':
      return { ...type, members: type.members.map((member) => ({ ...member, type: map(member.type) })) };
    case 'function':
      return { ...type, prototype: map(type.prototype) };
    case 'prototype':
      return {
        ...type,
        returns: map(type.returns),
        parameters: type.parameters.map((parameter) => ({ ...parameter, type: map(parameter.type) })),
      };
    case 'section':
      return { ...type, entries: type.entries.map((entry) => ({ ...entry, type: map(entry.type) })) };
    default:
      return type satisfies never;
  }
}

/** `root` and all it needs as a list of its own; the answer's `root` is its id there. */
export function extract(types: readonly BtfType[], root: TypeId): { types: BtfType[]; root: TypeId } {
  const ids = new Map<TypeId, TypeId>([[0, 0]]);
  const order: TypeId[] = [];
  const visit = (id: TypeId): void => {
    if (ids.has(id)) return;
    const type = types[id - 1];
    if (!type) throw new RangeError(`BTF type ${id} does not exist`);
    order.push(id);
    ids.set(id, order.length);
    for (const next of referencesOf(type)) visit(next);
  };
  visit(root);
  const moved = order.map((id) => mapReferences(types[id - 1] as BtfType, (old) => ids.get(old) as TypeId));
  return { types: moved, root: ids.get(root) as TypeId };
}
