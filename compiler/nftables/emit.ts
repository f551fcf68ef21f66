/** The nftables target: from the checked model to the text of one table that says the same. */
import type { Model } from '../model.ts';
import { writeAccounts } from './accounts.ts';
import { writeArrival, writeInterfaces } from './arrival.ts';
import { Builder } from './builder.ts';
import { writeMasquerades } from './masquerades.ts';
import { writeMss } from './mss.ts';
import { writePolicies } from './policies.ts';
import { writeRedirects } from './redirects.ts';
import { writeRuleset } from './text.ts';
import { writeAnswersOutside, writeUntranslated } from './untranslated.ts';

/** For `nft -f`. The model must be free of what complain() calls an error. */
export function emitNftables(model: Model): string {
  const builder = new Builder(model);
  writeInterfaces(builder, model);
  // In the order of a packet's journey.
  writeArrival(builder);
  writeRedirects(builder);
  writePolicies(builder);
  writeMasquerades(builder);
  writeAnswersOutside(builder);
  writeUntranslated(builder);
  writeMss(builder);
  writeAccounts(builder);
  return writeRuleset(headOf(model), builder.ruleset);
}

function headOf({ gateway: { name, span, flows } }: Model): string[] {
  return [
    `Gateway ${name}, from ${span.file.replace(/[^\x20-\x7e\u00a0-\uffff]/g, '?')} by \`masqc build --target nftables\`.`,
    'One transaction: what this table held goes, and what stands below comes. No other table is touched.',
    'Not beside the eBPF datapath, whose guard is a table of the same name: `masqc down` comes first.',
    '',
    'It wants forwarding, and a table of connections that is large enough:',
    '  sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1',
    `  sysctl -w net.netfilter.nf_conntrack_max=${flows}`,
  ];
}
