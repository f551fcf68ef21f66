import { writeAddress } from '../../grammar/address.ts';
import { refuseInput } from '../cli/refusal.ts';
import { type Options, textOption } from '../cli/verb.ts';
import type { Connection, Endpoint, Origin } from './connection.ts';
import { readAsked } from './who.ts';

export type Filter = (connection: Connection) => boolean;

/**
 * What `--host`, `--state` and `--by` ask for; a connection must fit all that are given.
 * @throws Refusal (exit 1) for what is no address
 */
export function makeFilter(options: Options): Filter {
  const filters: Filter[] = [];
  const [host, state, by] = ['host', 'state', 'by'].map((name) => textOption(options, name, ''));
  if (host) filters.push(hasEnd(host));
  if (state) filters.push((one) => one.state === state);
  if (by) filters.push(({ rule, translation }) => isOf(rule, by) || isOf(translation, by));
  return (connection) => filters.every((fits) => fits(connection));
}

/** An end of it, as either side sees it: `192.168.1.20`, `203.0.113.5:61002`, `[2001:db8::7]:80`. */
function hasEnd(text: string): Filter {
  const asked = readAsked(text);
  if (asked === null) {
    throw refuseInput(
      `\`${text}\` is no address.`,
      'Write one like 192.168.1.20, 203.0.113.5:61002 or [2001:db8::7]:80.',
    );
  }
  const address = writeAddress(asked.address, asked.family);
  const isIt = (end: Endpoint | null) =>
    end !== null && end.address === address && (asked.port === null || end.port === asked.port);
  return ({ source, destination, masqueraded, redirected }) =>
    isIt(source) || isIt(destination) || isIt(masqueraded) || isIt(redirected);
}

/** `lan-out` (the block) or `gateway.masq:44` (the line), as the listing has them. */
function isOf(origin: Origin | null, by: string): boolean {
  return origin !== null && (origin.owner === by || `${origin.file}:${origin.line}` === by);
}
