/** What a rewritten packet must still be: checksums, sizes, options. RFC 1624, RFC 768, RFC 879 and offloads. */
import { Failure, must } from '../failure.ts';
import { addresses } from '../network.ts';
import { leaving, lose, submitted } from '../obstructions.ts';
import type { Row, Scene } from '../row.ts';
import { answerUdp, CLIENT_SEQ, carries, connect, exchange, mark, SERVER_SEQ, sendUdp } from '../traffic.ts';
import { alter } from '../wire/alter.ts';
import { payloadThatSumsToZero, TCP, tcp, udp } from '../wire/compose.ts';
import type { Packet } from '../wire/parse.ts';

const mss = (value: number): number[] => [2, 4, value >> 8, value & 255];
const readMss = ({ tcpOptions }: Packet): number => ((tcpOptions[2] ?? 0) << 8) | (tcpOptions[3] ?? 0);

/** Waits until a TCP stream is there from `first` on, whatever its segments are. */
async function hearsStream(host: { heard: { packet: Packet }[] }, first: number, wanted: Uint8Array): Promise<void> {
  const got = new Uint8Array(wanted.length);
  const seen = new Uint8Array(wanted.length);
  const end = Date.now() + 2000;
  for (;;) {
    for (const { packet } of host.heard.splice(0)) {
      if (packet.protocol !== TCP || packet.payload.length === 0) continue;
      if (!packet.sumsAreRight) throw new Failure('a segment has a wrong checksum');
      const at = packet.seq - first;
      if (at < 0 || at + packet.payload.length > wanted.length)
        throw new Failure(`a segment has the number ${packet.seq}`);
      got.set(packet.payload, at);
      seen.fill(1, at, at + packet.payload.length);
    }
    if (seen.every((byte) => byte === 1)) break;
    if (Date.now() > end)
      throw new Failure(`${seen.filter((byte) => byte === 1).length} of ${wanted.length} bytes arrive`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  must(Buffer.from(got).equals(Buffer.from(wanted)), 'other bytes arrive than were sent');
}

/** Bytes that iperf3 has sent, and that had arrived when it ended (a window may still be on its way). */
async function transfer({ network }: Scene, ...flags: string[]): Promise<{ sent: number; received: number }> {
  const server = network.at('internet').start('iperf3', '-s', '-1', '--forceflush');
  try {
    await server.says(/Server listening/);
    const argv = ['iperf3', '-c', addresses.internet, '-n', '30M', '-J', ...flags];
    const { out } = await network.at('inside').run(argv, { limit: 30_000 });
    const { end, error } = JSON.parse(out) as { end: Record<string, { bytes: number } | undefined>; error?: string };
    if (error !== undefined) throw new Failure(`iperf3: ${error}`);
    return { sent: end.sum_sent?.bytes ?? 0, received: end.sum_received?.bytes ?? 0 };
  } finally {
    await server.stop('SIGKILL');
  }
}

export const wireRows: readonly Row[] = [
  {
    id: 'sum-incremental',
    rfc: 'RFC 1624, RFC 3022 section 4.2',
    level: 'must',
    text: 'checksums are right for 300 random packets each way, UDP and TCP',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const c = await connect(han, 25001, server, 80);
      for (let i = 0; i < 300; i++) {
        const seen = await sendUdp(han, 25002 + (i % 9), server, 53 + i, mark(1 + (i % 200)));
        await answerUdp(server, seen, han, 25002 + (i % 9));
      }
      for (let i = 0; i < 50; i++) await exchange(c, { client: 12 * i, server: 12 * i });
    },
    broken: {
      how: 'something before the gateway spoils the checksum of one packet in a hundred',
      obstruct: () => {
        let packets = 0;
        return leaving((packet) => {
          packets += 1;
          return packets % 100 === 0 ? [alter(packet, { sum: 'wrong' })] : undefined;
        });
      },
    },
  },
  {
    id: 'sum-udp-none',
    rfc: 'RFC 768, RFC 3022 section 4.2',
    level: 'must',
    text: 'a UDP checksum of 0 (none) stays 0, both ways',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const payload = mark();
      han.send(udp({ src: han.address, dst: server.address, sport: 25011, dport: 53, payload, sum: 'none' }));
      const seen = await server.hears('the datagram', carries(payload));
      must(seen.sum === 0, `outbound it has become ${seen.sum}`);
      const back = mark();
      server.send(
        udp({ src: server.address, dst: seen.src, sport: 53, dport: seen.sport, payload: back, sum: 'none' }),
      );
      const got = await han.hears('the answer', carries(back));
      must(got.sum === 0, `inbound it has become ${got.sum}`);
    },
    broken: {
      how: 'something before the gateway computes it',
      obstruct: () => leaving((packet) => [alter(packet, {})]),
    },
  },
  {
    id: 'sum-udp-ffff',
    rfc: 'RFC 768',
    level: 'must',
    text: 'a UDP checksum that comes to 0 is sent as 0xFFFF, both ways',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      for (const sport of [25012, 25013, 25014]) {
        const first = await sendUdp(han, sport, server, 53);
        const out = payloadThatSumsToZero({ src: first.src, dst: server.address, sport: first.sport, dport: 53 });
        han.send(udp({ src: han.address, dst: server.address, sport, dport: 53, payload: out }));
        const seen = await server.hears('the datagram', carries(out));
        must(seen.sum === 0xffff, `outbound it is ${seen.sum}`);
        const back = payloadThatSumsToZero({ src: server.address, dst: han.address, sport: 53, dport: sport });
        server.send(udp({ src: server.address, dst: first.src, sport: 53, dport: first.sport, payload: back }));
        const got = await han.hears('the answer', carries(back));
        must(got.sum === 0xffff, `inbound it is ${got.sum}`);
      }
    },
    broken: {
      how: 'something before the gateway writes 0 for 0xFFFF',
      obstruct: () =>
        leaving((packet) => {
          if (packet.sum !== 0xffff) return undefined;
          const bytes = packet.bytes.slice();
          bytes.set([0, 0], 26);
          return [bytes];
        }),
    },
  },
  {
    id: 'sum-wrong',
    rfc: 'RFC 1624, RFC 3022 section 4.2',
    level: 'must',
    text: 'a wrong checksum does not become a right one: the receiver sees that the packet was spoilt, or never gets it',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const seen = await sendUdp(han, 25015, server, 53);
      const [out, back] = [mark(), mark()];
      han.send(udp({ src: han.address, dst: server.address, sport: 25015, dport: 53, payload: out, sum: 'wrong' }));
      server.send(
        udp({ src: server.address, dst: seen.src, sport: 53, dport: seen.sport, payload: back, sum: 'wrong' }),
      );
      await server.hearsNo(
        'a spoilt datagram with a right checksum',
        (packet) => carries(out)(packet) && packet.sumsAreRight,
      );
      await han.hearsNo(
        'a spoilt datagram with a right checksum',
        (packet) => carries(back)(packet) && packet.sumsAreRight,
      );
    },
    broken: {
      how: 'something before the gateway computes checksums anew',
      obstruct: () => submitted((packet) => [alter(packet, {})]),
    },
  },
  {
    id: 'offload-partial',
    rfc: 'CHECKSUM_PARTIAL',
    level: 'must',
    text: 'a packet whose checksum the sender left to hardware goes through, TCP and UDP, both ways',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const seen = await sendUdp(han, 25016, server, 53);
      const [out, back] = [mark(), mark()];
      const plain = { gsoType: 0, gsoSize: 0, header: 28, start: 20, offset: 6 };
      network.sendOffloaded(
        han,
        udp({ src: han.address, dst: server.address, sport: 25016, dport: 53, payload: out, sum: 'partial' }),
        plain,
      );
      const got = await server.hears('a datagram with an open checksum', carries(out));
      must(got.sport === seen.sport, `it comes from port ${got.sport}`);
      network.sendOffloaded(
        server,
        udp({ src: server.address, dst: seen.src, sport: 53, dport: seen.sport, payload: back, sum: 'partial' }),
        plain,
      );
      await han.hears('an answer with an open checksum', carries(back));
      const payload = mark();
      const c = await connect(han, 25017, server, 80);
      const data = {
        src: han.address,
        dst: server.address,
        sport: 25017,
        dport: 80,
        seq: CLIENT_SEQ + 1,
        ack: SERVER_SEQ + 1,
      };
      network.sendOffloaded(han, tcp({ ...data, flags: 'PA', payload, sum: 'partial' }), {
        ...plain,
        header: 40,
        offset: 16,
      });
      must(
        (await server.hears('a segment with an open checksum', carries(payload))).sport === c.seen.sport,
        'another port',
      );
    },
    broken: {
      how: 'something before the gateway finishes the sum over the pseudo-header as it was before the translation',
      obstruct: () => leaving((packet) => (packet.sport === 25016 ? [alter(packet, { sum: 'wrong' })] : undefined)),
    },
  },
  {
    id: 'offload-gso',
    rfc: 'RFC 1191, GSO',
    level: 'must',
    text: 'a large segment that the card will cut (GSO) is not "too big": it goes through, both ways, and nobody is told of an MTU',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const c = await connect(han, 25018, server, 80);
      const offload = { gsoType: 1, gsoSize: 1400, header: 40, start: 20, offset: 16 };
      const [out, back] = [mark(20_000), mark(20_000)];
      const data = {
        src: han.address,
        dst: server.address,
        sport: 25018,
        dport: 80,
        seq: CLIENT_SEQ + 1,
        ack: SERVER_SEQ + 1,
      };
      network.sendOffloaded(han, tcp({ ...data, flags: 'PA', payload: out, df: true, sum: 'partial' }), offload);
      await hearsStream(server, CLIENT_SEQ + 1, out);
      const answer = {
        src: server.address,
        dst: c.seen.src,
        sport: 80,
        dport: c.seen.sport,
        seq: SERVER_SEQ + 1,
        ack: CLIENT_SEQ + 20_001,
      };
      network.sendOffloaded(server, tcp({ ...answer, flags: 'PA', payload: back, df: true, sum: 'partial' }), offload);
      await hearsStream(han, SERVER_SEQ + 1, back);
      must(!network.sent.inside.some(({ type }) => type === 3), 'han is told of an MTU');
      must(!network.sent.outside.some(({ type }) => type === 3), 'the server is told of an MTU');
    },
    broken: {
      how: 'something before the gateway loses what is larger than the MTU',
      obstruct: () => leaving(lose(({ payload }) => payload.length > 1000)),
    },
  },
  {
    id: 'offload-iperf',
    rfc: 'CHECKSUM_PARTIAL, GSO',
    level: 'must',
    text: 'iperf3 carries 30 MB up and 30 MB down between ordinary machines with all offloads on',
    programs: ['iperf3'],
    async check(scene) {
      for (const flags of [[], ['-R']]) {
        const { sent, received } = await transfer(scene, ...flags);
        must(
          sent >= 30_000_000 && received >= 15_000_000,
          `iperf3 ${flags.join(' ')} sends ${sent} bytes, ${received} arrive`,
        );
      }
    },
    broken: {
      how: 'a rule of nft in the provider drops segments of iperf3',
      in: 'isp',
      commands: [
        'nft add table ip spoil',
        'nft add chain ip spoil forward { type filter hook forward priority filter ; }',
        'nft add rule ip spoil forward tcp dport 5201 drop',
      ],
    },
  },
  {
    id: 'mss-clamp',
    rfc: 'RFC 879, RFC 2516 section 7',
    level: 'should',
    text: '`mss clamp` lowers the MSS of SYN and SYN-ACK to what the wan carries, and leaves smaller ones alone',
    setting: { clampMss: true, wanMtu: 1400 },
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      for (const [i, [asked, wanted]] of [
        [1460, 1360],
        [1361, 1360],
        [1360, 1360],
        [536, 536],
      ].entries()) {
        const sport = 25030 + i;
        han.send(
          tcp({ src: han.address, dst: server.address, sport, dport: 80, flags: 'S', tcpOptions: mss(asked ?? 0) }),
        );
        const syn = await server.hears('the SYN', ({ flags }) => flags === 'S');
        must(readMss(syn) === wanted, `an MSS of ${asked} leaves as ${readMss(syn)}`);
        const reply = { src: server.address, dst: syn.src, sport: 80, dport: syn.sport };
        server.send(tcp({ ...reply, flags: 'SA', seq: 5, ack: 1001, tcpOptions: mss(asked ?? 0) }));
        const back = await han.hears('the SYN-ACK', ({ flags }) => flags === 'SA');
        must(readMss(back) === wanted, `an MSS of ${asked} arrives as ${readMss(back)}`);
      }
    },
    broken: { how: 'without `mss clamp`', setting: { wanMtu: 1400 } },
  },
];
