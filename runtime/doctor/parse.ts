import type { Facts } from './facts.ts';

/** `ip xfrm policy list`: those that packets of the network meet (not of sockets). */
export function parseIpsec(text: string): string[] {
  const found = [...text.matchAll(/^src (\S+) dst (\S+).*\n\s+dir (out|fwd)\b/gm)];
  return found.map(([, from, to, direction]) => `${from} → ${to} (${direction})`);
}

interface RouteJson {
  readonly dst: string;
  readonly dev?: string;
  readonly type?: string;
  readonly nexthops?: readonly { readonly dev?: string }[];
}

/** `ip -j route`: default routes and those with several next hops. */
export function parseRoutes(json: string): Facts['routes'] {
  if (json.trim() === '') return [];
  return (JSON.parse(json) as RouteJson[]).flatMap(({ dst: destination, dev, nexthops }) => {
    const devices = [...(dev === undefined ? [] : [dev]), ...(nexthops ?? []).flatMap((one) => one.dev ?? [])];
    const matters = destination === 'default' || devices.length > 1;
    return matters && devices.length > 0 ? [{ destination, devices: [...new Set(devices)] }] : [];
  });
}

/** State of a listening TCP socket, and of an unconnected UDP socket, in /proc/net (net/tcp_states.h). */
const TCP_LISTEN = '0A';
const TCP_CLOSE = '07';

/** /proc/net/tcp, udp and their likes: sockets that are bound to a port. */
export function parseSockets(protocol: 'tcp' | 'udp', text: string): Facts['sockets'] {
  return [...text.matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) \S+ ([0-9A-F]{2}) /gm)].map(([, port = '', state]) => ({
    protocol,
    port: Number.parseInt(port, 16),
    listening: state === (protocol === 'tcp' ? TCP_LISTEN : TCP_CLOSE),
  }));
}
