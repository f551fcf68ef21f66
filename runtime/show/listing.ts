import type { Colours } from '../cli/io.ts';
import type { Connection, Endpoint, Origin } from './connection.ts';
import type { TextBuffer } from './text-buffer.ts';

/**
 * The listing of `ipfwadm -M -l`, column for column: `%-5s` protocol, `%02d:%02d.%02d ` minutes, seconds, hundredths,
 * `%-20s ` source, `%-20s ` destination, `%u (%u) -> %u` inside port, port on the gateway, server port. To its right,
 * where the original line ended: state, packets and bytes both ways together, the line of the file that let it in.
 */
export const TITLE = 'IP masquerading entries';
const ORIGINAL_HEADER = 'prot expire   source               destination          ports';
const PORTS_WIDTH = '65535 (65535) -> 65535'.length;
/** The column where ours begin. */
const OURS = ORIGINAL_HEADER.length - 'ports'.length + PORTS_WIDTH + 2;

/** The line above the connections, printed when there are any. */
export function renderHeader(c: Colours): string {
  const right = ['state'.padEnd(11), 'packets'.padStart(8), 'bytes'.padStart(7), ' let in by'].join(' ');
  const ours = ' '.repeat(PORTS_WIDTH - 'ports'.length + 2) + right;
  return `${c.dim(ORIGINAL_HEADER + ours)}\n`;
}

/** One line, with its end. */
export function writeConnection(out: TextBuffer, connection: Connection, c: Colours): void {
  const { sent, received } = connection;
  const [dim = '', normal = ''] = c.dim('|').split('|');
  writeOriginal(out, connection);
  out.padTo(Math.max(OURS, out.column + 1)).text(dim); // IPv6 may need more than the original's columns
  const from = out.column;
  out.text(connection.state).padTo(from + 12);
  const packets = shorten(sent.packets + received.packets, 1000);
  out.padTo(from + 20 - packets.length).text(packets);
  const bytes = shorten(sent.bytes + received.bytes, 1024);
  out
    .padTo(from + 28 - bytes.length)
    .text(bytes)
    .text('  ');
  writeOrigin(out, connection);
  out.text(normal).endLine();
}

function writeOrigin(out: TextBuffer, { rule, own, adopted, generation }: Connection): void {
  if (own === 'sent') out.text('the gateway itself');
  else if (adopted) out.text('was there before masqc');
  else if (rule === null) out.text('a line of generation ').number(generation);
  else out.raw(textsOf(rule).place);
}

/** The original's own columns, without what masqc adds. */
export function writeOriginal(out: TextBuffer, connection: Connection): void {
  const { protocol, source, destination, masqueraded, redirected } = connection;
  const server = redirected ?? destination;
  out.text(protocol).padTo(5);
  writeExpiry(out, connection.expiresMs);
  out.text(' ');
  let column = out.column + 20;
  out.text(source.address).padTo(column).text(' ');
  column = out.column + 20;
  out.text(server.address).padTo(column).text(' ');
  if (!hasPorts(protocol)) {
    if (!protocol.startsWith('icmp')) {
      out.text('-');
      return;
    }
    out.number(source.port);
    if (masqueraded !== null) out.text(' (').number(masqueraded.port).text(')');
    out.text(' -> echo');
    return;
  }
  out.number(source.port);
  const outside = masqueraded ?? (redirected === null ? null : destination);
  if (outside !== null) out.text(' (').number(outside.port).text(')');
  out.text(' -> ').number(server.port);
}

/** `%02d:%02d.%02d`: minutes (as many digits as they need), seconds, hundredths. */
export function writeExpiry(out: TextBuffer, ms: number): void {
  const hundredths = Math.max(0, Math.floor(ms / 10));
  out.number(Math.floor(hundredths / 6000), 2).text(':');
  out.number(Math.floor(hundredths / 100) % 60, 2).text('.');
  out.number(hundredths % 100, 2);
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
 * text of JSON.stringify, at a fraction of its cost: only names and sentences of the file can hold what must be escaped.
 */
export function writeConnectionJson(out: TextBuffer, connection: Connection): void {
  const { own, sent, received } = connection;
  out.text('{"protocol":"').text(connection.protocol).text('","source":');
  writeEndpoint(out, connection.source);
  out.text(',"destination":');
  writeEndpoint(out, connection.destination);
  out.text(',"masqueraded":');
  writeEndpoint(out, connection.masqueraded);
  out.text(',"redirected":');
  writeEndpoint(out, connection.redirected);
  out.text(own === null ? ',"own":null' : own === 'sent' ? ',"own":"sent"' : ',"own":"received"');
  out.text(connection.adopted ? ',"adopted":true,"state":"' : ',"adopted":false,"state":"').text(connection.state);
  out.text('","expiresMs":').number(connection.expiresMs).text(',"ageMs":').number(connection.ageMs);
  out.text(',"sent":{"packets":').number(sent.packets).text(',"bytes":').number(sent.bytes);
  out.text('},"received":{"packets":').number(received.packets).text(',"bytes":').number(received.bytes);
  out.text('},"rule":').raw(connection.rule === null ? NULL : textsOf(connection.rule).json);
  out.text(',"translation":').raw(connection.translation === null ? NULL : textsOf(connection.translation).json);
  out.text(',"generation":').number(connection.generation).text('}').endLine();
}

function writeEndpoint(out: TextBuffer, endpoint: Endpoint | null): void {
  if (endpoint === null) out.text('null');
  else out.text('{"address":"').text(endpoint.address).text('","port":').number(endpoint.port).text('}');
}

const utf8 = new TextEncoder();
const NULL = utf8.encode('null');

/** What is written of a line of the file, made once. */
const originTexts = new WeakMap<Origin, { readonly place: Uint8Array; readonly json: Uint8Array }>();
function textsOf(origin: Origin): { readonly place: Uint8Array; readonly json: Uint8Array } {
  let texts = originTexts.get(origin);
  if (texts === undefined) {
    const { file, line, owner, text } = origin;
    const json = JSON.stringify({ file, line, owner, text });
    texts = { place: utf8.encode(`${file}:${line} ${owner}`), json: utf8.encode(json) };
    originTexts.set(origin, texts);
  }
  return texts;
}
