/** Ports and limits of many hosts: RFC 6888, RFC 7857, RFC 7422. */
import { setTimeout as pause } from 'node:timers/promises';
import { must } from '../failure.ts';
import type { Host } from '../host.ts';
import type { BehaviourNetwork } from '../network.ts';
import { leaving } from '../obstructions.ts';
import type { Row } from '../row.ts';
import { answerUdp, sendUdp } from '../traffic.ts';
import { alter } from '../wire/alter.ts';
import { echo, ICMP, UDP, udp } from '../wire/compose.ts';

/** How many of a host's first packets, each from another port, leave. */
async function countLeaving(network: BehaviourNetwork, han: Host, sports: readonly number[]): Promise<number> {
  const server = network.host('outside');
  for (const sport of sports) han.send(udp({ src: han.address, dst: server.address, sport, dport: 53 }));
  await network.settle();
  return server.heard.filter(({ packet }) => packet.protocol === UDP && packet.dport === 53).length;
}
const range = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);

const share = { share: 1024, from: '192.168.60.0/28', ports: [10000, 30000] } as const;

const drawn = { choice: 'random', ports: [20000, 29999] } as const;

export const largeScaleRows: readonly Row[] = [
  {
    id: 'cgn-random',
    rfc: 'RFC 7857 section 11, RFC 6056',
    level: 'should',
    text: 'where the source port is taken, the one that is drawn can’t be foretold',
    async check({ network }) {
      const server = network.host('outside');
      const ports = [];
      for (let i = 0; i < 41; i++) ports.push((await sendUdp(network.host('inside'), 24001, server, 53)).sport);
      const drawn = ports.slice(1);
      const steps = new Set(drawn.slice(1).map((port, i) => port - (drawn[i] ?? 0)));
      must(steps.size > 30, `40 ports are drawn in ${steps.size} different steps: ${drawn.slice(0, 6).join(', ')} …`);
      must(
        Math.max(...drawn) - Math.min(...drawn) > 5000,
        `they lie close together: ${drawn.slice(0, 6).join(', ')} …`,
      );
    },
    broken: {
      how: 'something before the gateway counts ports up',
      obstruct: () => {
        let next = 5000;
        return leaving((packet) => {
          if (packet.dport !== 53) return undefined;
          next += 2;
          return [alter(packet, { sport: next })];
        });
      },
    },
  },
  {
    id: 'cgn-random-all',
    rfc: 'RFC 7857, RFC 6056',
    level: 'should',
    text: 'by choice every outside port is drawn from the pool: neither the source port nor its parity is kept',
    setting: drawn,
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const ports: number[] = [];
      for (let i = 0; i < 40; i++) ports.push((await sendUdp(han, 20200 + 2 * i, server, 53)).sport);
      const outside = ports.filter((port) => port < 20000 || port > 29999);
      must(outside.length === 0, `not in the pool: ${outside.join(', ')}`);
      const kept = ports.filter((port, i) => port === 20200 + 2 * i);
      must(kept.length < 3, `${kept.length} of 40 source ports are kept`);
      const even = ports.filter((port) => port % 2 === 0);
      must(even.length > 5 && even.length < 35, `${even.length} of 40 even source ports have even ports`);
      must(
        Math.max(...ports) - Math.min(...ports) > 5000,
        `they lie close together: ${ports.slice(0, 6).join(', ')} …`,
      );
    },
    broken: { how: '`ports 20000-29999 keep`', setting: { ...drawn, choice: 'keep' } },
  },
  {
    id: 'cgn-random-one',
    rfc: 'RFC 4787 REQ-1, RFC 6056',
    level: 'must',
    text: 'a socket whose port is drawn has that one towards every destination',
    setting: drawn,
    async check({ network }) {
      const han = network.host('inside');
      for (let sport = 20300; sport < 20310; sport++) {
        const first = await sendUdp(han, sport, network.host('outside'), 53);
        for (let i = 0; i < 3; i++) {
          const server = network.host('outside');
          const next = await sendUdp(han, sport, server, 54 + i);
          must(next.sport === first.sport, `${sport} has the ports ${first.sport} and ${next.sport}`);
          await answerUdp(server, next, han, sport);
        }
      }
    },
    broken: {
      how: '`mapping address-and-port-dependent`',
      setting: { ...drawn, mapping: 'address-and-port-dependent' },
    },
  },
  {
    id: 'cgn-limit-flows',
    rfc: 'RFC 6888 REQ-4',
    level: 'must',
    text: 'a limit of flows for each inside host: it holds for one host and leaves the others alone',
    setting: { limit: { flows: 8 } },
    async check({ network }) {
      const [han, luke] = [network.host('inside'), network.host('inside')];
      const flows = await countLeaving(network, han, range(24100, 20));
      must(flows === 8, `${flows} of 20 flows are let through`);
      const others = await countLeaving(network, luke, range(24100, 8));
      must(others === 8, `another host gets ${others} of its 8`);
      must((await countLeaving(network, han, [24999])) === 0, 'a further one is let through');
    },
    broken: { how: 'without `limit`', setting: {} },
  },
  {
    id: 'cgn-limit-ports',
    rfc: 'RFC 6888 REQ-4',
    level: 'must',
    text: 'a limit of outside ports (and ICMP identifiers) for each inside host, however many flows it has by them',
    setting: { limit: { ports: 8 } },
    async check({ network }) {
      const [han, luke] = [network.host('inside'), network.host('inside')];
      const others = Array.from({ length: 4 }, () => network.host('outside'));
      const ports = await countLeaving(network, han, range(24150, 20));
      must(ports === 8, `flows by ${ports} ports of 20 are let through`);
      for (const other of others) for (const sport of range(24150, 8)) await sendUdp(han, sport, other, 53);
      const luckier = await countLeaving(network, luke, range(24150, 8));
      must(luckier === 8, `another host gets ${luckier} of its 8`);
      must((await countLeaving(network, han, [24998])) === 0, 'a further port is given');
      han.send(echo({ src: han.address, dst: others[0]?.address ?? '', id2: 24150 }));
      await network.settle();
      must(
        !others.some(({ heard }) => heard.some(({ packet }) => packet.protocol === ICMP)),
        'a further identifier is given',
      );
    },
    broken: { how: 'with a limit of as many flows', setting: { limit: { flows: 8 } } },
  },
  {
    id: 'cgn-limit-rate',
    rfc: 'RFC 6888 REQ-4c, RFC 7857',
    level: 'must',
    text: 'a limit of new flows a second for each inside host',
    setting: { limit: { rate: 10, burst: 10 } },
    async check({ network }) {
      const [han, luke] = [network.host('inside'), network.host('inside')];
      const first = await countLeaving(network, han, range(24200, 60));
      must(first >= 10 && first <= 20, `${first} of 60 new flows are let through at once`);
      const others = await countLeaving(network, luke, range(24200, 5));
      must(others === 5, `another host gets ${others} of its 5`);
      await pause(1000);
      const later = await countLeaving(network, han, range(24300, 5));
      must(later === 5, `a second later ${later} of 5 are`);
    },
    broken: { how: 'without `limit`', setting: {} },
  },
  {
    id: 'cgn-fair-table',
    rfc: 'RFC 6888 REQ-4',
    level: 'should',
    text: 'without a limit, too, a host that floods the table leaves room to the others, and no live flow ends for it',
    setting: { flows: 2000 },
    async check({ network }) {
      const [first, flooder, late, server] = [
        network.host('inside'),
        network.host('inside'),
        network.host('inside'),
        network.host('outside'),
      ];
      const seen = await sendUdp(first, 24400, server, 53);
      await countLeaving(network, flooder, range(10_000, 3000));
      await answerUdp(server, seen, first, 24400);
      for (const sport of range(24410, 20)) await sendUdp(late, sport, server, 53);
    },
    broken: {
      how: 'something behind the gateway loses what newcomers send during the flood',
      obstruct: () => leaving((packet) => (packet.sport >= 24410 && packet.sport < 24430 ? [] : undefined)),
    },
  },
  {
    id: 'cgn-rest',
    rfc: 'RFC 6888 REQ-8',
    level: 'should',
    text: 'a port that one host has had is not given to another within two minutes',
    how: 'with 2 s for the life of the first mapping',
    setting: { timeouts: { udp: 2 }, ports: [34000, 34999] },
    async check(scene) {
      const { network, gateway } = scene;
      const [han, luke, server] = [network.host('inside'), network.host('inside'), network.host('outside')];
      const first = await sendUdp(han, 34100, server, 53);
      const started = { protocol: 'udp', src: han.address, sport: 34100, dst: server.address } as const;
      const end = performance.now() + 15_000;
      while ((await gateway.lifetime(network, started)) !== null)
        must(performance.now() < end, 'the first mapping does not end');
      for (const other of [server, network.host('outside')]) {
        const second = await sendUdp(luke, 34100, other, 53);
        must(second.sport !== first.sport, `the port ${first.sport} is another host’s at once`);
      }
    },
    broken: {
      how: 'something before the gateway puts the source port back',
      obstruct: () => leaving((packet) => (packet.dport === 53 ? [alter(packet, { sport: 34100 })] : undefined)),
    },
  },
  {
    id: 'cgn-log',
    rfc: 'RFC 6888 REQ-12 and section 4',
    level: 'should',
    text: 'the log says once which inside socket has which outside port, and names no destination',
    setting: { log: true },
    async check({ network, gateway }) {
      const han = network.host('inside');
      const servers = Array.from({ length: 5 }, () => network.host('outside'));
      let port = 0;
      for (const server of servers) port = (await sendUdp(han, 24501, server, 53)).sport;
      const lines: string[] = [];
      const end = Date.now() + 3000;
      while (lines.length === 0 && Date.now() < end)
        lines.push(...(await gateway.readLog(network)).filter((line) => line.includes(han.address)));
      must(lines.length > 0, 'nothing is logged');
      must(lines.length === 1, `five datagrams of one socket are ${lines.length} lines`);
      must(
        lines[0]?.includes('24501') === true && lines[0].includes(String(port)),
        `its ports are not in the line: ${lines[0]}`,
      );
      const named = servers.find(({ address }) => lines[0]?.includes(address));
      must(named === undefined, `the destination ${named?.address} is in the line`);
    },
    broken: {
      how: '`mapping address-and-port-dependent`',
      setting: { log: true, mapping: 'address-and-port-dependent' },
    },
  },
  {
    id: 'cgn-share',
    rfc: 'RFC 7422, RFC 6888 REQ-4',
    level: 'should',
    text: 'a block of ports for each inside host (`share`): its own, no more than that, and the same after a restart',
    setting: share,
    async check({ network, gateway, setting }) {
      const hosts = [1, 2, 3].map((n) => network.hostAt('inside', `192.168.60.${n}`));
      const server = network.host('outside');
      const find = async () => {
        const blocks = [];
        for (const host of hosts) {
          const ports = [];
          for (const sport of range(24400, 12)) ports.push((await sendUdp(host, sport, server, 53)).sport);
          blocks.push({ first: Math.min(...ports), last: Math.max(...ports) });
        }
        return blocks;
      };
      const blocks = await find();
      for (const { first, last } of blocks) must(last - first < 1024, `one host has the ports ${first} and ${last}`);
      const sorted = blocks.toSorted((a, b) => a.first - b.first);
      for (const [i, { first }] of sorted.entries())
        must(i === 0 || first > (sorted[i - 1]?.last ?? 0), 'two hosts’ blocks overlap');
      const base = sorted.map(({ first }) => Math.floor((first - 10000) / 1024));
      must(new Set(base).size === 3, `blocks ${base.join(', ')} of 1024 from 10000 on are not one for each`);
      await gateway.takeDown(network);
      await gateway.setUp(network, setting);
      const again = (await find()).map(({ first }) => Math.floor((first - 10000) / 1024));
      const before = blocks.map(({ first }) => Math.floor((first - 10000) / 1024));
      must(`${again}` === `${before}`, `after a restart the blocks are ${again}, they were ${before}`);
    },
    broken: { how: 'without `share`', setting: { ports: [10000, 30000] } },
  },
];
