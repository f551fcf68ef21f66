import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isInBox } from '../../../compiler/diff/boxes.ts';
import { compare } from '../../../compiler/diff/diff.ts';
import type { Side } from '../../../compiler/diff/journey.ts';
import type { Places } from '../../../compiler/diff/places.ts';
import { ask, type Witness } from '../../../compiler/diff/witness.ts';
import { everyPacket, fieldsOf, gatewayText, sideOf } from './gateways.ts';

const test = suite('difference, in general');

/** What the simulator says of a packet, but for which line says it. */
function treatment(side: Side, places: Places, packet: Witness): string {
  const said = ask(side, places, packet);
  if (said === null) return 'undeclared';
  const { outcome, rejected, as, becomes, rule, nat } = said;
  const log = side.model.rules[rule - 1]?.text.includes(' log') ?? false;
  if (outcome === 'denied') return `${rejected} ${log && said.drop === null}`;
  const text = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value);
  // A pool is one for all protocols, those without ports, too.
  const pool = side.model.masquerades.find(({ id }) => id === nat)?.ports ?? null;
  // A redirect that became a map is another way, even to the same address.
  return JSON.stringify([outcome, as, becomes, nat !== 0, log, pool], text);
}

test('a file differs from itself in nothing', () => {
  fc.assert(
    fc.property(gatewayText, (text) => {
      const { differences, settings, bound } = compare(sideOf(text), sideOf(text));
      assert.equal([differences.length, settings.length, bound], [0, 0, null]);
    }),
    { numRuns: 40 },
  );
});

test('nor from the same in other words', () => {
  fc.assert(
    fc.property(gatewayText, (text) => {
      const renamed = text
        .replace(/\bbad\b/g, 'wicked')
        .replace('192.0.2.66, 10.0.0.9', '10.0.0.9-10.0.0.9, 192.0.2.66 # two')
        .replace(/policy me/, 'policy myself')
        .replace(/interface wan = eth0\ninterface lan = eth1/, 'interface lan = eth1\n\ninterface wan = eth0');
      const { differences, settings } = compare(sideOf(text), sideOf(renamed));
      assert.equal([differences.length, settings.length], [0, 0]);
    }),
    { numRuns: 40 },
  );
});

test('a packet is in a box if and only if the simulator treats it otherwise', () => {
  fc.assert(
    fc.property(gatewayText, gatewayText, (one, other) => {
      const [a, b] = [sideOf(one), sideOf(other)];
      const { differences, places, bound } = compare(a, b);
      assert.is(bound, null);
      for (const packet of everyPacket(places)) {
        const fields = fieldsOf(packet);
        const boxed = differences.filter(({ box }) => isInBox(box, fields));
        const [was, is] = [treatment(a, places, packet), treatment(b, places, packet)];
        const said = () =>
          `${JSON.stringify(fields, (_, v) => `${typeof v === 'bigint' ? v : ''}` || v)}\n${was}\n${is}\n${one}\n${other}`;
        if (was !== is) assert.is(boxed.length, 1, `in no box, or in several: ${said()}`);
        else
          assert.is(
            boxed.length,
            0,
            `nothing differs: ${JSON.stringify(boxed[0]?.before)} ${JSON.stringify(boxed[0]?.after)} ${said()}`,
          );
      }
    }),
    { numRuns: 10 },
  );
});

test('a witness is in its box, and the simulator treats it otherwise', () => {
  fc.assert(
    fc.property(gatewayText, gatewayText, (one, other) => {
      const [a, b] = [sideOf(one), sideOf(other)];
      const { differences, places } = compare(a, b);
      for (const { box, witness } of differences) {
        assert.ok(isInBox(box, fieldsOf(witness)));
        assert.is.not(treatment(a, places, witness), treatment(b, places, witness));
      }
    }),
    { numRuns: 60 },
  );
});

test.run();
