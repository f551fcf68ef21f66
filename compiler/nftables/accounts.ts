/** `account`: what each address has sent and received, in sets that the packets fill. Only what passes is counted. */
import type { Family } from '../../grammar/ast.ts';
import { addressType, type Builder, layer } from './builder.ts';
import { always, type Line } from './ruleset.ts';

const MOST_ACCOUNTS = 65_536;

export function writeAccounts(builder: Builder): void {
  const lines = ([4, 6] as const).flatMap((family) => linesOf(builder, family));
  if (lines.length === 0) return;
  const chain = builder.addSubchain(
    'account-addresses',
    'packets and bytes of each address, inside addresses all',
    lines,
  );
  const hooks = [
    ['account-forwarded', 'type filter hook postrouting priority mangle; policy accept;'],
    ['account-own', 'type filter hook input priority filter + 10; policy accept;'],
  ] as const;
  for (const [name, hook] of hooks) {
    builder.addChain({ name, says: null, hook, lines: [always(`jump ${chain}`)] });
  }
}

function linesOf(builder: Builder, family: Family): Line[] {
  const counted = builder.addresses(builder.model.gateway.account, family);
  if (counted === null) return [];
  return (['saddr', 'daddr'] as const).map((field) => {
    const name = builder.names.give(`${field === 'saddr' ? 'sent' : 'received'}-ipv${family}`);
    const spec = [`type ${addressType(family)}`, `size ${MOST_ACCOUNTS}`, 'flags dynamic', 'counter'];
    builder.addSet({ kind: 'set', name, says: null, spec, elements: [] });
    const address = `${layer(family)} ${field}`;
    return { match: `${address} ${counted}`, statement: `update @${name} { ${address} }`, comment: null };
  });
}
