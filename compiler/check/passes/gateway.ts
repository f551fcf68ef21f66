/** The `gateway` block: settings, its own denies, and what decides where nothing else does. */
import type { Action, Addresses, GatewayDecl, GatewayLine, TimeoutEntry } from '../../../grammar/ast.ts';
import { findNearest } from '../../../grammar/nearest.ts';
import { NO_ADDRESS } from '../../addresses.ts';
import type { AddressSet, Default, Established, Gateway, Rule, Timeouts } from '../../model.ts';
import { CODES } from '../codes.ts';
import { type Context, giveId } from '../context.ts';
import { resolveLog } from '../resolve/limits.ts';
import { refuseLeavingBy, resolveRule } from '../resolve/rules.ts';
import { resolveAddresses } from '../resolve/sides.ts';
import { didYouMean, listWords } from '../words.ts';

/** RFC 5382 REQ-5, RFC 4787 REQ-5, RFC 5508 REQ-2. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  tcp: 7_440_000, // 2 h 4 min
  'tcp-syn': 240_000,
  'tcp-fin': 240_000,
  udp: 300_000,
  icmp: 60_000,
  other: 300_000,
};
const DEFAULT_FLOWS = 65_536;
const MOST_FLOWS = 16_777_216;
const DATAPATHS = ['ebpf', 'nftables', 'auto'] as const;
const ESTABLISHED = ['recheck', 'keep', 'flush'] as const;
const DAY = 86_400_000;

export function resolveGateway(context: Context, declaration: GatewayDecl): void {
  const { name, span, lines } = declaration;
  refuseRepeated(context, lines);
  let datapath: Gateway['datapath'] = 'auto';
  let flows = DEFAULT_FLOWS;
  let timeouts = DEFAULT_TIMEOUTS;
  let established: Established = 'recheck';
  let otherwise: Default | null = null;
  let account = NO_ADDRESS;
  const rules: Rule[] = [];
  for (const line of lines) {
    switch (line.kind) {
      case 'rule': {
        const rule = resolveOwnRule(context, declaration, line);
        if (rule !== null) rules.push(rule);
        break;
      }
      case 'default':
        otherwise ??= resolveDefault(context, declaration, line);
        break;
      case 'datapath':
        datapath = resolveDatapath(context, line) ?? datapath;
        break;
      case 'flows': {
        flows = line.count.value;
        const bounds = { what: 'the number of flows', low: '1', high: MOST_FLOWS.toLocaleString('en') };
        if (flows < 1 || flows > MOST_FLOWS) context.report.add(CODES.outOfRange, line.count.span, bounds);
        break;
      }
      case 'timeout':
        timeouts = resolveTimeouts(context, line.entries, timeouts);
        break;
      case 'established':
        established = resolveEstablished(context, line) ?? established;
        break;
      case 'account':
        account = resolveAccount(context, line.addresses) ?? account;
        break;
      default:
        refuseUnbuilt(context, line);
    }
  }
  otherwise ??= {
    id: giveId(context, 'gateway-default', name.text, span, 'default deny (what holds without a `default`)'),
    decision: 'deny',
    log: null,
    span,
  };
  giveId(context, 'self-default', name.text, span, 'what the gateway itself starts is allowed');
  context.gateway.push({
    name: name.text,
    datapath,
    default: otherwise,
    flows,
    timeouts,
    established,
    rules,
    account,
    span,
  });
}

function refuseRepeated(context: Context, lines: readonly GatewayLine[]): void {
  const first = new Map<string, GatewayLine>();
  for (const line of lines) {
    if (line.kind === 'rule') continue;
    const before = first.get(line.kind);
    if (before === undefined) first.set(line.kind, line);
    else {
      const property = line.kind.replace('-', ' ');
      context.report.add(
        CODES.repeatedProperty,
        line.span,
        { property },
        {
          related: [{ span: before.span, message: 'first said here' }],
        },
      );
    }
  }
}

function resolveOwnRule(
  context: Context,
  { name }: GatewayDecl,
  rule: Extract<GatewayLine, { kind: 'rule' }>,
): Rule | null {
  const id = giveId(context, 'gateway-rule', name.text, rule.span);
  if (rule.action === 'allow') {
    context.report.add(CODES.allowInGateway, rule.actionSpan, undefined);
    return null;
  }
  if (rule.what === null && rule.from === null && rule.to === null) {
    const instead = `\`${rule.action} from …\`, or \`default ${rule.action}\` for what no policy names`;
    context.report.add(CODES.bareRule, rule.actionSpan, { action: rule.action, instead });
    return null;
  }
  if (refuseLeavingBy(context, rule)) return null;
  return resolveRule(context, rule, id);
}

function resolveDefault(
  context: Context,
  { name }: GatewayDecl,
  { action, log, span }: Extract<GatewayLine, { kind: 'default' }>,
): Default {
  const word = action.text;
  const mend = [{ title: 'deny what no policy names', span: action.span, replacement: 'deny' }];
  if (word === 'masquerade') context.report.add(CODES.defaultMasquerade, action.span, undefined, { fixes: mend });
  else if (word === 'allow' || word === 'accept') {
    context.report.add(CODES.defaultAllow, action.span, undefined, { fixes: mend });
  } else if (!isDenial(word)) {
    const parameters = { word, by: '`default`', words: '`deny` or `reject`' };
    const fixes = didYouMean(word, action.span, ['deny', 'reject']);
    context.report.add(CODES.unknownWord, action.span, parameters, { fixes });
  }
  const decision: Action = isDenial(word) ? word : 'deny';
  return { id: giveId(context, 'gateway-default', name.text, span), decision, log: resolveLog(context, log), span };
}

const isDenial = (word: string): word is 'deny' | 'reject' => word === 'deny' || word === 'reject';

function resolveDatapath(
  context: Context,
  { value }: Extract<GatewayLine, { kind: 'datapath' }>,
): Gateway['datapath'] | null {
  const known = DATAPATHS.find((word) => word === value.text);
  if (known === 'nftables') {
    const parameters = { what: 'the nftables datapath is', instead: '`datapath ebpf`' };
    const fixes = [{ title: 'use the eBPF datapath', span: value.span, replacement: 'ebpf' }];
    context.report.add(CODES.notBuilt, value.span, parameters, { fixes });
  } else if (known === undefined) {
    const parameters = { word: value.text, by: '`datapath`', words: '`ebpf`, `nftables` or `auto`' };
    context.report.add(CODES.unknownWord, value.span, parameters, {
      fixes: didYouMean(value.text, value.span, DATAPATHS),
    });
  }
  return known ?? null;
}

function resolveEstablished(
  context: Context,
  { value }: Extract<GatewayLine, { kind: 'established' }>,
): Established | null {
  const known = ESTABLISHED.find((word) => word === value.text);
  if (known === undefined) {
    const parameters = { word: value.text, by: '`established`', words: '`recheck`, `keep` or `flush`' };
    const fixes = didYouMean(value.text, value.span, ESTABLISHED);
    context.report.add(CODES.unknownWord, value.span, parameters, { fixes });
  }
  return known ?? null;
}

/** null: a mistake, which is reported. */
function resolveAccount(context: Context, addresses: Addresses): AddressSet | null {
  const set = resolveAddresses(context, addresses, '`account`');
  if (set === null) return null;
  const counts = [
    { ranges: set.v4, size: 2n ** 32n },
    { ranges: set.v6, size: 2n ** 128n },
  ];
  const everything = counts.some(({ ranges, size }) => {
    return ranges.reduce((sum, { first, last }) => sum + BigInt(last) - BigInt(first) + 1n, 0n) === size;
  });
  if (!everything) return set;
  const inner = context.networks.map(({ name }) => name).join(', ');
  const fixes = inner === '' ? [] : [{ title: `the networks: ${inner}`, span: addresses.span, replacement: inner }];
  context.report.add(CODES.accountAny, addresses.span, undefined, { fixes });
  return null;
}

function resolveTimeouts(context: Context, entries: readonly TimeoutEntry[], given: Timeouts): Timeouts {
  const timeouts: { -readonly [K in keyof Timeouts]: number } = { ...given };
  const names = Object.keys(timeouts);
  const seen = new Map<string, TimeoutEntry>();
  for (const entry of entries) {
    const { text, span } = entry.protocol;
    const before = seen.get(text);
    seen.set(text, entry);
    if (!isTimeout(text, timeouts)) {
      const parameters = { word: text, by: '`timeout`', words: listWords(names, 9, 'or') };
      const meant = findNearest(text, names);
      context.report.add(CODES.unknownWord, span, parameters, { fixes: didYouMean(text, span, meant ? [meant] : []) });
    } else if (before !== undefined) {
      context.report.add(
        CODES.repeatedProperty,
        span,
        { property: `timeout ${text}` },
        {
          related: [{ span: before.span, message: 'first said here' }],
        },
      );
    } else if (entry.time.ms < 1000 || entry.time.ms > 30 * DAY) {
      const bounds = { what: `the timeout of ${text}`, low: '1s', high: '30d' };
      context.report.add(CODES.outOfRange, entry.time.span, bounds);
    } else {
      timeouts[text] = entry.time.ms;
    }
  }
  return timeouts;
}

function isTimeout(word: string, timeouts: Timeouts): word is keyof Timeouts {
  return Object.hasOwn(timeouts, word);
}

type Unbuilt = Extract<GatewayLine, { kind: 'confirm-within' | 'confirm-by' }>;

function refuseUnbuilt(context: Context, line: Unbuilt): void {
  const word = line.kind.startsWith('confirm') ? 'confirm' : line.kind;
  const what = `\`${word}\` is`;
  const instead = 'the gateway without this line';
  context.report.add(CODES.notBuilt, line.span, { what, instead });
}
