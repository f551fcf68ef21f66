import type { Colours } from '../cli/io.ts';
import type { Connection, Endpoint, Origin } from './connection.ts';

/**
 * The listing of `ipfwadm -M -l`, column for column: `%-5s` protocol, `%02d:%02d.%02d ` minutes, seconds, hundredths,
 * `%-20s ` source, `%-20s ` destination, `%u (%u) -> %u` inside port, port on the gateway, server port. To its right,
 * where the original line ended: state, packets and bytes both ways together, the line of the file that let it in.
 */
export const TITLE = 'IP masquerading entries';
const ORIGINAL_HEADER = 'prot expire   source               destination          ports';
const PORTS_WIDTH = '65535 (65535) -> 65535'.length;

/** The line above the connections, printed when there are any. */
export function renderHeader(c: Colours): string {
  const right = ['state'.padEnd(11), 'packets'.padStart(8), 'bytes'.padStart(7), ' let in by'].join(' ');
  const ours = ' '.repeat(PORTS_WIDTH - 'ports'.length + 2) + right;
  return `${c.dim(ORIGINAL_HEADER + ours)}\n`;
}

/** One line, with its end. */
export function renderConnection(connection: Connection, c: Colours): string {
  const { sent, received } = connection;
  const right = [
    connection.state.padEnd(11),
    shorten(sent.packets + received.packets, 1000).padStart(8),
    shorten(sent.bytes + received.bytes, 1024).padStart(7),
    ` ${describeOrigin(connection)}`,
  ].join(' ');
  return `${renderOriginal(connection).padEnd(ORIGINAL_HEADER.length - 5 + PORTS_WIDTH + 2)}${c.dim(right)}\n`;
}

function describeOrigin({ rule, own, adopted, generation }: Connection): string {
  if (own === 'sent') return 'the gateway itself';
  if (adopted) return 'was there before masqc';
  return rule === null ? `a line of generation ${generation}` : `${rule.file}:${rule.line} ${rule.owner}`;
}

/** The original's own columns, without what masqc adds. */
export function renderOriginal(connection: Connection): string {
  const { protocol, source, destination, masqueraded, redirected } = connection;
  const server = redirected ?? destination;
  const outside = masqueraded?.port ?? (redirected === null ? null : destination.port);
  const gateway = outside === null ? '' : ` (${outside})`;
  const ports = hasPorts(protocol)
    ? `${source.port}${gateway} -> ${server.port}`
    : `${source.port}${masqueraded === null ? '' : ` (${masqueraded.port})`} -> echo`;
  return [
    protocol.padEnd(5),
    `${formatExpiry(connection.expiresMs)} `,
    `${source.address.padEnd(20)} `,
    `${server.address.padEnd(20)} `,
    protocol.startsWith('icmp') || hasPorts(protocol) ? ports : '-',
  ].join('');
}

/** `%02d:%02d.%02d`: minutes (as many digits as they need), seconds, hundredths. */
export function formatExpiry(ms: number): string {
  const hundredths = Math.max(0, Math.floor(ms / 10));
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(Math.floor(hundredths / 6000))}:${two(Math.floor(hundredths / 100) % 60)}.${two(hundredths % 100)}`;
}

/** `999`, `1.2k`, `34M`: at most four digits and a letter. */
export function shorten(value: number, base: 1000 | 1024): string {
  const letters = base === 1000 ? ['', 'k', 'M', 'G', 'T', 'P'] : ['', 'K', 'M', 'G', 'T', 'P'];
  let rest = value;
  let unit = 0;
  while (rest >= base && unit < letters.length - 1) {
    rest /= base;
    unit += 1;
  }
  const text = unit === 0 || rest >= 100 ? String(Math.floor(rest)) : (Math.floor(rest * 10) / 10).toFixed(1);
  return `${text}${letters[unit]}`;
}

function hasPorts(protocol: string): boolean {
  return protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp';
}

/**
 * One connection as one line of JSON: an object a line (docs/cli.md), so that a million of them can be streamed. The very
 * text of JSON.stringify, at a third of its cost: only names and sentences of the file can hold what must be escaped.
 */
export function renderConnectionJson(connection: Connection): string {
  const { protocol, own, state, sent, received, rule, translation } = connection;
  return (
    `{"protocol":"${protocol}","source":${endpointJson(connection.source)},"destination":${endpointJson(connection.destination)}` +
    `,"masqueraded":${endpointJson(connection.masqueraded)},"redirected":${endpointJson(connection.redirected)}` +
    `,"own":${own === null ? 'null' : `"${own}"`},"adopted":${connection.adopted},"state":"${state}"` +
    `,"expiresMs":${connection.expiresMs},"ageMs":${connection.ageMs}` +
    `,"sent":{"packets":${sent.packets},"bytes":${sent.bytes}},"received":{"packets":${received.packets},"bytes":${received.bytes}}` +
    `,"rule":${originJson(rule)},"translation":${originJson(translation)},"generation":${connection.generation}}\n`
  );
}

function endpointJson(endpoint: Endpoint | null): string {
  return endpoint === null ? 'null' : `{"address":"${endpoint.address}","port":${endpoint.port}}`;
}

const originTexts = new WeakMap<Origin, string>();
function originJson(origin: Origin | null): string {
  if (origin === null) return 'null';
  let text = originTexts.get(origin);
  if (text === undefined) {
    const { file, line, owner } = origin;
    text = JSON.stringify({ file, line, owner, text: origin.text });
    originTexts.set(origin, text);
  }
  return text;
}
