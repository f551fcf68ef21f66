/**
 * The checker: from what the texts say to a model in which every sentence is known to make sense, or to the list of
 * everything that is wrong. Each pass is one file; a pass reports and goes on, so that one run finds every
 * independent mistake.
 */
import type { Document } from '../../grammar/ast.ts';
import type { Diagnostic } from '../../grammar/diagnostic.ts';
import type { SourceText } from '../../grammar/span.ts';
import { createLists, type Lists } from '../lists.ts';
import type { AddressSet, Model, Service } from '../model.ts';
import type { Context } from './context.ts';
import { makeNames } from './names.ts';
import { declareNames } from './passes/declare.ts';
import { nameFollowers, prepareDynamic } from './passes/dynamic.ts';
import { warnOfExposed } from './passes/exposed.ts';
import { warnOfHosts, warnOfUnused } from './passes/idle.ts';
import { warnOfIdleLimits } from './passes/idle-limits.ts';
import { resolveInterfacesAndZones } from './passes/interfaces.ts';
import { refuseOverlappingMaps } from './passes/map-overlaps.ts';
import { refuseOverlappingMasquerades } from './passes/masquerades.ts';
import { resolveNetworksAndHosts } from './passes/networks.ts';
import { refuseOverlappingPolicies } from './passes/policies.ts';
import { choosePools } from './passes/pools.ts';
import { refusePortLimits } from './passes/port-limits.ts';
import { warnOfPrivateOut } from './passes/private-out.ts';
import { refuseOverlappingRedirects } from './passes/redirect-overlaps.ts';
import { warnOfLockedOut } from './passes/self.ts';
import { resolveDecisions, resolveExpectations } from './passes/sentences.ts';
import { resolveServices, resolveSets } from './passes/sets.ts';
import { warnOfUnreached } from './passes/unreached.ts';
import { makeReport } from './report.ts';

type Pass = (context: Context) => void;

const PASSES: Readonly<Record<'names' | 'decisions' | 'conflicts', readonly Pass[]>> = {
  // What each name stands for, from the simple to what is made of it.
  names: [declareNames, resolveInterfacesAndZones, resolveNetworksAndHosts, resolveSets, resolveServices],
  // What decides, and what is expected of it.
  decisions: [resolveDecisions, resolveExpectations],
  // What can't stand beside each other.
  conflicts: [
    refuseOverlappingPolicies,
    refuseOverlappingMasquerades,
    refuseOverlappingRedirects,
    refuseOverlappingMaps,
    choosePools,
    refusePortLimits,
    prepareDynamic,
  ],
};

/** Only of a file without errors: half a configuration would look unused and unreached. */
const WARNINGS: readonly Pass[] = [
  warnOfUnreached,
  warnOfUnused,
  warnOfIdleLimits,
  warnOfHosts,
  warnOfPrivateOut,
  warnOfExposed,
  warnOfLockedOut,
];

export interface CheckOptions {
  /** The texts of the documents, for sentences quoted in the model. */
  readonly sources: readonly SourceText[];
  /** A file of the configuration could not be read: what is missing may be in it. */
  readonly unread?: boolean;
  /** Files of addresses; without it there are none. */
  readonly lists?: Lists;
}

export interface Checked {
  /** null: there are errors, here or in the documents. */
  readonly model: Model | null;
  /** The checker's own (the documents carry theirs), in the order of files and lines. */
  readonly diagnostics: readonly Diagnostic[];
  readonly declared: Declared;
}

/** What names of the file stand for: hosts, networks and sets; services. null: it could not be made out. */
export interface Declared {
  readonly addresses: ReadonlyMap<string, AddressSet | null>;
  readonly services: ReadonlyMap<string, readonly Service[] | null>;
}

const NO_LISTS = createLists(() => ({ problem: 'cannot be read here' }));

/** The first document is the entry. Never throws on any documents. */
export function check(
  documents: readonly Document[],
  { sources, unread = false, lists = NO_LISTS }: CheckOptions,
): Checked {
  const texts = new Map(sources.map(({ file, text }) => [file, text]));
  const report = makeReport(documents, texts, unread);
  const context: Context = {
    documents,
    sources: texts,
    report,
    names: makeNames(),
    lists,
    files: new Set(),
    filled: new Set(),
    interfaces: [],
    interfaceIds: new Map(),
    zones: new Map(),
    addresses: new Map(),
    services: new Map(),
    hosts: new Map(),
    dynamics: new Map(),
    networks: [],
    gateway: [],
    policies: [],
    masqueradeDrafts: [],
    masquerades: [],
    redirects: [],
    maps: [],
    expectations: [],
    rules: [],
    tables: [],
    values: [],
  };
  for (const passes of Object.values(PASSES)) for (const pass of passes) pass(context);
  if (!report.hasErrors()) for (const pass of WARNINGS) pass(context);

  const [gateway] = context.gateway;
  const { interfaces, networks, policies, masquerades, redirects, maps, expectations, rules } = context;
  const { tables, values } = context;
  const named = nameFollowers(context);
  const model: Model | null =
    gateway === undefined || report.hasErrors()
      ? null
      : {
          gateway,
          interfaces,
          networks,
          policies,
          masquerades,
          redirects,
          maps,
          expectations,
          rules,
          tables,
          values,
          named,
        };
  const declared = { addresses: context.addresses, services: context.services };
  return { model, diagnostics: inOrder(report.diagnostics, documents), declared };
}

function inOrder(diagnostics: readonly Diagnostic[], documents: readonly Document[]): Diagnostic[] {
  const rank = new Map(documents.map(({ file }, i) => [file, i]));
  const of = ({ span }: Diagnostic) => rank.get(span.file) ?? documents.length;
  return [...diagnostics].sort((a, b) => of(a) - of(b) || a.span.start - b.span.start);
}
