/** What the file declares, by name, and the look-up that asks for a type. */
import type {
  BlockDecl,
  GatewayDecl,
  HostDecl,
  InterfaceDecl,
  Name,
  NetworkDecl,
  PolicyDecl,
  ServiceDecl,
  SetDecl,
  ZoneDecl,
} from '../../grammar/ast.ts';
import type { Fix } from '../../grammar/diagnostic.ts';
import { findNearest } from '../../grammar/nearest.ts';
import type { Span } from '../../grammar/span.ts';
import { CODES } from './codes.ts';
import type { Report } from './report.ts';
import { didYouMean, didYouMeanName, listWords, withArticle } from './words.ts';

/** Things share one namespace. */
export type Thing = InterfaceDecl | ZoneDecl | NetworkDecl | HostDecl | SetDecl | ServiceDecl;
export type ThingKind = Thing['kind'];
export type OwnerKind = 'policy' | BlockDecl['kind'];

export interface Names {
  readonly gateways: GatewayDecl[];
  readonly things: Map<string, Thing>;
  /** Policies, masquerades, redirects, … have a namespace each. */
  readonly owners: Record<OwnerKind, Map<string, PolicyDecl | BlockDecl>>;
  /** How many more names are looked through for suggestions: a file of mistakes must not take forever. */
  readonly search: { left: number };
  /** Names of things that some sentence uses. */
  readonly used: Set<string>;
}

export function makeNames(): Names {
  return {
    gateways: [],
    things: new Map(),
    owners: { policy: new Map(), masquerade: new Map(), redirect: new Map(), autofw: new Map(), map: new Map() },
    search: { left: 200_000 },
    used: new Set(),
  };
}

/** A type that a sentence asks for. */
export interface Asked {
  readonly kinds: readonly ThingKind[];
  /** `a place`, `addresses`: as it stands in messages. */
  readonly words: string;
  /** Who asks: "`from`", "a zone". */
  readonly by: string;
}

const PLACE: readonly ThingKind[] = ['interface', 'zone'];
const ADDRESSES: readonly ThingKind[] = ['host', 'network', 'set'];

export const askPlace = (by: string): Asked => ({ kinds: PLACE, words: 'a place (an interface or a zone)', by });
export const askInterface = (by: string): Asked => ({ kinds: ['interface'], words: 'an interface', by });
export const askAddresses = (by: string): Asked => ({
  kinds: ADDRESSES,
  words: 'addresses (a host, a network or a set)',
  by,
});
export const askSide = (by: string): Asked => ({
  kinds: [...PLACE, ...ADDRESSES],
  words: 'a place or addresses',
  by,
});
export const askNetwork = (by: string): Asked => ({ kinds: ['network'], words: 'a network', by });
export const askMachine = (by: string): Asked => ({
  kinds: ['host', 'interface'],
  words: 'a host or an interface',
  by,
});
export const askService = (by: string): Asked => ({ kinds: ['service'], words: 'a service', by });

/** The thing of that name if it is of the type asked for; else the mistake is reported and null returned. */
export function lookUp(names: Names, report: Report, name: Name, asked: Asked): Thing | null {
  const thing = names.things.get(name.text);
  if (thing === undefined) {
    if (report.mayBeLost(name.text)) return null;
    const fitting = namesOf(names, asked.kinds);
    const parameters = { name: name.text, asked: asked.words, known: listKnown(fitting) };
    const meant = names.things.get(findNearest(name.text, fitting) ?? '');
    report.addForName(name.text, CODES.unknownName, name.span, parameters, {
      related:
        meant === undefined ? [] : [{ span: meant.name.span, message: `\`${meant.name.text}\` is declared here` }],
      // A name whose declaration was not understood may be nearer.
      fixes: report.incomplete
        ? didYouMean(name.text, name.span, fitting).map((fix) => ({ ...fix, certain: false }))
        : didYouMeanName(name.text, name.span, fitting),
    });
    return null;
  }
  names.used.add(name.text);
  if (asked.kinds.includes(thing.kind)) return thing;
  reportWrongType(names, report, name.span, `\`${name.text}\``, withArticle(thing.kind), asked, thing.name.span);
  return null;
}

export function reportWrongType(
  names: Names,
  report: Report,
  span: Span,
  name: string,
  is: string,
  asked: Asked,
  declared?: Span,
  fixes: readonly Fix[] = [],
): void {
  const known = listKnown(namesOf(names, asked.kinds));
  const related = declared === undefined ? [] : [{ span: declared, message: 'declared here' }];
  report.add(
    CODES.wrongType,
    span,
    { name, is, by: asked.by, asked: asked.words, known },
    {
      related,
      fixes,
    },
  );
}

/** Counts one search through all names; false: there were enough of them. */
export function maySearch(names: Names): boolean {
  names.search.left -= names.things.size;
  return names.search.left > 0;
}

function namesOf(names: Names, kinds: readonly ThingKind[]): string[] {
  if (!maySearch(names)) return [];
  const fitting: string[] = [];
  for (const thing of names.things.values()) if (kinds.includes(thing.kind)) fitting.push(thing.name.text);
  return fitting;
}

const listKnown = (known: readonly string[]): string => (known.length === 0 ? '' : `: ${listWords(known, 6, 'or')}`);
