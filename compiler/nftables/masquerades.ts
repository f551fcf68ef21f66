/** Step 8 of the journey: sources that are translated on their way out, by maps, masquerades and ways back. */
import type { Family } from '../../grammar/ast.ts';
import type { Masquerade } from '../model.ts';
import { isShared } from '../share.ts';
import { INTERFACES } from './arrival.ts';
import { type Builder, layer } from './builder.ts';
import { hairpinLines } from './hairpins.ts';
import { mapOutLine } from './maps.ts';
import { familiesOf, inFamily, product, writeMatch } from './matches.ts';
import { commentOf } from './names.ts';
import { hasSeveral, writePool } from './pools.ts';
import { always, type Line } from './ruleset.ts';
import { writeSentence } from './sentences.ts';
import { writePorts } from './services.ts';
import { PORTED, writeShare } from './shares.ts';
import { matchSource, type Position } from './sides.ts';

export function writeMasquerades(builder: Builder): void {
  const { maps, masquerades } = builder.model;
  const lines = [
    ...maps.map((map) => mapOutLine(builder, map)),
    ...masquerades.flatMap((masquerade) => masqueradeLines(builder, masquerade)),
    ...hairpinLines(builder),
  ];
  if (lines.length === 0) return;
  builder.addChain({
    name: 'masquerades',
    says: 'sources that are translated: asked once a connection',
    hook: 'type nat hook postrouting priority srcnat; policy accept;',
    lines: [
      always(`oifname != @${INTERFACES} accept`),
      always('fib saddr type local accept', 'what the gateway itself sends has its own address'),
      ...lines,
    ],
  });
}

/** A line for each way that its sources are written in, then a chain for what is done with them. */
function masqueradeLines(builder: Builder, masquerade: Masquerade): Line[] {
  const { id, name, from, interfaces, families, limits } = masquerade;
  const ins = builder.model.interfaces.map((one) => one.id);
  const at: Position = { where: 'postrouting', ins, outs: interfaces };
  const sources = matchSource(builder, from, at);
  const leaves = families.map((family) => inFamily(family, `oifname ${builder.devices(interfaces)}`));
  const statements = families.flatMap((family) => {
    const lines = translateSources(builder, masquerade, family);
    const only = families.length > 1 ? `${writeMatch(inFamily(family))} ` : '';
    return lines.map((line) => ({ ...line, match: `${only}${line.match}`.trim() }));
  });
  const origin = builder.originOf(id);
  const matches = product(leaves, sources.matches);
  const sentence = {
    origin,
    matches,
    unless: sources.unless,
    limits,
    families: familiesOf(matches),
    log: null,
    statements,
  };
  return writeSentence(builder, `masquerade-${name}`, sentence);
}

/** Only what carries ports can be given one of the pool. */
function translateSources(builder: Builder, masquerade: Masquerade, family: Family): Line[] {
  const comment = commentOf(builder.originOf(masquerade.id));
  if (isShared(masquerade)) return writeShare(builder, masquerade, comment);
  const ports = writePorts(masquerade.ports);
  const random = masquerade.choice === 'random' ? ['fully-random'] : [];
  const pool = writePool(masquerade, family);
  const persistent = hasSeveral(masquerade, family) ? ['persistent'] : [];
  const line = (match: string, action: string, flags: readonly string[]): Line => {
    const statement = flags.length === 0 ? action : `${action} ${flags.join(',')}`;
    return { match, statement: `counter ${statement}`, comment };
  };
  if (pool === null) return [line(PORTED, `masquerade to :${ports}`, random), line('', 'masquerade', [])];
  const to = `snat ${layer(family)} to ${pool.text}`;
  const toPorts = `snat ${layer(family)} to ${pool.before}:${ports}`;
  return [line(PORTED, toPorts, [...random, ...persistent]), line('', to, persistent)];
}
