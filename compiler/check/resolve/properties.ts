/** The properties of blocks: which may stand where, once, and which of them wait to be built. */
import type { BlockDecl, Limit, Property } from '../../../grammar/ast.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { listWords, withArticle } from '../words.ts';

type BlockKind = BlockDecl['kind'];
type PropertyKind = Property['kind'];

/** LANGUAGE.md's table: the blocks that a property belongs in. */
const HOMES: Readonly<Record<PropertyKind, readonly BlockKind[]>> = {
  from: ['masquerade', 'autofw'],
  interface: ['masquerade', 'redirect', 'autofw', 'map'],
  address: ['masquerade', 'redirect'],
  family: ['masquerade'],
  ports: ['masquerade'],
  share: ['masquerade'],
  mapping: ['masquerade'],
  filtering: ['masquerade'],
  refresh: ['masquerade'],
  limit: ['masquerade', 'redirect'],
  timeout: ['masquerade', 'redirect'],
  helper: ['masquerade', 'redirect'],
  log: ['masquerade', 'redirect', 'autofw'],
  listen: ['redirect'],
  'allow-from': ['redirect'],
  balance: ['redirect'],
  check: ['redirect'],
  drain: ['redirect'],
  control: ['autofw'],
  open: ['autofw'],
  hold: ['autofw'],
  owner: ['autofw'],
  inside: ['map'],
  outside: ['map'],
};
const REPEATABLE: ReadonlySet<PropertyKind> = new Set(['listen', 'limit']);
const UNBUILT: ReadonlySet<PropertyKind> = new Set(['timeout', 'helper', 'balance', 'check', 'drain']);

export const wordOf = (kind: PropertyKind): string => (kind === 'allow-from' ? 'allow from' : kind);

/** The properties that a block may have; the others are reported. */
export function takeProperties(context: Context, block: BlockDecl): readonly Property[] {
  const first = new Map<PropertyKind, Property>();
  return block.properties.filter((property) => {
    const { kind, span } = property;
    const before = first.get(kind);
    first.set(kind, before ?? property);
    if (!HOMES[kind].includes(block.kind)) {
      const homes = listWords(HOMES[kind].map(withArticle), 4, 'or');
      context.report.add(
        CODES.misplacedProperty,
        span,
        { property: wordOf(kind), block: block.kind, homes },
        {
          fixes: isForgottenAllow(block, kind)
            ? [{ title: '`allow from`', span: { ...span, end: span.start }, replacement: 'allow ' }]
            : [],
        },
      );
      return false;
    }
    if (before !== undefined && !REPEATABLE.has(kind)) {
      context.report.add(
        CODES.repeatedProperty,
        span,
        { property: wordOf(kind) },
        {
          related: [{ span: before.span, message: 'first said here' }],
        },
      );
      return false;
    }
    if (UNBUILT.has(kind)) {
      const instead = `the ${block.kind} without this line`;
      context.report.add(CODES.notBuilt, span, {
        what: `\`${wordOf(kind)}\` in ${withArticle(block.kind)} is`,
        instead,
      });
      return false;
    }
    return true;
  });
}

export function findProperty<K extends PropertyKind>(
  properties: readonly Property[],
  kind: K,
): Extract<Property, { kind: K }> | null {
  return (properties.find((property) => property.kind === kind) as Extract<Property, { kind: K }> | undefined) ?? null;
}

/** The `limit` lines of a block, of which there may be several. */
export function limitsOf(block: BlockDecl): readonly Limit[] {
  return block.properties.flatMap((property) => (property.kind === 'limit' ? [property.limit] : []));
}

/** `from` in a redirect without `allow from`: what was meant is plain. */
export function isForgottenAllow(block: BlockDecl, kind: PropertyKind): boolean {
  return block.kind === 'redirect' && kind === 'from' && !block.properties.some((one) => one.kind === 'allow-from');
}

/** May a missing property be reported, or was it in a sentence that was not understood or not accepted? */
export function isMissing(context: Context, block: BlockDecl, kind: PropertyKind): boolean {
  return (
    !block.properties.some((property) => property.kind === kind) &&
    !context.report.mayBeLostWithin(block.span, block.end)
  );
}

export function reportMissing(context: Context, block: BlockDecl, kind: PropertyKind, example: string): void {
  if (!isMissing(context, block, kind)) return;
  const parameters = { block: block.kind, name: block.name.text, property: wordOf(kind), example };
  context.report.add(CODES.missingProperty, block.name.span, parameters);
}
