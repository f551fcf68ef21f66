/** ICMP: RFC 5508. */
import { setTimeout as pause } from 'node:timers/promises';
import { must } from '../failure.ts';
import type { Host } from '../host.ts';
import { readDeadline, readLifetime } from '../lifetime.ts';
import { addresses } from '../network.ts';
import { arriving, delivered, leaving, lose, submitted } from '../obstructions.ts';
import type { Row } from '../row.ts';
import { answerEcho, answerUdp, carries, mark, sendEcho, sendUdp } from '../traffic.ts';
import { alter } from '../wire/alter.ts';
import { ICMP, icmp, udp } from '../wire/compose.ts';
import type { Packet } from '../wire/parse.ts';

const isError = ({ type }: Packet): boolean => [3, 4, 11, 12].includes(type);
/** Spoils one byte of what an ICMP error quotes. */
const spoilQuote =
  (at: number) =>
  (packet: Packet): Uint8Array[] | undefined => {
    if (packet.quoted === null) return undefined;
    const payload = packet.payload.slice();
    payload[at] = (payload[at] ?? 0) ^ 1;
    return [alter(packet, { payload })];
  };

function fail(router: Host, about: Packet, size = about.bytes.length, fields: object = {}): void {
  router.send(
    icmp({ src: router.address, dst: about.src, type: 3, code: 1, payload: about.bytes.subarray(0, size), ...fields }),
  );
}

export const icmpRows: readonly Row[] = [
  {
    id: 'icmp-1',
    rfc: 'RFC 5508 REQ-1',
    level: 'must',
    text: 'echo queries with one identifier from several hosts to one server: each gets its own reply',
    async check({ network }) {
      const server = network.host('outside');
      const hosts = Array.from({ length: 6 }, () => network.host('inside'));
      const seen = [];
      for (const host of hosts) seen.push(await sendEcho(host, server, 4242));
      must(new Set(seen.map(({ query }) => query)).size === 6, 'two of them share an identifier outside');
      for (const i of [3, 0, 5, 1, 4, 2]) await answerEcho(server, seen[i] as Packet, hosts[i] as Host, 4242);
    },
    broken: {
      how: 'something before the gateway gives every query the same identifier',
      obstruct: () => leaving((packet) => (packet.type === 8 ? [alter(packet, { word: 0x00010001 })] : undefined)),
    },
  },
  {
    id: 'icmp-1-timestamp',
    rfc: 'RFC 5508 REQ-1',
    level: 'must',
    text: 'timestamp queries too',
    async check({ network }) {
      const [server, hosts] = [network.host('outside'), [network.host('inside'), network.host('inside')] as const];
      const seen = [];
      for (const host of hosts) {
        const payload = mark(12);
        host.send(icmp({ src: host.address, dst: server.address, type: 13, word: 0x00630001, payload }));
        seen.push(await server.hears('the timestamp query', (p) => p.type === 13 && carries(payload)(p)));
      }
      for (const [i, host] of hosts.entries()) {
        const { src, word } = seen[i] as Packet;
        const payload = mark(12);
        server.send(icmp({ src: server.address, dst: src, type: 14, word, payload }));
        const got = await host.hears('the timestamp reply', (p) => p.type === 14 && carries(payload)(p));
        must(got.query === 0x63, `its identifier is ${got.query}`);
      }
    },
    broken: {
      how: 'something before the gateway loses timestamp replies',
      obstruct: () => arriving(lose(({ type }) => type === 14)),
    },
  },
  {
    id: 'icmp-2',
    rfc: 'RFC 5508 REQ-2',
    level: 'must',
    text: 'a query waits for its reply for 60 s',
    how: 'read from the gateway’s table',
    async check(scene) {
      const [han, server] = [scene.network.host('inside'), scene.network.host('outside')];
      await sendEcho(han, server, 77);
      const { most } = await readLifetime(scene, {
        protocol: 'icmp',
        src: han.address,
        sport: 77,
        dst: server.address,
      });
      must(most >= 59, `it waits for ${most.toFixed()} s`);
    },
    broken: { how: '`timeout icmp 30s`', setting: { timeouts: { icmp: 30 } } },
  },
  {
    id: 'icmp-3',
    rfc: 'RFC 5508 REQ-3a',
    level: 'should',
    text: 'an error with a wrong checksum is dropped',
    async check({ network }) {
      const [han, server, router] = [network.host('inside'), network.host('outside'), network.host('outside')];
      const seen = await sendUdp(han, 22001, server, 53);
      fail(router, seen, 28, { sum: 'wrong' });
      await han.hearsNo('an error whose checksum was wrong', isError);
      fail(router, seen, 28);
      await han.hears('one whose checksum is right', isError);
    },
    broken: {
      how: 'something before the gateway mends the checksum',
      obstruct: () => arriving((packet) => (isError(packet) ? [alter(packet, {})] : undefined)),
    },
  },
  {
    id: 'icmp-3-options',
    rfc: 'RFC 5508 REQ-3b',
    level: 'must',
    text: 'a quoted packet with IP options is understood',
    async check({ network }) {
      const [han, server, router] = [network.host('inside'), network.host('outside'), network.host('outside')];
      const seen = await sendUdp(han, 22002, server, 53);
      for (const options of [[1, 1, 1, 0], [7, 11, 4, ...Array(9).fill(0)], Array(40).fill(1)]) {
        const quoted = udp({
          src: seen.src,
          dst: seen.dst,
          sport: seen.sport,
          dport: 53,
          options,
          payload: seen.payload,
        });
        router.send(icmp({ src: router.address, dst: seen.src, type: 3, code: 1, payload: quoted }));
        const error = await han.hears(`an error that quotes ${options.length} bytes of options`, isError);
        must(error.quoted?.src === han.address && error.quoted.sport === 22002, 'the quoted packet is not translated');
        must(error.quoted.sumsAreRight, 'a checksum of the quoted packet is wrong');
      }
    },
    broken: {
      how: 'something before the gateway loses errors that quote options',
      obstruct: () => arriving(lose(({ quoted }) => quoted !== null && quoted.options.length > 0)),
    },
  },
  {
    id: 'icmp-4',
    rfc: 'RFC 5508 REQ-4',
    level: 'must',
    text: 'an error from a router on the way: the router stays its source, the quoted packet is the one that the host sent',
    async check({ network }) {
      const [han, server, router] = [network.host('inside'), network.host('outside'), network.host('outside')];
      const luke = network.host('inside');
      await sendUdp(luke, 22003, network.host('outside'), 53); // so that han's port must change
      const seen = await sendUdp(han, 22003, server, 53, mark(100));
      for (const [type, code, size] of [
        [3, 1, 28],
        [3, 3, seen.bytes.length],
        [11, 0, 28],
        [12, 0, 60],
      ] as const) {
        fail(router, seen, size, { type, code });
        const error = await han.hears(`error ${type}/${code}`, (packet) => packet.type === type);
        const { quoted } = error;
        must(error.src === router.address, `its source is ${error.src}`);
        must(quoted?.src === han.address && quoted.sport === 22003, `it quotes ${quoted?.src}:${quoted?.sport}`);
        must(
          quoted.dst === server.address && quoted.dport === 53,
          `it quotes a packet to ${quoted.dst}:${quoted.dport}`,
        );
        must(quoted.ipSumIsRight, 'the IP checksum of the quoted packet is wrong');
        must(quoted.sumsAreRight, 'the UDP checksum of the quoted packet is wrong');
      }
    },
    broken: {
      how: 'something behind the gateway spoils the quoted source address',
      obstruct: () => delivered(spoilQuote(15)),
    },
  },
  {
    id: 'icmp-4-icmp',
    rfc: 'RFC 5508 REQ-4',
    level: 'must',
    text: 'an error about an echo query: the quoted identifier is translated back',
    async check({ network }) {
      const [han, luke, server, router] = [
        network.host('inside'),
        network.host('inside'),
        network.host('outside'),
        network.host('outside'),
      ];
      await sendEcho(luke, server, 4243);
      const seen = await sendEcho(han, server, 4243, 9);
      for (const size of [28, seen.bytes.length]) {
        fail(router, seen, size, { type: 11, code: 0 });
        const { quoted } = await han.hears('the error', ({ type }) => type === 11);
        must(quoted?.src === han.address, `it quotes a packet of ${quoted?.src}`);
        must(quoted.query === 4243, `the quoted identifier is ${quoted.query}`);
        must(quoted.sumsAreRight, 'a checksum of the quoted packet is wrong');
      }
    },
    broken: {
      how: 'something behind the gateway spoils the quoted identifier',
      obstruct: () => delivered(spoilQuote(25)),
    },
  },
  {
    id: 'icmp-4-stray',
    rfc: 'RFC 5508 REQ-4, RFC 3022',
    level: 'must',
    text: 'an error about no session is dropped, from either side',
    async check({ network }) {
      const [han, server, router] = [network.host('inside'), network.host('outside'), network.host('outside')];
      const seen = await sendUdp(han, 22004, server, 53);
      fail(router, { ...seen, bytes: udp({ src: addresses.wan, dst: server.address, sport: 22999, dport: 53 }) });
      fail(router, { ...seen, bytes: udp({ src: seen.src, dst: router.address, sport: seen.sport, dport: 54 }) });
      await han.hearsNo('an error about nothing that it has sent', isError);
      const never = udp({ src: router.address, dst: han.address, sport: 53, dport: 22999 });
      han.send(icmp({ src: han.address, dst: router.address, type: 3, code: 3, payload: never }));
      await router.hearsNo('an error about nothing that it has sent', isError);
      must(
        network.sent.outside.every(({ src }) => !network.isInsideAddress(src)),
        'an inside address leaves',
      );
    },
    broken: {
      how: 'something before the gateway makes strays quote the session that there is',
      obstruct: () => {
        let session: Packet | null = null;
        return (bytes, where) => {
          const noted = leaving((packet) => {
            if (packet.sport === 22004 || packet.dport === 53) session = packet;
            return undefined;
          })(bytes, where);
          return noted.flatMap((next) =>
            arriving((packet) =>
              isError(packet) && session !== null ? [alter(packet, { payload: session.bytes })] : undefined,
            )(next, where),
          );
        };
      },
    },
  },
  {
    id: 'icmp-5',
    rfc: 'RFC 5508 REQ-5',
    level: 'must',
    text: 'an error from inside: its source is the outside address, the quoted packet the one that the server sent',
    async check({ network }) {
      const [han, luke, server] = [network.host('inside'), network.host('inside'), network.host('outside')];
      await sendUdp(luke, 22005, network.host('outside'), 53);
      const seen = await sendUdp(han, 22005, server, 53);
      const got = await answerUdp(server, seen, han, 22005);
      for (const from of [han, network.hostAt('inside', '192.168.77.1')]) {
        from.send(icmp({ src: from.address, dst: server.address, type: 3, code: 3, payload: got.bytes }));
        const error = await server.hears(`the error of ${from.address}`, isError);
        const { quoted } = error;
        must(error.src === addresses.wan, `its source is ${error.src}`);
        must(
          quoted?.dst === seen.src && quoted.dport === seen.sport,
          `it quotes a packet to ${quoted?.dst}:${quoted?.dport}`,
        );
        must(quoted.sumsAreRight, 'a checksum of the quoted packet is wrong');
        must(!Buffer.from(error.bytes).includes(Buffer.from([192, 168])), 'an inside address is in it');
      }
    },
    broken: {
      how: 'something before the gateway spoils the quoted destination',
      obstruct: () => leaving(spoilQuote(19)),
    },
  },
  {
    id: 'icmp-6',
    rfc: 'RFC 5508 REQ-6, RFC 4787 REQ-12',
    level: 'must',
    text: 'an error neither refreshes nor ends the session that it is about',
    how: 'read from the gateway’s table',
    async check(scene) {
      const { network } = scene;
      const [han, server, router] = [network.host('inside'), network.host('outside'), network.host('outside')];
      const seen = await sendUdp(han, 22006, server, 53);
      const session = { protocol: 'udp', src: han.address, sport: 22006, dst: server.address } as const;
      const before = await readDeadline(scene, session);
      await pause(2500);
      fail(router, seen, 28);
      await han.hears('the error', isError);
      const after = await readDeadline(scene, session);
      const moved = (after.earliest - before.latest) / 1000;
      must(moved < 1, `the error lets the session live for ${moved.toFixed(1)} s more`);
      await answerUdp(server, seen, han, 22006);
    },
    broken: {
      how: 'something behind the gateway repeats the session’s datagram when an error comes',
      obstruct: () => {
        let repeat: Uint8Array | null = null;
        let due = false;
        return (bytes, where) => {
          submitted((packet) => {
            if (packet.sport === 22006) repeat = packet.bytes;
            return undefined;
          })(bytes, where);
          arriving((packet) => {
            due ||= isError(packet);
            return undefined;
          })(bytes, where);
          return where.side === 'outside' && where.sent && due && repeat !== null
            ? [answerFrom(repeat), bytes]
            : [bytes];
        };
      },
    },
  },
  {
    id: 'icmp-7',
    rfc: 'RFC 5508 REQ-7',
    level: 'must',
    text: 'errors are hairpinned: with the outside address as source, about the packet that the other host sent',
    setting: { filtering: 'endpoint-independent' },
    async check({ network }) {
      const [han, luke, server] = [network.host('inside'), network.host('inside'), network.host('outside')];
      const [mine, theirs] = [await sendUdp(han, 22007, server, 53), await sendUdp(luke, 22008, server, 53)];
      const payload = mark();
      luke.send(udp({ src: luke.address, dst: mine.src, sport: 22008, dport: mine.sport, payload }));
      const got = await han.hears('the hairpinned datagram', carries(payload));
      must(got.sport === theirs.sport, `it comes from port ${got.sport}`);
      han.send(icmp({ src: han.address, dst: got.src, type: 3, code: 3, payload: got.bytes }));
      const error = await luke.hears('the hairpinned error', isError);
      const { quoted } = error;
      must(error.src === addresses.wan, `its source is ${error.src}`);
      must(
        quoted?.src === luke.address && quoted.sport === 22008,
        `it quotes a packet from ${quoted?.src}:${quoted?.sport}`,
      );
      must(
        quoted.dst === mine.src && quoted.dport === mine.sport,
        `it quotes a packet to ${quoted.dst}:${quoted.dport}`,
      );
      must(quoted.sumsAreRight, 'a checksum of the quoted packet is wrong');
    },
    broken: {
      how: 'something behind the gateway spoils the quoted destination',
      obstruct: () => delivered(spoilQuote(19)),
    },
  },
  {
    id: 'icmp-8-ports',
    rfc: 'RFC 5508 REQ-8',
    level: 'should',
    text: 'when the ports are used up a new flow is told so (ICMP 3/13) and the others live',
    setting: { ports: [31000, 31003] },
    async check({ network }) {
      const server = network.host('outside');
      const hosts = Array.from({ length: 4 }, () => network.host('inside'));
      const seen = [];
      for (const host of hosts) seen.push(await sendUdp(host, 22009, server, 53));
      const late = network.host('inside');
      late.send(udp({ src: late.address, dst: server.address, sport: 22009, dport: 53 }));
      const error = await late.hears(
        'ICMP communication administratively prohibited',
        ({ type, code }) => type === 3 && code === 13,
      );
      must(error.quoted?.src === late.address && error.quoted.sport === 22009, 'it quotes another packet');
      for (const [i, host] of hosts.entries()) await answerUdp(server, seen[i] as Packet, host, 22009);
    },
    broken: { how: 'something behind the gateway loses ICMP errors', obstruct: () => delivered(lose(isError)) },
  },
  {
    id: 'icmp-8-table',
    rfc: 'RFC 5508 REQ-8',
    level: 'should',
    text: 'when the table is full a new flow is told so (ICMP 3/13) and the others live',
    setting: { flows: 1024 },
    async check({ network }) {
      const [server, first] = [network.host('outside'), network.host('inside')];
      const seen = await sendUdp(first, 22010, server, 53);
      for (let i = 0; i < 9; i++) {
        const flooder = network.host('inside');
        for (let j = 0; j < 128; j++)
          flooder.send(udp({ src: flooder.address, dst: server.address, sport: 10000 + j, dport: 53 }));
        await network.settle();
      }
      const late = network.host('inside');
      late.send(udp({ src: late.address, dst: server.address, sport: 22011, dport: 53 }));
      await late.hears('ICMP communication administratively prohibited', ({ type, code }) => type === 3 && code === 13);
      await answerUdp(server, seen, first, 22010);
      must((await sendUdp(first, 22010, server, 53)).sport === seen.sport, 'the first flow has another port');
    },
    broken: { how: 'something behind the gateway loses ICMP errors', obstruct: () => delivered(lose(isError)) },
  },
  {
    id: 'icmp-9-ttl',
    rfc: 'RFC 5508 REQ-9, RFC 1812 section 5.3.1',
    level: 'must',
    text: 'the TTL goes down by one; a packet whose TTL ends at the gateway is answered by it, quoting what was sent',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const seen = await sendUdp(han, 22012, server, 53);
      must(seen.ttl === 63, `a TTL of 64 has become ${seen.ttl}`);
      must((await answerUdp(server, seen, han, 22012)).ttl === 63, 'inbound it does not go down by one');
      for (const sport of [22012, 22013]) {
        han.send(udp({ src: han.address, dst: server.address, sport, dport: 33434, ttl: 1 }));
        const error = await han.hears('ICMP time exceeded', ({ type, code }) => type === 11 && code === 0);
        must(error.src === addresses.gateway, `it comes from ${error.src}`);
        const { quoted } = error;
        must(
          quoted?.src === han.address && quoted.sport === sport && quoted.dport === 33434,
          'it quotes another packet',
        );
      }
      await server.hearsNo('a packet whose TTL has ended');
    },
    broken: { how: 'something behind the gateway loses ICMP errors', obstruct: () => delivered(lose(isError)) },
  },
  {
    id: 'icmp-9-ttl-outside',
    rfc: 'RFC 5508 REQ-9, RFC 3022',
    level: 'must',
    text: 'a TTL that ends at the gateway on the way in is answered with the outside address and shows no inside one',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const seen = await sendUdp(han, 22014, server, 53);
      server.send(udp({ src: server.address, dst: seen.src, sport: 53, dport: seen.sport, ttl: 1 }));
      const error = await server.hears('ICMP time exceeded', ({ type }) => type === 11);
      must(error.src === addresses.wan, `it comes from ${error.src}`);
      must(
        error.quoted?.dst === seen.src && error.quoted.dport === seen.sport,
        `it quotes a packet to ${error.quoted?.dst}:${error.quoted?.dport}`,
      );
      must(!Buffer.from(error.bytes).includes(Buffer.from([192, 168])), 'an inside address is in it');
      must(!han.heard.some(({ packet }) => packet.src === server.address), 'the packet goes on');
    },
    broken: {
      how: 'something before the gateway spoils the quoted destination',
      obstruct: () => leaving(spoilQuote(18)),
    },
  },
  {
    id: 'icmp-9-echo',
    rfc: 'RFC 5508 REQ-9, RFC 1812 section 4.3.3.6',
    level: 'must',
    text: 'the gateway answers echo requests to its own addresses, from inside (either address) and from outside',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      for (const [from, dst] of [
        [han, addresses.gateway],
        [han, addresses.wan],
        [server, addresses.wan],
      ] as const) {
        const payload = mark(24);
        from.send(icmp({ src: from.address, dst, type: 8, word: 0x00070001, payload }));
        const reply = await from.hears(
          `the gateway's reply from ${dst}`,
          (p) => p.protocol === ICMP && p.type === 0 && carries(payload)(p),
        );
        must(reply.src === dst && reply.query === 7, `it comes from ${reply.src} with identifier ${reply.query}`);
      }
    },
    broken: {
      how: 'something before the gateway loses echo requests from outside',
      obstruct: () => arriving(lose(({ type }) => type === 8)),
    },
  },
];

/** What refreshes the session of an inside host's datagram: an answer to it. */
function answerFrom(bytes: Uint8Array): Uint8Array {
  const [sport, dport] = [(bytes[20] ?? 0) * 256 + (bytes[21] ?? 0), (bytes[22] ?? 0) * 256 + (bytes[23] ?? 0)];
  return udp({ src: bytes.subarray(16, 20).join('.'), dst: addresses.wan, sport: dport, dport: sport });
}
