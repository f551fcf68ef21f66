import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { type InterfaceAddress, listPrefixes } from './prefixes.ts';
import { runTool, runToolOrRefuse } from './tool.ts';
import type { Device } from './types.ts';

/** What `ip -j -d link`, `ip -j -4 addr` and `ip -j -4 route` say that matters here. */
interface LinkJson {
  readonly ifname: string;
  readonly ifindex: number;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly link_type: string;
  readonly address?: string;
  readonly master?: string;
  readonly link?: string;
  readonly linkinfo?: { readonly info_kind?: string; readonly info_slave_kind?: string };
}
interface AddressJson {
  readonly ifname?: string;
  readonly addr_info?: readonly InterfaceAddress[];
}
interface RouteJson {
  readonly dst: string;
  readonly dev?: string;
  readonly gateway?: string;
  readonly type?: string;
  readonly protocol?: string;
}

/** What only the kernel's other interfaces know of a device. */
export interface DeviceFacts {
  readonly driver: string | null;
  readonly xdp: Device['xdp'];
  readonly foreignXdp: number | null;
  /** accept_ra 1: what router advertisements said is not renewed by a router. */
  readonly losesRoutes6: boolean;
}

/** All devices of this namespace. `facts` is asked once for each. */
export async function readDevices(facts: (name: string, ifindex: number) => DeviceFacts): Promise<Device[]> {
  const [links, addresses, routes, addresses6, routes6] = await Promise.all([
    runToolOrRefuse('ip', ['-j', '-d', 'link', 'show']),
    runToolOrRefuse('ip', ['-j', '-4', 'addr', 'show']),
    runToolOrRefuse('ip', ['-j', '-4', 'route', 'show', 'table', 'main']),
    runToolOrRefuse('ip', ['-j', '-6', 'addr', 'show']),
    runToolOrRefuse('ip', ['-j', '-6', 'route', 'show', 'table', 'main']),
  ]);
  const strips = new Map<string, boolean | null>();
  for (const parent of listVlanParents(links)) strips.set(parent, await readStripsTags(parent));
  return parseDevices(links, addresses, routes, facts, strips, { addresses: addresses6, routes: routes6 });
}

export function parseDevices(
  links: string,
  addresses: string,
  routes: string,
  facts: (name: string, ifindex: number) => DeviceFacts,
  strips: ReadonlyMap<string, boolean | null> = new Map(),
  ipv6: { readonly addresses: string; readonly routes: string } = { addresses: '', routes: '' },
): Device[] {
  const addressesOf = readAddresses(addresses);
  const addresses6Of = readAddresses(ipv6.addresses);
  const routes6Of = Map.groupBy(parse<RouteJson>(ipv6.routes), (one) => one.dev ?? '');
  const routesOf = Map.groupBy(parse<RouteJson>(routes), (one) => one.dev ?? '');
  const all = parse<LinkJson>(links);
  return all.map((link) => {
    const own = addressesOf.get(link.ifname) ?? [];
    const own6 = (addresses6Of.get(link.ifname) ?? []).filter((one) => one.scope !== 'link');
    const routes6 = routes6Of.get(link.ifname) ?? [];
    const known = facts(link.ifname, link.ifindex);
    return {
      name: link.ifname,
      ifindex: link.ifindex,
      mac: link.link_type === 'ether' ? (link.address ?? null) : null,
      mtu: link.mtu,
      up: link.flags.includes('UP'),
      master: link.master ?? null,
      slaveKind: link.linkinfo?.info_slave_kind ?? null,
      parent: link.link ?? null,
      vlans: all.filter((one) => isVlanOn(one, link.ifname)).map((one) => one.ifname),
      stripsTags: strips.get(link.ifname) ?? null,
      driver: link.linkinfo?.info_kind ?? known.driver,
      addresses: own.flatMap((one) => (one.local === undefined ? [] : [one.local])),
      probe: findProbe(own, routesOf.get(link.ifname) ?? []),
      addresses6: own6.flatMap((one) => (one.local === undefined ? [] : [one.local])),
      prefixes: listPrefixes([...own, ...own6]),
      probe6: findProbe6(own6, routes6),
      learnsRoute6: known.losesRoutes6 && routes6.some((one) => one.protocol === 'ra'),
      xdp: known.xdp,
      foreignXdp: known.foreignXdp,
    };
  });
}

const isVlanOn = (link: LinkJson, parent: string) => link.linkinfo?.info_kind === 'vlan' && link.link === parent;

function listVlanParents(links: string): Set<string> {
  const all = parse<LinkJson>(links);
  return new Set(all.map((one) => one.ifname).filter((parent) => all.some((one) => isVlanOn(one, parent))));
}

async function readStripsTags(device: string): Promise<boolean | null> {
  const features = await readFeatures(device);
  return features?.get('rx-vlan-offload') ?? null;
}

/** What `ethtool -k` says is on; null: it says nothing, or is not installed. */
export async function readFeatures(device: string): Promise<ReadonlyMap<string, boolean> | null> {
  try {
    const { ok, stdout } = await runTool('ethtool', ['-k', device]);
    return ok ? parseFeatures(stdout) : null;
  } catch {
    return null;
  }
}

export function parseFeatures(text: string): Map<string, boolean> {
  return new Map([...text.matchAll(/^\s*([\w-]+): (on|off)/gm)].map(([, name = '', state]) => [name, state === 'on']));
}

function readAddresses(json: string): Map<string, NonNullable<AddressJson['addr_info']>> {
  return new Map(parse<AddressJson>(json).map((one) => [one.ifname ?? '', one.addr_info ?? []]));
}

/** ip prints nothing at all for an empty list, and `{}` for what it leaves out. */
function parse<T extends object>(json: string): T[] {
  if (json.trim() === '') return [];
  return (JSON.parse(json) as T[]).filter((one) => Object.keys(one).length > 0);
}

/** An address of nobody, for a default route without a gateway (RFC 5737). */
const NOBODY = '192.0.2.1';

/** An address that is routed through a device: what the default route leads to, else any gateway, peer or neighbour. */
export function findProbe(own: NonNullable<AddressJson['addr_info']>, routes: readonly RouteJson[]): string | null {
  const unicast = routes.filter((one) => one.type === undefined || one.type === 'unicast');
  const fallback = unicast.find((one) => one.dst === 'default');
  if (fallback !== undefined) return fallback.gateway ?? NOBODY;
  const gateway = unicast.find((one) => one.gateway !== undefined)?.gateway;
  if (gateway !== undefined) return gateway;
  const peer = own.find((one) => one.address !== undefined)?.address;
  if (peer !== undefined) return peer;
  const first = unicast[0]?.dst;
  return first === undefined ? null : neighbourOf(first, own);
}

/** An address of nobody in IPv6 (RFC 3849). */
const NOBODY6 = '2001:db8::1';

/** The same for IPv6, where gateways are link-local and say nothing: anybody beyond a default route, else a neighbour. */
export function findProbe6(own: NonNullable<AddressJson['addr_info']>, routes: readonly RouteJson[]): string | null {
  const unicast = routes.filter((one) => one.type === undefined || one.type === 'unicast');
  if (unicast.some((one) => one.dst === 'default')) return NOBODY6;
  const wide = unicast.find((one) => one.dst.endsWith('::/64') && !one.dst.startsWith('fe80'))?.dst;
  if (wide === undefined) return null;
  const base = wide.slice(0, -'/64'.length);
  return ['1', '2'].map((host) => base + host).find((address) => !own.some((one) => one.local === address)) ?? null;
}

/** An address in `network` (`192.168.1.0/24`, `203.0.113.1`) that is not one of our own; null: there is none. */
function neighbourOf(network: string, own: NonNullable<AddressJson['addr_info']>): string | null {
  const [base = '', length = '32'] = network.split('/');
  const start = base.split('.').reduce((value, part) => value * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(length));
  for (let offset = size > 2 ? 1 : 0; offset < Math.min(size, 64); offset += 1) {
    const address = formatAddress(start + offset);
    if (!own.some((one) => one.local === address)) return address;
  }
  return null;
}

/** 3232235777 → `192.168.1.1` */
export function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** The name of a hardware driver by sysfs; null where it is virtual, or sysfs shows another namespace. */
export function readDriver(name: string, ifindex: number): string | null {
  try {
    const base = `/sys/class/net/${name}`;
    if (Number(readFileSync(`${base}/ifindex`, 'utf8')) !== ifindex) return null;
    return basename(readlinkSync(`${base}/device/driver`));
  } catch {
    return null;
  }
}
