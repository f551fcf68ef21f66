/** No private address is shown where a masquerade hides them: as a source that nothing has translated, or by answers. */
import type { Family } from '../../grammar/ast.ts';
import { PRIVATE_V4, PRIVATE_V6, subtract } from '../addresses.ts';
import type { AddressSet, InterfaceId, Model } from '../model.ts';
import { ownedAddresses, rangesOwned } from '../ownership.ts';
import { type Builder, layer } from './builder.ts';
import { always, type Line } from './ruleset.ts';

export function writeUntranslated(builder: Builder): void {
  const lines = ([4, 6] as const).flatMap((family) => linesOf(builder, family));
  if (lines.length === 0) return;
  builder.addChain({
    name: 'postrouting',
    says: 'what leaves, with the source that the world sees',
    hook: 'type filter hook postrouting priority srcnat + 10; policy accept;',
    lines: [
      always('ct direction reply accept'),
      always('ct status snat accept'),
      always('fib saddr type local accept'),
      ...lines,
    ],
  });
}

/** Of what policies let through: a source that is not behind the interface it came in by, but outside. Answers would leave with the
 * address that it asked for. */
export function writeAnswersOutside(builder: Builder): void {
  const lines = ([4, 6] as const).flatMap((family) => {
    const written = builder.addresses(family === 4 ? PRIVATE_V4 : PRIVATE_V6, family);
    if (written === null) return [];
    return uplinksOf(builder, family).map((id): Line => {
      const uplink = builder.device(id);
      const match = `iifname != ${uplink} ct original ${layer(family)} daddr ${written} fib saddr oifname ${uplink}`;
      return { match, statement: 'counter drop', comment: 'answers would show a private address' };
    });
  });
  if (lines.length === 0) return;
  builder.addChain({
    name: 'answers-outside',
    says: 'whose answers would leave with an address that is hidden',
    hook: 'type filter hook forward priority filter + 10; policy accept;',
    lines: [always('ct direction reply accept'), always('ct status confirmed accept'), ...lines],
  });
}

function uplinksOf({ model }: Builder, family: Family): InterfaceId[] {
  const hiding = model.masquerades.filter(({ families }) => families.includes(family));
  return [...new Set(hiding.flatMap(({ interfaces }) => interfaces))];
}

function linesOf(builder: Builder, family: Family): Line[] {
  const { model } = builder;
  return uplinksOf(builder, family).flatMap((id) => {
    const strangers = subtract(family === 4 ? PRIVATE_V4 : PRIVATE_V6, livingOn(model, id, family));
    const written = builder.addresses(strangers, family);
    if (written === null) return [];
    const match = `oifname ${builder.device(id)} ${layer(family)} saddr ${written}`;
    return [{ match, statement: 'counter drop', comment: 'a private source would leave untranslated' }];
  });
}

function livingOn(model: Model, id: InterfaceId, family: Family): AddressSet {
  const ranges = rangesOwned(ownedAddresses(model, family), family, (interfaces) => interfaces.includes(id));
  return family === 4 ? { v4: ranges as AddressSet['v4'], v6: [] } : { v4: [], v6: ranges as AddressSet['v6'] };
}
