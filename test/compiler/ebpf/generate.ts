/** Random diagrams and packets that hit the ends of their edges. Everything follows from the seed. */
import type {
  Field,
  IngressLeaf,
  NatLeaf,
  Node,
  PolicyDiagram,
  PolicyLeaf,
} from '../../../compiler/diagram/diagram.ts';
import { FIELDS } from '../../../compiler/diagram/diagram.ts';
import { createStore, type Store } from '../../../compiler/diagram/store.ts';
import type { FieldValues } from '../../../compiler/diagram/walk.ts';

export type Random = (below: number) => number;

/** mulberry32 */
export function makeRandom(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

export function endOf(field: Field): bigint {
  if (field === 'dport') return 0xffffn;
  if (field.endsWith('4')) return 0xffff_ffffn;
  if (field.endsWith('6')) return (1n << 128n) - 1n;
  return 0xffn;
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)] as T;
}

/** Clustered, so that points, neighbours, common upper halves and the ends of halves occur. */
function randomValue(random: Random, field: Field): bigint {
  const end = endOf(field);
  if (random(8) === 0) return pick(random, [0n, end, end >> 1n, (end >> 1n) + 1n]);
  const small = BigInt(random(12));
  if (end <= 0xffffn) return random(2) === 0 ? small : BigInt(random(Number(end) + 1));
  if (end === 0xffff_ffffn) return (pick(random, [0n, 0x7fff_fff8n, 0xc0a8_0000n, 0xffff_fff0n]) + small) & end;
  const upper = pick(random, [0n, 1n, 0x20010db8_00000000n, 0x7fffffff_ffffffffn, 0xffffffff_ffffffffn]);
  const lower = pick(random, [0n, 0x7ffffff8n, 0xffffffff_fffffff8n, 0x80000000_00000000n]);
  return (((upper + BigInt(random(4))) & 0xffffffff_ffffffffn) << 64n) + ((lower + small) & 0xffffffff_ffffffffn);
}

/** A diagram of about `size` branches over these leaves, with much sharing. */
export function makeDiagram<L>(random: Random, store: Store<L>, leaves: readonly L[], size: number): Node<L> {
  const ends = leaves.map((leaf) => store.leaf(leaf));
  const half = (family: '4' | '6'): Node<L> => {
    const fields = FIELDS.slice(1).filter((field) => !/[46]$/.test(field) || field.endsWith(family));
    let pool: Node<L>[] = [...ends];
    let root = pick(random, pool);
    for (const field of fields.reverse()) {
      const later = pool;
      const made: Node<L>[] = [];
      const count = 1 + random(Math.max(1, Math.ceil(size / fields.length)));
      for (let i = 0; i < count; i++) {
        const lasts = Array.from({ length: 1 + random(9) }, () => randomValue(random, field));
        const sorted = [...new Set([...lasts, endOf(field)])].sort((a, b) => (a < b ? -1 : 1));
        root = store.branch(
          field,
          sorted.map((last) => ({ last, to: pick(random, later) })),
        );
        made.push(root);
      }
      pool = [...pool, ...made];
    }
    return root;
  };
  const four = half('4');
  const rest = pick(random, ends);
  return store.branch('family', [
    { last: 3n, to: rest },
    { last: 4n, to: four },
    { last: 5n, to: rest },
    { last: 6n, to: half('6') },
    { last: 255n, to: rest },
  ]);
}

export function makePacket(random: Random): FieldValues {
  const family = pick(random, [4n, 4n, 6n, 6n, BigInt(random(256))]);
  const names = FIELDS.slice(1).filter((field) => !/[46]$/.test(field) || field.endsWith(family === 6n ? '6' : '4'));
  return Object.fromEntries([['family', family], ...names.map((field) => [field, randomValue(random, field)])]);
}

export interface LeafSets {
  readonly ingress: readonly IngressLeaf[];
  readonly policy: readonly PolicyLeaf[];
  readonly nat: readonly NatLeaf[];
}

export function makePolicy(random: Random, leaves: LeafSets, size: number): PolicyDiagram {
  const key = (leaf: unknown) => JSON.stringify(leaf);
  const nat = createStore<NatLeaf>(key);
  return {
    ingress: makeDiagram(random, createStore<IngressLeaf>(key), leaves.ingress, size),
    policy: makeDiagram(random, createStore<PolicyLeaf>(key), leaves.policy, size),
    nat: makeDiagram(random, nat, leaves.nat, size),
    redirected: makeDiagram(random, nat, leaves.nat, size),
  };
}
