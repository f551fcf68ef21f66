/** The declarations of a gateway file, each an object with one key: what it is. */
import {
  addresses,
  count,
  type Lines,
  line,
  lines,
  listOf,
  membersOf,
  name,
  names,
  places,
  quoted,
  type Shape,
  ShapeError,
  textOf,
  what,
  word,
} from './shape.ts';
import type { JsonNode } from './tree.ts';
import type { SentenceWriter } from './writer.ts';

type Known = Readonly<Record<string, JsonNode | undefined>>;

const log: Shape = (value, out) => {
  if (value.kind === 'boolean' && value.value) return out.put(' log', value);
  const { label, rate } = membersOf(value, ['label', 'rate'], [], '`true`, or an object with `label` and `rate`');
  out.put(' log', value);
  if (label !== undefined) after(' ', quoted)(label, out);
  if (rate !== undefined) after(' ', word('a rate like "10/minute"'))(rate, out);
};

/** ` words value` */
const after =
  (words: string, shape: Shape): Shape =>
  (value, out) => {
    out.put(words, value);
    shape(value, out);
  };
/** Those of the clauses that are there, in the order of the language. */
function putClauses(known: Known, clauses: Lines, out: SentenceWriter): void {
  for (const [key, shape] of Object.entries(clauses)) {
    const value = known[key];
    if (value !== undefined) shape(value, out);
  }
}

const LIMIT = word('e.g. "10/minute burst 20 per source" or "100 flows"');
const CLAUSES: Lines = {
  what: after(' ', what),
  from: after(' from ', addresses),
  to: after(' to ', addresses),
  limit: after(' limit ', LIMIT),
  log,
};

const rule: Shape = (value, out) => {
  const known: Known = membersOf(value, ['action', 'what', 'from', 'to', 'limit', 'log'], ['action'], 'a rule');
  out.put('  ', value);
  out.put(textOf(known.action as JsonNode, '"allow", "deny" or "reject"', /^(allow|deny|reject)$/), value);
  putClauses(known, CLAUSES, out);
  out.put('\n', value);
};
const rules = lines(rule, 'an array of rules');

const action = word('"deny", "reject" or "allow"');
const byDefault: Shape = (value, out) => {
  if (value.kind === 'string') return line('default', action)(value, out);
  const known: Known = membersOf(
    value,
    ['action', 'log'],
    ['action'],
    'an action, or an object with `action` and `log`',
  );
  out.put('  default ', value);
  putClauses(known, { action, log }, out);
  out.put('\n', value);
};

const TIME = word('a time like "2h4m"');
const timeouts: Shape = (value, out) => {
  if (value.kind !== 'object' || value.members.size === 0)
    throw new ShapeError(value, 'an object like { "tcp": "2h4m" }');
  let first = true;
  for (const [key, time] of value.members) {
    if (!/^[a-z][a-z-]*$/.test(key)) throw new ShapeError(time, 'a protocol like `tcp-fin` as the key');
    out.put(first ? `${key} ` : `, ${key} `, time);
    TIME(time, out);
    first = false;
  }
};

const confirm: Shape = (value, out) => {
  const { within, by } = membersOf(value, ['within', 'by'], [], 'an object with `within` and `by`');
  if (within !== undefined) line('confirm within', TIME)(within, out);
  if (by !== undefined) line('confirm by', word('e.g. "tcp 203.0.113.1:443"'))(by, out);
};

const GATEWAY: Lines = {
  datapath: line('datapath', word('"ebpf", "nftables" or "auto"')),
  default: byDefault,
  flows: line('flows', count),
  timeout: line('timeout', timeouts),
  confirm,
  established: line('established', word('"recheck", "keep" or "flush"')),
  account: line('account', addresses),
  rules,
};

const INTERFACE: Lines = {
  mss: line('mss', (value, out) =>
    value.kind === 'number' ? count(value, out) : word('"clamp" or a number')(value, out),
  ),
  xdp: (value, out) => {
    if (value.kind !== 'boolean') throw new ShapeError(value, '`false`, where it is left to TC');
    if (!value.value) out.put('  xdp off\n', value);
  },
};

const listen: Shape = (value, out) => {
  const known: Known = membersOf(value, ['what', 'to'], ['what', 'to'], 'an object with `what` and `to`');
  out.put('  listen ', value);
  const targets = listOf(word('e.g. "yoda:8080" or "yoda weight 3"'), 'an array of targets');
  putClauses(known, { what, to: after(' to ', targets) }, out);
  out.put('\n', value);
};
const open: Shape = (value, out) => {
  const known: Known = membersOf(value, ['what', 'from'], ['what'], 'an object with `what` and `from`');
  out.put('  open ', value);
  putClauses(known, { what, from: after(' from ', word('"contacted" or "any"')) }, out);
  out.put('\n', value);
};
const check: Shape = (value, out) => {
  const known: Known = membersOf(
    value,
    ['http', 'every', 'fall', 'rise'],
    ['every'],
    'an object with `every`, and `http`, `fall`, `rise`',
  );
  out.put(known.http === undefined ? '  check tcp' : '  check http ', value);
  const numbers = { fall: after(' fall ', count), rise: after(' rise ', count) };
  putClauses(known, { http: quoted, every: after(' every ', TIME), ...numbers }, out);
  out.put('\n', value);
};

const one = (key: string, asked: string): Shape => line(key, word(asked));
/** Which of them belongs in which block the checker says. */
const PROPERTIES: Lines = {
  from: line('from', addresses),
  interface: line('interface', names),
  address: line('address', addresses),
  family: line('family', names),
  ports: one('ports', 'e.g. "61000-65095" or "61000-65095 random"'),
  share: line('share', count, ' ports per source'),
  mapping: one('mapping', 'e.g. "endpoint-independent"'),
  filtering: one('filtering', 'e.g. "address-dependent"'),
  refresh: one('refresh', '"outbound" or "both"'),
  listen: lines(listen, 'an array of objects with `what` and `to`'),
  allowFrom: line('allow from', addresses),
  balance: one('balance', 'e.g. "maglev"'),
  check: lines(check, 'an array of objects with `every`'),
  drain: line('drain', TIME),
  control: line('control', what),
  open: lines(open, 'an array of objects with `what`'),
  hold: line('hold', TIME),
  owner: one('owner', '"first", "last" or "shared"'),
  inside: one('inside', 'a prefix, or the name of a network'),
  outside: one('outside', 'a prefix, the name of a network, or "dynamic"'),
  limit: lines(line('limit', LIMIT), 'an array of limits'),
  timeout: line('timeout', timeouts),
  helper: line('helper', names),
  log: (value, out) => {
    out.put(' ', value);
    log(value, out);
    out.put('\n', value);
  },
};

/** An interface that needs no block. */
const isBare = ({ mss, xdp }: Known): boolean =>
  mss === undefined && (xdp === undefined || (xdp.kind === 'boolean' && xdp.value));

/** `kind NAME … { lines }`; the lines stand in the order of the members. */
const block =
  (kind: string, inside: Lines, heads: Lines = {}): Shape =>
  (value, out) => {
    const keys = ['name', ...Object.keys(heads)];
    const known: Known = membersOf(value, [...keys, ...Object.keys(inside)], keys, `a ${kind}`);
    out.put(`${kind} `, value);
    putClauses(known, { name, ...heads }, out);
    if (kind === 'interface' && isBare(known)) return out.put('\n', value);
    out.put(' {\n', value);
    for (const [key, member] of value.kind === 'object' ? value.members : []) inside[key]?.(member, out);
    out.put('}\n', value);
  };
/** `kind NAME = …` on one line. */
const sentence =
  (kind: string, clauses: Lines): Shape =>
  (value, out) => {
    const keys = ['name', ...Object.keys(clauses)];
    const known: Known = membersOf(value, keys, keys, `a ${kind}`);
    out.put(`${kind} `, value);
    putClauses(known, { name, ...clauses }, out);
    out.put('\n', value);
  };

export const DECLARATIONS: Lines = {
  gateway: block('gateway', GATEWAY),
  interface: block('interface', INTERFACE, { device: after(' = ', word('the name of a network device')) }),
  zone: sentence('zone', { members: after(' = ', names) }),
  network: sentence('network', {
    addresses: after(' = ', listOf(word('a prefix, or "dynamic"'), 'an array of prefixes')),
    on: after(' on ', name),
  }),
  host: sentence('host', {
    addresses: after(' = ', listOf(word('an address, e.g. "::10 in home6"'), 'an array of addresses')),
  }),
  set: sentence('set', { addresses: after(' = ', addresses) }),
  service: sentence('service', { what: after(' = ', what) }),
  policy: block('policy', { rules, default: byDefault }, { from: after(' from ', places), to: after(' to ', places) }),
  masquerade: block('masquerade', PROPERTIES),
  redirect: block('redirect', PROPERTIES),
  autofw: block('autofw', PROPERTIES),
  map: block('map', PROPERTIES),
  expect: (value, out) => {
    const { title, steps } = membersOf(value, ['title', 'steps'], ['title', 'steps'], 'an expect');
    out.put('expect ', value);
    quoted(title as JsonNode, out);
    out.put(' {\n', value);
    const step = word('e.g. "tcp from han on lan to 192.0.2.80:80 is allowed" or "wait 5m"');
    lines((one, to) => {
      to.put('  ', one);
      step(one, to);
      to.put('\n', one);
    }, 'an array of steps')(steps as JsonNode, out);
    out.put('}\n', value);
  },
  include: (value, out) => {
    after('include ', quoted)(value, out);
    out.put('\n', value);
  },
};
