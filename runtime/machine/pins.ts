import type { Hook } from './types.ts';

/** Names in a gateway's pin directory. Maps are pinned by libbpf under their own names. */
export const PROGRAMS = {
  xdp: 'xdp_ingress',
  'tc-ingress': 'tc_ingress',
  'tc-egress': 'tc_egress',
} as const satisfies Record<Hook, string>;
export const ARM_PROGRAM = 'arm';
export const RESTAMP_PROGRAM = 'restamp';

/** Program arrays by hook, and the program of a generation that belongs in them. */
export const POLICY_ARRAYS = {
  xdp: { array: 'xdp_policies', miss: 'xdp_miss', entry6: 'xdp_entry6' },
  'tc-ingress': { array: 'tc_ingress_policies', miss: 'tc_ingress_miss', entry6: 'tc_ingress_entry6' },
  'tc-egress': { array: 'tc_egress_policies', miss: 'tc_egress_miss', entry6: 'tc_egress_entry6' },
} as const satisfies Record<Hook, { array: string; miss: string; entry6: string }>;
export const HOOKS = ['tc-egress', 'tc-ingress', 'xdp'] as const satisfies readonly Hook[];

/** One datapath for each: names of its maps end in it. */
export type Family = 4 | 6;
export function policyArray(hook: Hook, family: Family): string {
  return `${POLICY_ARRAYS[hook].array}${family}`;
}

/** Maps without which the gateway can't be spoken to, or (sweeper4) does not expire its connections. */
export const MAPS = [
  'control',
  'progress4',
  'flows4',
  'slots4',
  'mappings4',
  'peers4',
  'shares4',
  'resting4',
  'dying4',
  'datagrams4',
  'idents4',
  'stash4',
  'stash_bytes4',
  'tc_programs4',
  'interfaces',
  'seats',
  'addresses4',
  'drops',
  'tallies',
  'meters',
  'charges',
  'loggers',
  'sources',
  'accounts',
  'events',
  'answers',
  'sweeper4',
] as const;
/** The same for IPv6, where it is carried. */
const MAPS6 = [...MAPS.filter((name) => name.endsWith('4')).map((name) => name.replace('4', '6')), 'translations6'];

/** The maps that a change of `flows` makes anew. */
export function isTableMap(name: string): boolean {
  return /^(flows|slots|progress|mappings|resting|dying|peers|sweeper|translations)[46]$/.test(name);
}
/** `old_flows4` → `flows4`: what stands for the old table in programs that know both (native/datapath/table.h). */
export function parseOldMap(name: string): string | null {
  return name.startsWith('old_') ? name.slice('old_'.length) : null;
}

/** Directory in the pin directory for the maps of a table of another size, until it takes the place of the one there is. */
export const NEXT = 'next';

/** `prog_xdp_ingress`, `prog_xdp_ingress6` */
export function programPin(name: string, family: Family = 4): string {
  return `prog_${name}${family === 4 ? '' : family}`;
}

/** `link_xdp_3`: hook and index of the device. */
export function linkPin(hook: Hook, ifindex: number): string {
  return `link_${hook}_${ifindex}`;
}
export function parseLinkPin(name: string): { hook: Hook; ifindex: number } | null {
  const match = /^link_(xdp|tc-ingress|tc-egress)_(\d+)$/.exec(name);
  return match === null ? null : { hook: match[1] as Hook, ifindex: Number(match[2]) };
}

/** The table `id` of the policy in place `slot`. */
export function setPin(slot: number, id: number): string {
  return `set_${slot}_${id}`;
}
/** And what spares searches in it. */
export function outlinePin(slot: number, id: number): string {
  return `outline_${slot}_${id}`;
}
export function parseSetPin(name: string): { slot: number; id: number } | null {
  const match = /^(?:set|outline)_(\d+)_(\d+)$/.exec(name);
  return match === null ? null : { slot: Number(match[1]), id: Number(match[2]) };
}

/** What of the policy in place `slot` follows the machine's prefixes: the tables, and the values with the view that counts. */
export function livePin(slot: number, map: 'live' | 'followed' = 'live'): string {
  return `${map}_${slot}`;
}
export function parseLivePin(name: string): number | null {
  const match = /^(?:live|followed)_(\d+)$/.exec(name);
  return match === null ? null : Number(match[1]);
}

/** The numbers of interfaces in the policy in place `slot`: a device that comes later gets its one there. */
export function idsPin(slot: number): string {
  return `ids_${slot}`;
}
export function parseIdsPin(name: string): number | null {
  const match = /^ids_(\d+)$/.exec(name);
  return match === null ? null : Number(match[1]);
}

/** Everything that must be pinned for a gateway to be whole, without its links. */
export const REQUIRED_PINS: readonly string[] = [
  ...MAPS,
  ...HOOKS.map((hook) => policyArray(hook, 4)),
  ...HOOKS.map((hook) => POLICY_ARRAYS[hook].entry6),
  ...HOOKS.map((hook) => programPin(PROGRAMS[hook])),
  programPin(ARM_PROGRAM),
  programPin(RESTAMP_PROGRAM),
];
/** What is pinned beside them where IPv6 is carried. */
const REQUIRED_PINS6: readonly string[] = [
  ...MAPS6,
  ...HOOKS.map((hook) => policyArray(hook, 6)),
  ...[...HOOKS.map((hook) => PROGRAMS[hook]), ARM_PROGRAM, RESTAMP_PROGRAM].map((name) => programPin(name, 6)),
];
export function requiredPins(ipv6: boolean): readonly string[] {
  return ipv6 ? [...REQUIRED_PINS, ...REQUIRED_PINS6] : REQUIRED_PINS;
}

/** Our place on the clsact qdisc: handle and priority, so that we find our filters again and touch no others. */
export const CLSACT = { handle: 0x6d71, priority: 1 } as const;
