/**
 * A client that shares an interface with where a redirect or a map sends it appears with its outside address, so that the
 * answers come back by the gateway: of a redirect that is the address which it asked for.
 */
import type { Family } from '../../grammar/ast.ts';
import type { Redirect } from '../model.ts';
import { type Builder, layer } from './builder.ts';
import { mapBackLines } from './maps.ts';
import type { Line } from './ruleset.ts';

export function hairpinLines(builder: Builder): Line[] {
  const { redirects, maps, interfaces } = builder.model;
  const targets = redirects.flatMap(({ listens }) => listens.map(({ target }) => target));
  const families = ([4, 6] as const).filter((family) =>
    targets.some((target) => target.kind === 'address' && target.family === family),
  );
  const lines = [
    ...maps.flatMap((map) => mapBackLines(map)),
    ...redirects.filter(isIntercepting).map((redirect) => interceptLine(builder, redirect)),
    ...families.map(returnLine),
  ];
  if (lines.length === 0) return [];
  const pairs = interfaces.map(({ id }) => `${builder.device(id)} . ${builder.device(id)}`);
  const chain = builder.addSubchain('hairpin-sources', 'who is sent back to where it came from', lines);
  return [
    { match: `ct status dnat iifname . oifname { ${pairs.join(', ')} }`, statement: `jump ${chain}`, comment: null },
  ];
}

function returnLine(family: Family): Line {
  const statement = `counter snat ${layer(family)} to ct original ${layer(family)} daddr`;
  return { match: `meta nfproto ipv${family}`, statement, comment: 'appears with the address that it asked for' };
}

const isIntercepting = ({ addresses }: Redirect): boolean =>
  addresses !== null && (addresses.v4[0]?.last === 0xffff_ffff || addresses.v6[0]?.last === (1n << 128n) - 1n);

/** With `address any` it asked for a stranger's. */
function interceptLine(builder: Builder, { interfaces }: Redirect): Line {
  const match = `iifname ${builder.devices(interfaces)}`;
  return { match, statement: 'counter masquerade', comment: 'appears as the gateway' };
}
