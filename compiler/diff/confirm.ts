/** The second opinion on a box: what the simulator says of one of its packets must be what the diagrams say of all. */
import { containsAddress } from '../addresses.ts';
import type { Field } from '../diagram/diagram.ts';
import { isTableField, readTableField } from '../diagram/fields.ts';
import { type Model, type Range, SELF } from '../model.ts';
import type { Decision } from '../simulate/decision.ts';
import {
  type Answer,
  answerOfLine,
  DENIED,
  listLines,
  SENT_TO,
  translated,
  UNTOUCHED,
  write,
  writeFace,
  writeInside,
  writeTarget,
} from './answer.ts';
import type { Box } from './boxes.ts';
import { composePackets } from './compose.ts';
import type { Side } from './journey.ts';
import { kindOf } from './leaving.ts';
import { compareAlike } from './moves.ts';
import type { Places } from './places.ts';
import { keyOfFollows, type Tables } from './tables.ts';
import { ask, type Witness } from './witness.ts';

/** Packets of a box that the simulator is asked about, and that are put together. */
const MOST_ASKED = 24;
const MOST_COMPOSED = 5000;

export interface Shown {
  readonly witness: Witness;
  readonly decisions: { readonly before: Decision | null; readonly after: Decision | null };
}

/** 'empty': no packet is in the box. null: there are some, but none that the simulator shows `was` and `is` of. */
export function show(
  box: Box,
  [a, b]: readonly [Side, Side],
  places: Places,
  tables: Tables,
  was: Answer,
  is: Answer,
): Shown | 'empty' | null {
  let composed = 0;
  let asked = 0;
  const [before, after] = [write(was), write(is)];
  for (const witness of composePackets(box, [a, b], places)) {
    if (++composed > MOST_COMPOSED) break;
    if (!isInTables(box, [a, b], tables, witness)) continue;
    if (++asked > MOST_ASKED) break;
    const decisions = { before: ask(a, places, witness), after: ask(b, places, witness) };
    const said = compareAlike(answerOf(a, witness, decisions.before), answerOf(b, witness, decisions.after));
    if (write(said[0]) === before && write(said[1]) === after) return { witness, decisions };
  }
  return composed === 0 ? 'empty' : null;
}

/** The simulator's decision in the words that two files share. */
export function answerOf(side: Side, packet: Witness, decision: Decision | null): Answer {
  const { model } = side;
  if (decision === null) return packet.own !== 0 || packet.in === SELF ? UNTOUCHED : DENIED;
  const lines = listLines(model);
  if (decision.outcome === 'denied')
    return decision.drop === null
      ? answerOfLine(lines, decision.rule, decision.rejected ? 'rejected' : 'denied')
      : DENIED;
  const base = { ...answerOfLine(lines, decision.rule, 'allowed'), to: movedTo(side, decision) };
  if (decision.nat !== 0) return translated(model, base, decision.nat, kindOf(packet.family, packet.protocol));
  if (decision.as?.address.kind !== 'own') return base;
  const face = decision.as.address.interface;
  const name = model.interfaces.find(({ id }) => id === face)?.name ?? 'self';
  return { ...base, as: isSentTo(model, decision, packet) ? SENT_TO : writeFace(name) };
}

function isSentTo(model: Model, { outcome, rule }: Decision, { own }: Witness): boolean {
  const redirect = model.redirects.find(({ listens }) => listens.some(({ id }) => id === rule));
  return outcome === 'redirected' && (own !== 0 || redirect?.addresses === null);
}

function movedTo({ model }: Side, decision: Decision): Answer['to'] {
  if (decision.becomes === null) return null;
  const listen = model.redirects.flatMap(({ listens }) => listens).find(({ id }) => id === decision.rule);
  if (listen) return writeTarget(model, listen);
  const station = decision.trail.find(({ stage, text }) => stage === 'map' && text.startsWith('goes to'));
  const map = model.maps.find(({ id }) => id === station?.rule);
  return map ? writeInside(model, map) : null;
}

/** As the files' stand-ins fill the tables that follow the machine. */
function isInTables(box: Box, sides: readonly Side[], tables: Tables, { family, saddr, daddr }: Witness): boolean {
  return (Object.entries(box) as [Field, readonly Range<bigint>[]][]).every(([field, ranges]) => {
    if (!isTableField(field)) return true;
    const { table, side } = readTableField(field);
    const held = sides.some(({ model }) =>
      model.tables.some(
        ({ follows, addresses }) =>
          follows !== null &&
          tables.get(keyOfFollows(model, follows)) === table &&
          containsAddress(addresses, family, side === 'saddr' ? saddr : daddr),
      ),
    );
    return ranges.some(({ first, last }) => first <= (held ? 1n : 0n) && (held ? 1n : 0n) <= last);
  });
}
