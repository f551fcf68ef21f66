/** The flood: what is done, what must have held, and the table that says so. */
import Table from 'cli-table3';
import { countDrops, listConnections, mustMasqc, writeGatewayFile } from '../../lab/masqc.ts';
import { MALLORY, type Seen, Stage } from './stage.ts';

const FLOWS = 16384;
/** A packet of each established flow every so many ms, and a new flow. */
const EVERY_MS = 20;
const FRESH_MS = 50;

const GATEWAY = `gateway flood {
  default deny
  flows ${FLOWS}
}
interface wan = wan0
interface lan = eth0
network home = 192.168.1.0/24 on lan

policy out from lan to wan {
  default allow
}
policy to-gateway from any to self {
  allow icmp
  default deny
}
masquerade home-out {
  from home
  interface wan
  ports 1024-32767
}
`;

export interface Flood {
  readonly packets: number;
  readonly ms: number;
  /** Packets of the flood that the gateway let out, and that it refused because of the source's share. */
  readonly through: number;
  readonly refused: number;
  readonly seen: Seen;
  /** Places of the table: at the end, and the flooding host's of them. */
  readonly used: number;
  readonly floods: number;
  /** Bytes of the kernel's for the gateway's maps, before and after. */
  readonly memory: readonly [before: number, after: number];
}

export async function runFlood(packets: number): Promise<Flood> {
  const stage = await Stage.open();
  try {
    const { gateway } = stage;
    await mustMasqc(gateway, 'apply', writeGatewayFile(GATEWAY));
    const before = await stage.measureMaps('flood');
    const hosts = await stage.startHosts(EVERY_MS, FRESH_MS);
    const ms = await stage.flood(packets);
    const connections = await listConnections(gateway);
    const seen = await hosts.end();
    return {
      packets,
      ms,
      through: await stage.countArrived(),
      refused: (await countDrops(gateway))('source-share'),
      seen,
      used: connections.length,
      floods: connections.filter(({ source }) => source.address === MALLORY).length,
      memory: [before, await stage.measureMaps('flood')],
    };
  } finally {
    stage.close();
  }
}

/** What did not hold, in words. */
export function findFaults({ seen, used, floods, memory, through, packets }: Flood): string[] {
  const { udp, tcp, newTcp, newUdp } = seen.report;
  const { segments } = seen;
  const faults: [boolean, string][] = [
    [
      udp.sent > 0 && udp.echoed === udp.sent,
      `established UDP: ${udp.sent - udp.echoed} of ${udp.sent} echoes are missing`,
    ],
    [
      tcp.sent > 0 && tcp.echoed === tcp.sent,
      `established TCP: ${tcp.sent - tcp.echoed} of ${tcp.sent} echoes are missing`,
    ],
    [
      segments.sent > 0 && segments.arrived === segments.sent,
      `established TCP: ${segments.arrived} of ${segments.sent} segments have arrived`,
    ],
    [tcp.ended === 0, `${tcp.ended} established TCP connections have ended`],
    [
      newTcp.of > 0 && newTcp.done === newTcp.of,
      `${newTcp.of - newTcp.done} of ${newTcp.of} new TCP connections were not made`,
    ],
    [
      newUdp.of > 0 && newUdp.done === newUdp.of,
      `${newUdp.of - newUdp.done} of ${newUdp.of} new UDP flows were not answered`,
    ],
    [through > 0 && (packets < FLOWS || through < packets), 'the flood did not get as far as the limit'],
    [used <= FLOWS && floods <= FLOWS / 2 + 1, `the flooding host has ${floods} places of ${FLOWS}`],
    [memory[0] > 0 && memory[1] <= memory[0], `memory has grown from ${memory[0]} to ${memory[1]} bytes`],
  ];
  return faults.filter(([fine]) => !fine).map(([, text]) => text);
}

const number = (n: number): string => n.toLocaleString('en-US');

export function printFlood({ packets, ms, through, refused, seen, used, floods, memory }: Flood): string {
  const { udp, tcp, newTcp, newUdp } = seen.report;
  const { segments } = seen;
  const table = new Table({
    head: ['of the others', 'sent or tried', 'answered or arrived'],
    style: { head: [], border: [] },
  });
  table.push(
    ['packets of established UDP flows', number(udp.sent), number(udp.echoed)],
    ['lines of established TCP connections', number(tcp.sent), number(tcp.echoed)],
    ['segments of these, both ways', number(segments.sent), number(segments.arrived)],
    ['new TCP connections', number(newTcp.of), number(newTcp.done)],
    ['new UDP flows', number(newUdp.of), number(newUdp.done)],
  );
  return [
    `${number(packets)} SYNs of one host in ${(ms / 1000).toFixed(1)} s (${number(Math.round(packets / ms))} a ms): ` +
      `${number(through)} let out, ${number(refused)} refused as source-share`,
    table.toString(),
    `flow table: ${number(used)} of ${number(FLOWS)} places taken, ${number(floods)} of them by the flooding host`,
    `memory of the maps: ${number(memory[0])} bytes before, ${number(memory[1])} after`,
  ].join('\n');
}
