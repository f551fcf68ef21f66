/** Models and layouts made by hand, for tests that begin behind the checker. */

import type { BtfType, Member } from '../../../compiler/ebpf/btf.ts';
import type { DatapathLayout, PacketMember } from '../../../compiler/ebpf/layout.ts';
import type {
  AddressMap,
  AddressSet,
  Listen,
  Masquerade,
  Model,
  Redirect,
  RuleOrigin,
  Sides,
} from '../../../compiler/model.ts';

export const FILE = 'small.masq';

export function spanAt(line: number, column = 3) {
  return { file: FILE, start: 0, end: 0, line, column };
}
const nobody: Sides['include'] = { any: false, interfaces: [], addresses: { v4: [], v6: [] }, tables: [], own: [] };
export const everybody: Sides = { include: { ...nobody, any: true }, except: null };

export interface Parts {
  readonly masquerades?: readonly Masquerade[];
  readonly redirects?: readonly Redirect[];
  readonly maps?: readonly AddressMap[];
}

/** A model whose rule ids 1.. have these texts, each on the line of its id + 10. */
export function makeModel(texts: readonly string[], parts: Parts = {}): Model {
  const rules: RuleOrigin[] = texts.map((text, index) => ({
    id: index + 1,
    kind: 'policy-rule',
    owner: 'small',
    text,
    span: spanAt(index + 11),
  }));
  const timeouts = {
    tcp: 7_440_000,
    'tcp-syn': 240_000,
    'tcp-fin': 240_000,
    udp: 300_000,
    icmp: 60_000,
    other: 300_000,
  };
  return {
    gateway: {
      name: 'small',
      datapath: 'ebpf',
      default: { id: 1, decision: 'deny', log: null, span: spanAt(1) },
      flows: 1024,
      established: 'recheck',
      timeouts,
      rules: [],
      account: { v4: [], v6: [] },
      span: spanAt(1),
    },
    interfaces: [
      { id: 1, name: 'wan', device: 'eth0.100', mss: null, xdp: true, span: spanAt(2) },
      { id: 2, name: 'lan', device: 'eth1', mss: null, xdp: true, span: spanAt(3) },
    ],
    networks: [],
    policies: [],
    masquerades: parts.masquerades ?? [],
    redirects: parts.redirects ?? [],
    maps: parts.maps ?? [],
    expectations: [],
    tables: [],
    values: [],
    named: [],
    rules,
  };
}

export function makeMasquerade(
  id: number,
  outside: AddressSet['v4'] | AddressSet | null,
  ports = { first: 1024, last: 32767 },
  parts: Partial<Masquerade> = {},
): Masquerade {
  const addresses = outside === null || 'v4' in outside ? outside : { v4: outside, v6: [] };
  const behaviour = {
    mapping: 'endpoint-independent',
    filtering: 'address-dependent',
    choice: 'keep',
    refresh: 'both',
  } as const;
  return {
    id,
    name: `nat${id}`,
    from: everybody,
    interfaces: [1],
    addresses,
    ports,
    families: [4],
    share: null,
    ...behaviour,
    limits: [],
    log: null,
    ...parts,
    span: spanAt(id + 10),
  };
}

export function makeRedirect(listens: readonly Listen[]): Redirect {
  const common = { name: 'inward', interfaces: [1], addresses: null, allowFrom: everybody };
  return { ...common, limits: [], log: null, listens, denyId: 1, allowSpan: spanAt(1), span: spanAt(1) };
}

export function makeListen(
  id: number,
  ports: Listen['service']['ports'],
  target: Listen['target'],
  targetPorts: Listen['targetPorts'] = null,
): Listen {
  return {
    id,
    service: { protocol: 'tcp', ports, icmp: null },
    target,
    targetPorts,
    value: null,
    span: spanAt(id + 10),
  };
}

/** The members of native/datapath/packet.h that the policy uses, in an order of this file's own. */
const MEMBERS: readonly (readonly [string, 1 | 2 | 4, number])[] = [
  ['to_addr', 4, 4],
  ['saddr', 4, 4],
  ['daddr', 4, 4],
  ['nat_addr', 4, 4],
  ['sport', 2, 1],
  ['dport', 2, 1],
  ['rule', 2, 1],
  ['nat', 2, 1],
  ['to_port', 2, 1],
  ['port_first', 2, 1],
  ['port_last', 2, 1],
  ['family', 1, 1],
  ['protocol', 1, 1],
  ['in', 1, 1],
  ['out', 1, 1],
  ['own', 1, 1],
  ['verdict', 1, 1],
  ['log', 1, 1],
  ['mapping', 1, 1],
  ['filtering', 1, 1],
  ['translation', 1, 1],
  ['adjust', 2, 1],
  ['prefix', 1, 1],
  ['side', 1, 1],
  ['habits', 1, 1],
  ['view', 4, 1],
];

/** A layout unlike the datapath's, so that nothing can rest on offsets written down twice. */
export function makeLayout(): DatapathLayout {
  const types: BtfType[] = [
    { kind: 'int', name: 'unsigned char', size: 1, encoding: 0 },
    { kind: 'int', name: 'unsigned short', size: 2, encoding: 0 },
    { kind: 'int', name: 'unsigned int', size: 4, encoding: 0 },
    { kind: 'array', element: 3, index: 3, count: 4 },
  ];
  const ids = { 1: 1, 2: 2, 4: 3 } as const;
  const members: PacketMember[] = [];
  const fields: Member[] = [];
  let offset = 0;
  for (const [name, size, count] of MEMBERS) {
    members.push({ name, offset, size: size * count, count });
    fields.push({ name, type: count === 4 ? 4 : ids[size], bitOffset: offset * 8, bitSize: 0 });
    offset += size * count;
  }
  types.push({ kind: 'struct', name: 'masqc_packet', size: offset, members: fields });
  return { size: offset, members, types, root: 5 };
}
