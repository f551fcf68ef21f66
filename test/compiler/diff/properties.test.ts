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
  const suffix = /( limit .*)?( log)?$/.exec(side.model.rules[rule - 1]?.text ?? '')?.[0] ?? '';
  if (outcome === 'denied') return `${rejected} ${said.drop === null ? suffix : ''}`;
  const text = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value);
  const hidden = side.model.masquerades.find(({ id }) => id === nat);
  const { ports, mapping, filtering, choice, log, limits } = hidden ?? {};
  const hasMappings = packet.protocol === 6 || packet.protocol === 17;
  const draws = hasMappings || packet.protocol === 33 || packet.protocol === 136;
  // GRE has no ports; only TCP and UDP have mappings; SCTP and ICMP keep what they have.
  const pool: unknown[] = [hasMappings ? [mapping, filtering] : [], draws ? choice : null];
  if (draws || [1, 58, 132].includes(packet.protocol)) pool.push([ports]);
  const spans = (one: string, value: unknown) => (one === 'span' ? null : value);
  return JSON.stringify([as, becomes, suffix, pool, log, JSON.stringify(limits, spans)], text);
}

/** Of both files: home and lab, also by what they appear as, are on lan (2) and nowhere else. */
function isElsewhere({ own, out, daddr, in: from }: Witness, files: readonly string[]): boolean {
  const here = [0x0a000000n, 0x0a010000n].some((net) => daddr >> 8n === net >> 8n) || daddr >> 64n === 0xfd00n << 48n;
  const isMapped = (text: string) =>
    from !== 0 &&
    [
      ['198.51.100.0', 0xc6336400n, 8n],
      ['203.0.113', 0xcb007100n, 8n],
      ['2001:db8:7', 0x20010db80007n << 80n, 80n],
    ].some(
      ([name, net, bits]) =>
        text.includes(`outside ${name}`) && daddr >> (bits as bigint) === (net as bigint) >> (bits as bigint),
    );
  return own === 0 && out !== 2 && files.every((text) => here || isMapped(text));
}

test('a file differs from itself in nothing', () => {
  fc.assert(
    fc.property(gatewayText, (text) => {
      const { differences, settings, bound } = compare(sideOf(text), sideOf(text));
      assert.equal([differences.length, settings.length, bound], [0, 0, null]);
    }),
    { numRuns: 25 },
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
    { numRuns: 25 },
  );
});

test('a packet is in a box if and only if the simulator treats it otherwise', () => {
  fc.assert(
    fc.property(gatewayText, gatewayText, fc.nat(4), (one, other, from) => {
      const [a, b] = [sideOf(one), sideOf(other)];
      const { differences, places, bound } = compare(a, b);
      assert.is(bound, null);
      for (const packet of everyPacket(places, 5, from)) {
        const fields = fieldsOf(packet);
        const boxed = differences.filter(({ box }) => isInBox(box, fields));
        const [was, is] = [treatment(a, places, packet), treatment(b, places, packet)];
        const said = () =>
          `${JSON.stringify(fields, (_, v) => `${typeof v === 'bigint' ? v : ''}` || v)}\n${was}\n${is}\n${one}\n${other}`;
        if (was !== is && isElsewhere(packet, [one, other])) assert.ok(boxed.length <= 1);
        else if (was !== is) assert.is(boxed.length, 1, `in no box, or in several: ${said()}`);
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
        assert.ok(witness);
        assert.ok(isInBox(box, fieldsOf(witness)));
        assert.is.not(treatment(a, places, witness), treatment(b, places, witness));
      }
    }),
    { numRuns: 25 },
  );
});

test.run();
