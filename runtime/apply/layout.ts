import type { Btf } from '../../native/lib/libbpf.ts';

/** Byte offsets of the members of a struct. @throws when there is no such struct or member */
export function offsetsOf<M extends string>(
  btf: Btf,
  struct: string,
  members: readonly M[],
): Readonly<Record<M, number>> {
  const id = btf.find(struct, 'struct');
  const type = id === null ? null : btf.type(id);
  if (type?.kind !== 'struct') throw new Error(`the running datapath has no struct ${struct}`);
  const offsets = members.map((name) => {
    const member = type.members.find((one) => one.name === name);
    if (member === undefined) throw new Error(`struct ${struct} of the running datapath has no member ${name}`);
    return [name, member.bitOffset / 8] as const;
  });
  return Object.fromEntries(offsets) as Record<M, number>;
}

/** Values of an enum by their names without the prefix: `enum flow_flag`, `FLOW_` → `{ ORIGINAL: 1, … }`. */
export function enumOf(btf: Btf, name: string, prefix: string): Readonly<Record<string, number>> {
  const values = btf.enumValues(name);
  if (values === null) throw new Error(`the datapath has no enum ${name}`);
  return Object.fromEntries([...values].map(([key, value]) => [key.replace(prefix, ''), Number(value)]));
}
