/** Step 6 of the journey: one network appears as another one of the same size, host bits kept. */
import { formatRange } from '../addresses.ts';
import type { AddressMap, Prefix } from '../model.ts';
import { rangeOfPrefix } from '../pairing.ts';
import { type Builder, layer } from './builder.ts';
import { commentOf } from './names.ts';
import type { Line } from './ruleset.ts';

/** `outside` destinations become `inside`, whoever asks; the policies speak of inside addresses. */
export function mapInLine(builder: Builder, map: AddressMap): Line {
  const { id, family, inside, outside } = map;
  const destination = `${layer(family)} daddr`;
  const from = writePrefix(outside, family);
  return {
    match: `${destination} ${from}`,
    statement: `counter dnat ${layer(family)} prefix to ${destination} map { ${from} : ${writePrefix(inside, family)} }`,
    comment: commentOf(builder.originOf(id)),
  };
}

/** `inside` sources become `outside`. */
export function mapOutLine(builder: Builder, map: AddressMap): Line {
  const { id, family, interfaces, inside } = map;
  const match = `oifname ${builder.devices(interfaces)} ${layer(family)} saddr ${writePrefix(inside, family)}`;
  return { match, statement: translateOut(map), comment: commentOf(builder.originOf(id)) };
}

/** Who is sent back to its own network appears there as it does outside, if it is mapped, else as the gateway. */
export function mapBackLines(map: AddressMap): Line[] {
  const { family, inside, outside } = map;
  const asked = `ct original ${layer(family)} daddr ${writePrefix(outside, family)}`;
  const mapped = `${asked} ${layer(family)} saddr ${writePrefix(inside, family)}`;
  return [
    { match: mapped, statement: translateOut(map), comment: 'appears as it does outside' },
    { match: asked, statement: 'counter masquerade', comment: 'appears as the gateway' },
  ];
}

function translateOut({ family, inside, outside }: AddressMap): string {
  const pair = `${writePrefix(inside, family)} : ${writePrefix(outside, family)}`;
  return `counter snat ${layer(family)} prefix to ${layer(family)} saddr map { ${pair} }`;
}

export function writePrefix(prefix: Prefix, family: AddressMap['family']): string {
  const { first, last } = rangeOfPrefix(prefix, family);
  return formatRange(family, first, last);
}
