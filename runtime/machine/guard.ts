import { Refusal } from '../cli/refusal.ts';
import { runTool } from './tool.ts';
import type { Device, Guard } from './types.ts';

/** Before everything else that netfilter does with a packet of its own (raw is -300). */
const PRIORITY = -450;

/** Raised with every change of the rules below, so that `plan` sees a guard of an older version as another one. */
const REVISION = 3;

/** skb->mark of packets that TC ingress has judged (VETTED_MARK in native/datapath/forward.h). */
const VETTED = '0x6d617371';

/**
 * The nft text that replaces the guard in one transaction. The programs forward by themselves; what they leave to the
 * stack carries their mark, and whatever else the stack would forward from or to a device that the file names is
 * dropped. So is what comes from, or would leave by, such a device while its index carries none of our programs: a ppp0
 * that was made again is shut until apply has been there. What a bridge hands from port to port is not forwarded (with
 * br_netfilter it comes by here all the same). The name of the empty chain ties the table to its state.
 */
export function renderGuard(gateway: string, guard: Guard): string {
  const set = (items: readonly (string | number)[]) =>
    items.length === 0 ? '' : ` elements = { ${items.map((item) => JSON.stringify(item)).join(', ')} }`;
  return `table inet masqc
delete table inet masqc
table inet masqc {
  comment "masqc: gateway ${gateway}; shut where no masqc program is attached"
  set declared { type ifname;${set(guard.devices)} }
  set carried { type iface_index;${set(guard.indexes)} }
  chain forward {
    type filter hook forward priority ${PRIORITY}; policy accept;
${guard.devices.map((name) => `    iifname "${name}" oifname "${name}" meta iifkind "bridge" accept\n`).join('')}    iifname @declared meta mark != ${VETTED} counter drop
    oifname @declared meta mark != ${VETTED} counter drop
    oifname @declared oif != @carried counter drop
  }
  chain input {
    type filter hook input priority ${PRIORITY}; policy accept;
    iifname @declared iif != @carried counter drop
  }
  chain state_${guard.token}_${REVISION} { }
}
`;
}

export async function writeGuard(gateway: string, guard: Guard): Promise<void> {
  await runNft(renderGuard(gateway, guard));
}

export async function removeGuard(): Promise<void> {
  await runNft('table inet masqc\ndelete table inet masqc\n');
}

async function runNft(text: string): Promise<void> {
  const { ok, stderr } = await runTool('nft', ['-f', '-'], text);
  if (ok) return;
  if (/Operation not permitted/.test(stderr)) throw new Refusal('Only root may change netfilter.', 'Run it with sudo.');
  throw new Refusal(
    'The kernel refused the guard (table inet masqc), so nothing was opened.',
    'The guard needs nf_tables: is the module there (modprobe nf_tables)?',
    3,
    stderr.trim(),
  );
}

/** Reads the guard back; null: there is none. */
export async function readGuard(devices: readonly Device[]): Promise<Guard | null> {
  const { ok, stdout } = await runTool('nft', ['-j', 'list', 'table', 'inet', 'masqc']);
  return ok ? parseGuard(stdout, devices) : null;
}

/** nft prints the index of a live device as its name: turned back by the devices that are there now. */
export function parseGuard(json: string, devices: readonly Device[]): Guard {
  const { nftables } = JSON.parse(json) as { nftables: readonly Readonly<Record<string, NftObject>>[] };
  const elements = (name: string): string[] =>
    nftables.flatMap((one) => (one.set?.name === name ? (one.set.elem ?? []).map(String) : []));
  const names = nftables.map((one) => /^state_(.*)_(\d+)$/.exec(one.chain?.name ?? ''));
  const [, token = '', revision] = names.find((match) => match !== null) ?? [];
  return {
    token: Number(revision) === REVISION ? token : '',
    devices: elements('declared').sort(),
    indexes: elements('carried')
      .map((one) => devices.find((device) => device.name === one)?.ifindex ?? Number(one))
      .filter((index) => Number.isInteger(index))
      .sort((a, b) => a - b),
  };
}
interface NftObject {
  readonly name?: string;
  readonly elem?: readonly (string | number)[];
}
