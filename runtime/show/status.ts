import type { ManifestInterface } from '../../compiler/artifact/manifest.ts';
import { enumOf } from '../apply/layout.ts';
import { recallApplied } from '../attach/recall.ts';
import type { Io } from '../cli/io.ts';
import { HOOKS, requiredPins } from '../machine/pins.ts';
import { takeSnapshot } from '../machine/snapshot.ts';
import type { Attachment, Snapshot, State } from '../machine/types.ts';
import { canTransmit } from '../plan/attach.ts';
import { flowTableBytes, formatBytes } from '../plan/memory.ts';
import { formatTimeouts, groups } from '../plan/render.ts';
import { findMissingPins, findRunning, type Running } from './find.ts';
import { readHighWater } from './read-connections.ts';

export interface Status {
  readonly gateway: string;
  readonly generation: number;
  readonly since: string | null;
  /** `used6`: of the table for IPv6, which has the same size; null: IPv6 is not carried. */
  readonly flows: {
    readonly used: number;
    readonly used6: number | null;
    readonly size: number;
    readonly bytes: number;
  };
  readonly interfaces: readonly InterfaceStatus[];
  /** Interfaces whose prefixes the policy follows, and those that it goes by. */
  readonly followed: readonly {
    readonly name: string;
    readonly device: string;
    readonly prefixes: readonly string[];
  }[];
  readonly guard: boolean;
  readonly forwarding: boolean;
  readonly timeouts: State['timeouts'];
  /** What is amiss; empty when all is well. */
  readonly warnings: readonly string[];
}
export interface InterfaceStatus {
  readonly name: string;
  readonly device: string;
  /** null: waiting for it. */
  readonly ifindex: number | null;
  readonly present: boolean;
  readonly attached: boolean;
  readonly addresses: readonly string[];
  readonly hooks: readonly Omit<Attachment, 'ifindex'>[];
}

/** Connections in each table. */
export interface Used {
  readonly ipv4: number;
  readonly ipv6: number;
}

export async function showStatus(asJson: boolean, io: Io): Promise<void> {
  const running = await findRunning(false);
  const snapshot = await takeSnapshot(running.state.gateway, 'show');
  const readable = findMissingPins(running.pins, running.state).length === 0;
  const declared = recallApplied()?.manifest.interfaces;
  const used = {
    ipv4: readable ? await countFlows(running, 4) : 0,
    ipv6: readable && running.state.ipv6 ? await countFlows(running, 6) : 0,
  };
  const status = makeStatus(running.state, snapshot, used, declared);
  io.out(asJson ? `${JSON.stringify({ schema: 'masqc/status@1', ...status }, null, 2)}\n` : renderStatus(status, io));
}

/** Slots in use, by pages. */
async function countFlows({ libbpf, pins }: Running, family: 4 | 6): Promise<number> {
  using slots = libbpf.BpfMap.openPinned(`${pins}/slots${family}`, { readOnly: true });
  const limit = readHighWater(libbpf, pins, family);
  const btf = slots.btf();
  const free = enumOf(btf, 'slot_state', 'SLOT_').FREE ?? 0;
  const struct = btf.type(btf.find('flow_slot', 'struct') ?? 0);
  const at = struct.kind === 'struct' ? (struct.members.find((one) => one.name === 'state')?.bitOffset ?? 0) / 8 : 0;
  let used = 0;
  let seen = 0;
  for await (const page of slots.pages({ size: 16384 })) {
    for (let index = 0; index < page.count; index += 1) if (page.value(index)[at] !== free) used += 1;
    seen += page.count;
    if (seen >= limit) break;
  }
  return used;
}

/** Compares what is remembered with what is there. `declared`: the interfaces of the file. Pure. */
export function makeStatus(
  state: State,
  snapshot: Snapshot,
  { ipv4: used, ipv6: used6 }: Used,
  declared: readonly Pick<ManifestInterface, 'name' | 'device'>[] = state.interfaces,
): Status {
  const warnings: string[] = [];
  const missing = requiredPins(state.ipv6).filter((name) => !snapshot.pins.includes(name));
  if (missing.length > 0)
    warnings.push(`Pins are missing (${missing.join(', ')}): run \`masqc down\`, then apply again.`);
  if (snapshot.active !== null && !snapshot.active.filled) {
    warnings.push('No policy is active: new connections are dropped. Apply again.');
  }
  const guard = snapshot.guard?.token === state.token;
  if (!guard)
    warnings.push('The guard (table inet masqc) is gone: a device that is made again would be open. Apply again.');
  if (state.ipv6 && snapshot.ipv6Forward === false)
    warnings.push('net.ipv6.conf.all.forwarding is 0: IPv6 packets are not forwarded. Apply again.');
  if (!snapshot.ipForward)
    warnings.push('net.ipv4.ip_forward is 0: packets that need the stack are not forwarded. Apply again.');
  const interfaces = declared.map(({ name, device }) => describeInterface(name, device, state, snapshot, warnings));
  for (const { name, device, prefixes } of state.live) {
    const now = snapshot.devices.find((one) => one.name === device)?.prefixes ?? [];
    const [before, after] = [prefixes, now].map((list) => list.join(' ') || 'no prefix');
    if (before === after) continue;
    warnings.push(`${name} has ${after} now, and the policy goes by ${before}: run \`masqc attach\`.`);
  }
  const { gateway, generation, since, timeouts, live } = state;
  const followed = live.map(({ name, device, prefixes }) => ({ name, device, prefixes }));
  const size = snapshot.table?.flows ?? state.flows;
  if (Math.max(used, used6) > 0.9 * size)
    warnings.push(`The flow table is nearly full: raise \`flows\` (now ${size}).`);
  const bytes = flowTableBytes(size, 4) + (state.ipv6 ? flowTableBytes(size, 6) : 0);
  const flows = { used, used6: state.ipv6 ? used6 : null, size, bytes };
  const common = { gateway, generation, since, flows, interfaces, followed, guard, timeouts, warnings };
  return { ...common, forwarding: snapshot.ipForward };
}

/** A device of the file; what is amiss with it is added to `warnings`. */
function describeInterface(
  name: string,
  device: string,
  state: State,
  snapshot: Snapshot,
  warnings: string[],
): InterfaceStatus {
  const live = snapshot.devices.find((one) => one.name === device);
  const knowns = state.interfaces.filter((one) => one.device === device);
  const known = knowns.find((one) => one.ifindex === live?.ifindex) ?? knowns[0];
  const found = live === undefined ? [] : snapshot.attachments.filter((one) => one.ifindex === live.ifindex);
  if (live === undefined) {
    warnings.push(
      `Waiting for ${device} (${name}): it is shut until it comes and \`masqc watch\` or \`masqc attach\` has seen it.`,
    );
  } else if (known?.ifindex !== live.ifindex) {
    const came = known === undefined ? 'has come' : 'was made again';
    warnings.push(`${name} = ${device} ${came} and is shut: run \`masqc attach\`.`);
  } else {
    const { hooks, record } = known;
    const lost = hooks.filter((hook) => !found.some((one) => one.hook === hook.hook)).map((one) => one.hook);
    if (lost.length > 0)
      warnings.push(`${name} = ${device} has lost its programs (${lost.join(', ')}): run \`masqc attach\`.`);
    if (record.transmit && !canTransmit(live, true))
      warnings.push(
        `${name} = ${device} no longer takes the frames that XDP sends (a veth whose peer lost GRO?), and they get lost: run \`masqc attach\`.`,
      );
    if (record.hides && live.addresses.length === 0)
      warnings.push(`${name} = ${device} has no address: nothing can be masqueraded there until it gets one.`);
  }
  return {
    name,
    device,
    ifindex: live?.ifindex ?? null,
    present: live !== undefined,
    attached: found.length > 0 && known?.ifindex === live?.ifindex,
    addresses: live?.addresses ?? [],
    hooks: HOOKS.flatMap((hook) => found.filter((one) => one.hook === hook).map(({ mode }) => ({ hook, mode }))),
  };
}

export function renderStatus(status: Status, { colours: c }: Pick<Io, 'colours'>): string {
  const { flows } = status;
  const percent = ((100 * flows.used) / flows.size).toFixed(1);
  const width = Math.max(...status.interfaces.map((one) => `${one.name} = ${one.device}`.length), 0);
  const lines = [
    `${c.bold(status.gateway)}  generation ${status.generation}${status.since === null ? '' : `, since ${status.since}`}`,
    `  flows       ${groups(flows.used)} of ${groups(flows.size)} (${percent} %)${flows.used6 === null ? '' : `, ${groups(flows.used6)} of IPv6`}, ${formatBytes(flows.bytes)} of kernel memory`,
    ...status.interfaces.map((one, index) => {
      const label = index === 0 ? 'interfaces' : '';
      const programs = one.hooks.map((hook) => `${HOOK_WORDS[hook.hook]} ${hook.mode}`).join(', ') || 'no programs';
      const hooks = one.present ? programs : `waiting for ${one.device}`;
      return `  ${label.padEnd(10)}  ${`${one.name} = ${one.device}`.padEnd(width)}  ${one.addresses.join(' ') || '-'}  ${c.dim(hooks)}`;
    }),
    ...status.followed.map(({ name, prefixes }, index) => {
      return `  ${(index === 0 ? 'prefixes' : '').padEnd(10)}  ${name} ${prefixes.join(' ') || 'none'}`;
    }),
    `  guard       ${status.guard ? 'armed' : c.red('gone')}`,
    `  forwarding  ${status.forwarding ? 'on' : c.red('off')}`,
    `  timeouts    ${formatTimeouts(status.timeouts)}`,
    ...status.warnings.map((text) => `  ${c.yellow('warning:')} ${text}`),
  ];
  return `${lines.join('\n')}\n`;
}
const HOOK_WORDS = { xdp: 'XDP', 'tc-ingress': 'TC in', 'tc-egress': 'TC out' } as const;
