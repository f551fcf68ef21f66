/** The fields of a diagram: their rank in the order and their domains. */
import type { Family } from '../../grammar/ast.ts';
import type { TableId } from '../model.ts';
import { FIELDS, type Field, type TableField } from './diagram.ts';

const RANK: ReadonlyMap<Field, number> = new Map<Field, number>(FIELDS.map((field, rank) => [field, rank]));

/** Position in FIELDS: a smaller one is asked earlier. */
export function rankOf(field: Field): number {
  const known = RANK.get(field);
  if (known !== undefined) return known;
  const { table, side } = readTableField(field as TableField);
  return FIELDS.length + 2 * table + (side === 'saddr' ? 0 : 1);
}

export function readTableField(field: TableField): { readonly table: TableId; readonly side: 'saddr' | 'daddr' } {
  const [number, side] = field.split(':');
  return { table: Number(number), side: side as 'saddr' | 'daddr' };
}

export function isTableField(field: Field): field is TableField {
  return !RANK.has(field);
}

/** A table field's value where the address is in the table. */
export const IN_TABLE = [{ first: 1, last: 1 }] as const;
export const NOT_IN_TABLE = [{ first: 0, last: 0 }] as const;

/** The greatest value of a field (the least is 0). */
export function lastOf(field: Field): bigint {
  switch (field) {
    case 'family':
    case 'in':
    case 'out':
    case 'own':
    case 'protocol':
      return 255n;
    case 'dport':
      return 0xffffn;
    case 'daddr4':
    case 'saddr4':
      return 0xffff_ffffn;
    case 'daddr6':
    case 'saddr6':
      return (1n << 128n) - 1n;
    default:
      return 1n;
  }
}

/** `in` or `out` of an interface that the file does not declare; `own` of a local address on none that it declares. */
export const NOWHERE = 255;

/**
 * The family field is 4 or 6 and nothing else, so each of the two takes half of the domain: a diagram that tells them
 * apart has two edges, one that does not has no such node.
 */
export const FAMILY_RANGE = { 4: { first: 0, last: 5 }, 6: { first: 6, last: 255 } } as const satisfies Record<
  Family,
  unknown
>;
