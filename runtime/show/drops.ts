import type { Io } from '../cli/io.ts';
import { findRunning } from './find.ts';
import { shorten } from './listing.ts';

export interface Drop {
  /** As in the datapath's enum, `no-route`. */
  readonly reason: string;
  readonly packets: number;
  readonly bytes: number;
}

/** What the reasons mean to an admin; a reason that is not here is shown by its name. */
const MEANINGS: Readonly<Record<string, string>> = {
  malformed: 'truncated, or headers that contradict each other',
  forged: 'a source that belongs to another interface, to the gateway, or to nobody',
  stray: 'belongs to no connection, and starts none',
  denied: 'denied by a line of the file',
  rejected: 'rejected by a line of the file, and answered',
  'no-policy': 'no policy was loaded',
  'table-full': 'no room for a new connection: raise `flows`',
  'source-share': 'the table or the ports fill up, and its source has its share: raise `flows`, widen `ports`',
  'ports-exhausted': 'no free port towards that destination: widen `ports`',
  fragment: 'a piece of a datagram whose first piece has not come',
  'tiny-fragment': 'a piece of a datagram that hides the ports, or would overwrite them',
  overlap: 'a piece of a datagram that repeats or overlaps another one',
  'stash-full': 'pieces of datagrams that wait for the first one: no room for more of that source',
  ipv6: 'IPv6, not carried by this version',
  untranslated: 'would have left with an inside address',
  'no-route': 'no way to the destination',
  undeclared: 'would leave by an interface that the file does not name',
  'wrong-interface': 'its connection lives on another interface',
  ending: 'its connection is being removed',
  cut: 'its connection ended with a new policy, which denies it or translates it otherwise',
  'port-taken': "the gateway's own packet, from a port that a masqueraded connection has",
  failed: 'a helper of the kernel failed',
  'source-routed': 'an IP option says which way it wants to go',
  held: 'a SYN from outside that is rejected when it comes again after six seconds (RFC 5382)',
};

export async function readDrops(): Promise<Drop[]> {
  const { libbpf, pins } = await findRunning(true);
  using map = libbpf.BpfMap.openPinned(`${pins}/drops`, { readOnly: true });
  const names = map.btf().enumValues('drop_reason') ?? new Map<string, bigint>();
  const codec = map.codec().value;
  const drops: Drop[] = [];
  for (const [name, value] of names) {
    const key = Number(value);
    if (name === 'DROP_NONE' || key >= map.maxEntries) continue;
    let [packets, bytes] = [0n, 0n];
    for (const one of map.getPerCpu(key) ?? []) {
      const count = codec.decode(one) as { packets: bigint; bytes: bigint };
      packets += count.packets;
      bytes += count.bytes;
    }
    drops.push({ reason: nameReason(name), packets: Number(packets), bytes: Number(bytes) });
  }
  return drops;
}

/** Errors that the datapath itself has sent, and those that its rate has held back. */
export interface Answers {
  readonly sent: number;
  readonly withheld: number;
}

export async function readAnswers(): Promise<Answers> {
  const { libbpf, pins } = await findRunning(true);
  using map = libbpf.BpfMap.openPinned(`${pins}/answers`, { readOnly: true });
  const sum = (key: number): number =>
    (map.getPerCpu(key) ?? []).reduce((total, bytes) => {
      return total + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    }, 0);
  return { sent: sum(0), withheld: sum(1) }; // enum answer_count
}

/** `DROP_NO_ROUTE` → `no-route` */
export function nameReason(name: string): string {
  return name
    .replace(/^DROP_/, '')
    .toLowerCase()
    .replaceAll('_', '-');
}

/** Prints the reasons that dropped something, the most frequent first; as JSON all of them. */
export async function showDrops(asJson: boolean, io: Io): Promise<void> {
  const drops = await readDrops();
  const answers = await readAnswers();
  io.out(
    asJson
      ? `${JSON.stringify({ schema: 'masqc/drops@1', drops, answers }, null, 2)}\n`
      : renderDrops(drops, io) + renderAnswers(answers),
  );
}

export function renderAnswers({ sent, withheld }: Answers): string {
  if (sent + withheld === 0) return '';
  const rest = withheld === 0 ? '' : `, ${withheld} held back by the limit of their rate`;
  return `${sent} answered by a RST or an ICMP error${rest}.\n`;
}

export function renderDrops(drops: readonly Drop[], { colours: c }: Pick<Io, 'colours'>): string {
  const some = drops.filter((one) => one.packets > 0).sort((a, b) => b.packets - a.packets);
  if (some.length === 0) return 'Nothing was dropped.\n';
  const width = Math.max('reason'.length, ...some.map((one) => one.reason.length));
  const lines = some.map(
    ({ reason, packets, bytes }) =>
      `${reason.padEnd(width)}  ${String(packets).padStart(12)}  ${shorten(bytes, 1024).padStart(7)}  ${c.dim(MEANINGS[reason] ?? '')}`,
  );
  const head = `${'reason'.padEnd(width)}  ${'packets'.padStart(12)}  ${'bytes'.padStart(7)}`;
  return `${c.bold(head)}\n${lines.join('\n')}\n`;
}
