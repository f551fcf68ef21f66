import { masqcGateway } from './gateways/masqc.ts';
import { nftGateway } from './gateways/nft.ts';
import type { Column } from './run.ts';

/** What is judged side by side. */
export const columns: readonly Column[] = [
  { name: 'masqc', gateway: masqcGateway, line: { wan: 'ethernet' } },
  { name: 'masqc-tun', gateway: masqcGateway, line: { wan: 'tun' } },
  { name: 'nftables', gateway: nftGateway, line: { wan: 'ethernet' } },
];
