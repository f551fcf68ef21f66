/**
 * Reloads under load: two files take turns, while one host floods, flows that both files allow go on, and connections are tried
 * that only one of the two lets in, with what else that file says of them: A those to port 7001 with outside ports of its own,
 * and the redirect's first client to 9001; B those to 7002 with other ports, and the second client to 9002.
 */
import Table from 'cli-table3';
import { mustMasqc, writeGatewayFile } from '../../lab/masqc.ts';
import type { Program } from '../../lab/program.ts';
import { type Seen, Stage } from '../flood/stage.ts';
import type { Probe, Probed } from './probes.ts';

const OUTSIDE = '203.0.113.1';
const SERVER = '203.0.113.2';
const CLIENTS = ['203.0.113.11', '203.0.113.12'] as const;
const PROBERS = Array.from({ length: 8 }, (_, i) => `192.168.1.${20 + i}`);
const TARGET = '192.168.1.20';
const EVERY_MS = 20;
const FRESH_MS = 100;
const BURST = 20_000;

interface Side {
  readonly name: string;
  readonly open: number;
  readonly closed: number;
  readonly ports: readonly [number, number];
  readonly client: string;
  readonly target: number;
}
const A: Side = { name: 'A', open: 7001, closed: 7002, ports: [10000, 19999], client: CLIENTS[0], target: 9001 };
const B: Side = { name: 'B', open: 7002, closed: 7001, ports: [20000, 29999], client: CLIENTS[1], target: 9002 };

const write = ({ closed, ports, client, target }: Side): string => `gateway reload {
  default deny
  flows 16384
}
interface wan = wan0
interface lan = eth0
network home = 192.168.1.0/24 on lan

policy out from lan to wan {
  deny tcp ${closed}
  default allow
}
policy to-gateway from any to self {
  allow icmp
  default deny
}
masquerade steady {
  from 192.168.1.10-192.168.1.17
  interface wan
  ports 5000-9999
}
masquerade changing {
  from 192.168.1.20-192.168.1.27, 192.168.1.66
  interface wan
  ports ${ports.join('-')}
}
redirect in {
  interface wan
  listen tcp 801 to ${TARGET}:${target}
  allow from ${client}
}
`;

export interface Reload {
  readonly applies: number;
  readonly ms: number;
  readonly flooded: number;
  readonly seen: Seen;
  /** Of each file: connections that it lets out, and those that it lets in. */
  readonly probed: readonly { readonly file: string; readonly out: Probed; readonly in: Probed }[];
}

async function startProbes(stage: Stage, where: 'hosts' | 'internet', probes: readonly Probe[]): Promise<Program> {
  return stage.start(where, '../reload/probes.ts', String(FRESH_MS), JSON.stringify(probes));
}
async function endProbes(program: Program): Promise<Probed[]> {
  program.write('');
  return JSON.parse((await program.says(/^\[.*\]$/m, 20_000))[0]) as Probed[];
}

const add = (all: readonly Probed[]): Probed =>
  all.reduce(
    (sum, one) => ({
      of: sum.of + one.of,
      whole: sum.whole + one.whole,
      mixed: sum.mixed + one.mixed,
      how: sum.how || one.how,
    }),
    { of: 0, whole: 0, mixed: 0, how: '' },
  );

export async function runReload(applies: number): Promise<Reload> {
  const stage = await Stage.open();
  try {
    const sides = [A, B];
    const files = sides.map((side) => writeGatewayFile(write(side)));
    await stage.at('hosts').ip(...PROBERS.map((address) => `addr add ${address}/24 dev eth0`));
    await stage.at('internet').ip(...CLIENTS.map((address) => `addr add ${address}/24 dev eth0`));
    await stage.start('internet', 'server.ts', '7001', '7002');
    await stage.start('hosts', 'server.ts', '9001', '9002');
    await mustMasqc(stage.gateway, 'apply', files[1] as string);
    const hosts = await stage.startHosts(EVERY_MS, FRESH_MS);
    const out = sides.flatMap(({ open, ports: [first, last] }) =>
      PROBERS.map((from) => ({ from, to: SERVER, port: open, answers: open, first, last })),
    );
    const into = sides.map(({ client, target }) => {
      return { from: client, to: OUTSIDE, port: 801, answers: target, first: 1, last: 65535 };
    });
    const probing = [await startProbes(stage, 'hosts', out), await startProbes(stage, 'internet', into)] as const;
    let [going, flooded] = [true, 0];
    const flooding = (async () => {
      while (going) {
        await stage.flood(BURST);
        flooded += BURST;
      }
    })();
    const began = performance.now();
    for (let i = 0; i < applies; i++) await mustMasqc(stage.gateway, 'apply', files[i % 2] as string);
    const ms = performance.now() - began;
    const [went, came] = (await Promise.all(probing.map(endProbes))) as [Probed[], Probed[]];
    going = false;
    await flooding;
    const probed = sides.map(({ name }, i) => ({
      file: name,
      out: add(went.slice(i * PROBERS.length, (i + 1) * PROBERS.length)),
      in: add(came.slice(i, i + 1)),
    }));
    return { applies, ms, flooded, seen: await hosts.end(), probed };
  } finally {
    stage.close();
  }
}

/** What did not hold, in words. */
export function findReloadFaults({ seen: { report, segments }, probed, flooded }: Reload): string[] {
  const { udp, tcp, newTcp, newUdp } = report;
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
      segments.arrived === segments.sent,
      `established TCP: ${segments.arrived} of ${segments.sent} segments have arrived`,
    ],
    [tcp.ended === 0, `${tcp.ended} established TCP connections have ended`],
    [newTcp.done === newTcp.of, `${newTcp.of - newTcp.done} of ${newTcp.of} new TCP connections were not made`],
    [newUdp.done === newUdp.of, `${newUdp.of - newUdp.done} of ${newUdp.of} new UDP flows were not answered`],
    [flooded > 0, 'there was no flood'],
    ...probed.flatMap(({ file, out, in: into }): [boolean, string][] => [
      [out.whole > 0 && into.whole > 0, `nothing was decided by ${file}`],
      [out.mixed === 0, `${out.mixed} connections were decided by a mixture: ${out.how}`],
      [into.mixed === 0, `${into.mixed} redirected connections were decided by a mixture: ${into.how}`],
    ]),
  ];
  return faults.filter(([fine]) => !fine).map(([, text]) => text);
}

const number = (n: number): string => n.toLocaleString('en-US');

export function printReload({ applies, ms, flooded, seen, probed }: Reload): string {
  const { udp, tcp, newTcp, newUdp } = seen.report;
  const kept = new Table({
    head: ['what both files allow', 'sent or tried', 'answered or arrived'],
    style: { head: [], border: [] },
  });
  kept.push(
    ['packets of established UDP flows', number(udp.sent), number(udp.echoed)],
    ['lines of established TCP connections', number(tcp.sent), number(tcp.echoed)],
    ['segments of these, both ways', number(seen.segments.sent), number(seen.segments.arrived)],
    ['new TCP connections', number(newTcp.of), number(newTcp.done)],
    ['new UDP flows', number(newUdp.of), number(newUdp.done)],
  );
  const one = new Table({
    head: ['what one file allows', 'tried', 'as it says', 'otherwise'],
    style: { head: [], border: [] },
  });
  for (const { file, out, in: into } of probed) {
    one.push(
      [`out by ${file}`, number(out.of), number(out.whole), number(out.mixed)],
      [`redirected by ${file}`, number(into.of), number(into.whole), number(into.mixed)],
    );
  }
  return [
    `${number(applies)} applies in ${(ms / 1000).toFixed(0)} s, under ${number(flooded)} SYNs of one host`,
    kept.toString(),
    one.toString(),
  ].join('\n');
}
