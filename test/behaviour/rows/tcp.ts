/** TCP: RFC 5382, and RFC 7857 section 2. */
import { setTimeout as pause } from 'node:timers/promises';
import { must } from '../failure.ts';
import { readLifetime } from '../lifetime.ts';
import { addresses, type BehaviourNetwork } from '../network.ts';
import { all, arriving, delivered, leaving, lose, submitted } from '../obstructions.ts';
import type { Row } from '../row.ts';
import {
  CLIENT_SEQ,
  carries,
  connect,
  exchange,
  fromClient,
  fromServer,
  mark,
  SERVER_SEQ,
  sendSyn,
} from '../traffic.ts';
import { alter } from '../wire/alter.ts';
import { icmp, TCP, tcp } from '../wire/compose.ts';
import { type Packet, parse } from '../wire/parse.ts';

const isSyn = ({ flags }: Packet): boolean => flags === 'S';

/** A mapping with a connection to one server; whose SYN is let in to it? */
async function findFiltering(network: BehaviourNetwork, sport: number): Promise<{ address: boolean; anyone: boolean }> {
  const [han, server, stranger] = [network.host('inside'), network.host('outside'), network.host('outside')];
  const { seen } = await connect(han, sport, server, 80);
  const syn = (from: typeof han, port: number) =>
    from.send(tcp({ src: from.address, dst: seen.src, sport: port, dport: seen.sport, flags: 'S', seq: 7 }));
  syn(server, 8080);
  syn(stranger, 80);
  await network.settle();
  const got = (from: typeof han) =>
    han.heard.some(({ packet }) => isSyn(packet) && packet.src === from.address && packet.dport === sport);
  return { address: got(server), anyone: got(stranger) };
}

const perDestination = { mapping: 'address-and-port-dependent', ports: [20000, 21999] } as const;

export const tcpRows: readonly Row[] = [
  {
    id: 'tcp-1',
    rfc: 'RFC 5382 REQ-1',
    level: 'must',
    text: 'one inside socket keeps one outside port towards every server, under conflicts too',
    async check({ network }) {
      const servers = [network.host('outside'), network.host('outside'), network.host('outside')] as const;
      const [han, luke] = [network.host('inside'), network.host('inside')];
      const ports = [(await sendSyn(han, 21001, servers[1], 80)).sport];
      await sendSyn(luke, 21001, servers[0], 80);
      for (const server of servers) ports.push((await sendSyn(han, 21001, server, 81)).sport);
      ports.push((await sendSyn(han, 21001, servers[0], 80)).sport);
      must(new Set(ports).size === 1, `one socket has the outside ports ${ports.join(', ')}`);
    },
    broken: { how: '`mapping address-and-port-dependent`', setting: perDestination },
  },
  {
    id: 'tcp-2',
    rfc: 'RFC 5382 REQ-2',
    level: 'must',
    text: 'a connection from handshake to end: retransmissions, segments out of order, keep-alives, a closed window',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const first = await sendSyn(han, 21002, server, 80);
      must((await sendSyn(han, 21002, server, 80)).sport === first.sport, 'a retransmitted SYN leaves by another port');
      const c = await connect(han, 21002, server, 80);
      await exchange(c);
      const parts = [mark(100), mark(100), mark(100)];
      for (const i of [2, 0, 1, 1]) {
        const payload = parts[i] as Uint8Array;
        fromClient(c, { flags: 'A', seq: CLIENT_SEQ + 13 + 100 * i, ack: SERVER_SEQ + 13, payload });
        await server.hears(`segment ${i}`, carries(payload));
      }
      fromServer(c, { flags: 'A', seq: SERVER_SEQ + 13, ack: CLIENT_SEQ + 313, window: 0 });
      await han.hears('a closed window', ({ flags, ack }) => flags === 'A' && ack === CLIENT_SEQ + 313);
      for (const payload of [new Uint8Array(), Uint8Array.of(0)]) {
        fromClient(c, { flags: 'A', seq: CLIENT_SEQ + 312, ack: SERVER_SEQ + 13, payload });
        await server.hears(
          'a keep-alive',
          ({ seq, payload: got }) => seq === CLIENT_SEQ + 312 && got.length === payload.length,
        );
      }
      fromServer(c, { flags: 'FA', seq: SERVER_SEQ + 13, ack: CLIENT_SEQ + 313 });
      await han.hears('FIN', ({ flags }) => flags === 'FA');
      fromClient(c, { flags: 'FA', seq: CLIENT_SEQ + 313, ack: SERVER_SEQ + 14 });
      await server.hears('FIN', ({ flags }) => flags === 'FA');
      fromServer(c, { flags: 'A', seq: SERVER_SEQ + 14, ack: CLIENT_SEQ + 314 });
      await han.hears('the last ACK', ({ ack }) => ack === CLIENT_SEQ + 314);
    },
    broken: {
      how: 'something before the gateway loses segments out of order',
      obstruct: () => {
        let next = 0;
        return submitted(({ seq, payload }) => {
          if (payload.length < 50) return undefined;
          if (next > 0 && seq > next) return [];
          next = Math.max(next, seq + payload.length);
          return seq > CLIENT_SEQ + 13 && next === seq + payload.length && next === CLIENT_SEQ + 313 ? [] : undefined;
        });
      },
    },
  },
  {
    id: 'tcp-2-simultaneous',
    rfc: 'RFC 5382 REQ-2a',
    level: 'must',
    text: 'simultaneous open: both SYNs cross, both SYN-ACKs, then data',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const seen = await sendSyn(han, 21003, server, 8021);
      const c = { client: han, server, sport: 21003, dport: 8021, seen };
      fromServer(c, { flags: 'S', seq: SERVER_SEQ });
      await han.hears('the other SYN', ({ flags, seq }) => flags === 'S' && seq === SERVER_SEQ);
      fromClient(c, { flags: 'SA', seq: CLIENT_SEQ, ack: SERVER_SEQ + 1 });
      await server.hears('the SYN-ACK', ({ flags, sport }) => flags === 'SA' && sport === seen.sport);
      fromServer(c, { flags: 'SA', seq: SERVER_SEQ, ack: CLIENT_SEQ + 1 });
      await han.hears('the SYN-ACK', ({ flags }) => flags === 'SA');
      await exchange(c);
    },
    broken: { how: 'something before the gateway loses SYNs from outside', obstruct: () => arriving(lose(isSyn)) },
  },
  {
    id: 'tcp-2-half-closed',
    rfc: 'RFC 5382 REQ-2, RFC 7857 section 2',
    level: 'must',
    text: 'half close: after the client’s FIN the server goes on sending, and has the time of an established connection',
    how: 'the time is read from the gateway’s table',
    async check(scene) {
      const { network } = scene;
      const c = await connect(network.host('inside'), 21004, network.host('outside'), 80);
      await exchange(c);
      fromClient(c, { flags: 'FA', seq: CLIENT_SEQ + 13, ack: SERVER_SEQ + 13 });
      await c.server.hears('FIN', ({ flags }) => flags === 'FA');
      fromServer(c, { flags: 'A', seq: SERVER_SEQ + 13, ack: CLIENT_SEQ + 14 });
      for (let i = 0; i < 3; i++) {
        const payload = mark(100);
        fromServer(c, { flags: 'PA', seq: SERVER_SEQ + 13 + 100 * i, ack: CLIENT_SEQ + 14, payload });
        await c.client.hears('data on a half-closed connection', carries(payload));
        fromClient(c, { flags: 'A', seq: CLIENT_SEQ + 14, ack: SERVER_SEQ + 113 + 100 * i });
        await c.server.hears('its ACK', ({ ack }) => ack === SERVER_SEQ + 113 + 100 * i);
      }
      const half = { protocol: 'tcp', src: c.client.address, sport: 21004, dst: c.server.address } as const;
      const { most } = await readLifetime(scene, half);
      must(most >= 7439, `half closed it may be idle for ${most.toFixed()} s only`);
    },
    broken: {
      how: 'something before the gateway loses data after a FIN',
      obstruct: () => {
        let closed = false;
        return all(
          leaving(({ flags }) => {
            closed ||= flags.includes('F');
            return undefined;
          }),
          arriving(lose(({ payload, protocol }) => closed && protocol === TCP && payload.length > 0)),
        );
      },
    },
  },
  {
    id: 'tcp-2-reuse',
    rfc: 'RFC 5382 REQ-2, RFC 9293 section 3.6.1',
    level: 'must',
    text: 'a tuple is used again at once after its connection has ended',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const c = await connect(han, 21005, server, 80);
      fromClient(c, { flags: 'FA', seq: CLIENT_SEQ + 1, ack: SERVER_SEQ + 1 });
      await server.hears('FIN', ({ flags }) => flags === 'FA');
      fromServer(c, { flags: 'FA', seq: SERVER_SEQ + 1, ack: CLIENT_SEQ + 2 });
      await han.hears('FIN', ({ flags }) => flags === 'FA');
      fromClient(c, { flags: 'A', seq: CLIENT_SEQ + 2, ack: SERVER_SEQ + 2 });
      await server.hears('the last ACK', ({ ack }) => ack === SERVER_SEQ + 2);
      const seen = await sendSyn(han, 21005, server, 80, 900_000);
      server.send(
        tcp({
          src: server.address,
          dst: seen.src,
          sport: 80,
          dport: seen.sport,
          flags: 'SA',
          seq: 990_000,
          ack: 900_001,
        }),
      );
      await han.hears('the SYN-ACK of the second connection', ({ flags, ack }) => flags === 'SA' && ack === 900_001);
      const payload = mark();
      han.send(
        tcp({
          src: han.address,
          dst: server.address,
          sport: 21005,
          dport: 80,
          flags: 'PA',
          seq: 900_001,
          ack: 990_001,
          payload,
        }),
      );
      await server.hears('data of the second connection', carries(payload));
    },
    broken: {
      how: 'something before the gateway loses a SYN after a FIN',
      obstruct: () => {
        let closed = false;
        return leaving((packet) => {
          closed ||= packet.flags.includes('F');
          return closed && isSyn(packet) ? [] : undefined;
        });
      },
    },
  },
  {
    id: 'tcp-3',
    rfc: 'RFC 5382 REQ-3',
    level: 'should',
    text: 'address-dependent filtering (the default) of SYNs that come to a mapping',
    async check({ network }) {
      const { address, anyone } = await findFiltering(network, 21006);
      must(address, 'the server is not let in from another port');
      must(!anyone, 'a stranger is let in');
    },
    broken: { how: '`filtering endpoint-independent`', setting: { filtering: 'endpoint-independent' } },
  },
  {
    id: 'tcp-3-independent',
    rfc: 'RFC 5382 REQ-3',
    level: 'should',
    text: 'endpoint-independent filtering by choice',
    setting: { filtering: 'endpoint-independent' },
    async check({ network }) {
      const { address, anyone } = await findFiltering(network, 21007);
      must(address && anyone, `${address ? 'a stranger' : 'the server from another port'} is not let in`);
    },
    broken: { how: '`filtering address-dependent`', setting: { filtering: 'address-dependent' } },
  },
  {
    id: 'tcp-3-port',
    rfc: 'RFC 4787 section 5, RFC 5382 section 4.3',
    level: 'should',
    text: 'address- and port-dependent filtering by choice',
    setting: { filtering: 'address-and-port-dependent' },
    async check({ network }) {
      const { address, anyone } = await findFiltering(network, 21008);
      must(!address && !anyone, `${anyone ? 'a stranger' : 'the server from another port'} is let in`);
    },
    broken: { how: '`filtering address-dependent`', setting: { filtering: 'address-dependent' } },
  },
  {
    id: 'tcp-4',
    rfc: 'RFC 5382 REQ-4',
    level: 'must',
    text: 'an unsolicited SYN gets no answer for 6 s; when the inside opens meanwhile, it was never seen and gets none at all',
    how: 'waited for: 7 s',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const [stranger, friend] = [network.host('outside'), network.host('outside')];
      const { seen } = await connect(han, 21009, server, 80);
      const syn = (from: typeof han) =>
        from.send(tcp({ src: from.address, dst: seen.src, sport: 80, dport: seen.sport, flags: 'S', seq: 7 }));
      const start = performance.now();
      syn(stranger);
      syn(friend);
      await han.hearsNo('an unsolicited SYN', isSyn);
      await pause(1500);
      const c = await connect(han, 21009, friend, 80);
      must(c.seen.sport === seen.sport, 'the outside port has changed');
      await exchange(c);
      await pause(5800 - (performance.now() - start));
      must(stranger.heard.length === 0, 'the SYN is answered before 6 s are over');
      await pause(7200 - (performance.now() - start));
      must(friend.heard.length === 0, 'its SYN is answered though the inside has opened meanwhile');
    },
    broken: {
      how: 'something before the gateway answers SYNs from outside with RST',
      obstruct:
        () =>
        (bytes, { side, sent, emit }) => {
          const syn = side === 'outside' && sent ? parse(bytes) : null;
          if (syn !== null && isSyn(syn))
            emit(
              'outside',
              tcp({ src: syn.dst, dst: syn.src, sport: syn.dport, dport: syn.sport, flags: 'RA', ack: syn.seq + 1 }),
            );
          return [bytes];
        },
    },
  },
  {
    id: 'tcp-5',
    rfc: 'RFC 5382 REQ-5',
    level: 'must',
    text: 'an established connection may be idle for 2 h 4 min',
    how: 'read from the gateway’s table',
    async check(scene) {
      const { network } = scene;
      const c = await connect(network.host('inside'), 21010, network.host('outside'), 80);
      await exchange(c);
      const open = { protocol: 'tcp', src: c.client.address, sport: 21010, dst: c.server.address } as const;
      const { most } = await readLifetime(scene, open);
      must(most >= 7439, `it may be idle for ${most.toFixed()} s`);
    },
    broken: { how: '`timeout tcp 15m`', setting: { timeouts: { tcp: 900 } } },
  },
  {
    id: 'tcp-5-transitory',
    rfc: 'RFC 5382 REQ-5',
    level: 'must',
    text: 'one that is being opened or closed for 4 min',
    how: 'read from the gateway’s table',
    async check(scene) {
      const { network } = scene;
      const [han, server] = [network.host('inside'), network.host('outside')];
      const read = async (sport: number) =>
        (await readLifetime(scene, { protocol: 'tcp', src: han.address, sport, dst: server.address })).most;
      await sendSyn(han, 21011, server, 80);
      const opening = await read(21011);
      must(opening >= 239, `after its SYN it lives for ${opening.toFixed()} s`);
      const c = await connect(han, 21012, server, 80);
      fromClient(c, { flags: 'FA', seq: CLIENT_SEQ + 1, ack: SERVER_SEQ + 1 });
      await server.hears('FIN', ({ flags }) => flags === 'FA');
      fromServer(c, { flags: 'FA', seq: SERVER_SEQ + 1, ack: CLIENT_SEQ + 2 });
      await han.hears('FIN', ({ flags }) => flags === 'FA');
      fromClient(c, { flags: 'A', seq: CLIENT_SEQ + 2, ack: SERVER_SEQ + 2 });
      await server.hears('the last ACK', ({ ack }) => ack === SERVER_SEQ + 2);
      const closing = await read(21012);
      must(closing >= 239, `after both FINs it lives for ${closing.toFixed()} s`);
    },
    broken: { how: '`timeout tcp-syn 60s, tcp-fin 60s`', setting: { timeouts: { 'tcp-syn': 60, 'tcp-fin': 60 } } },
  },
  {
    id: 'tcp-5-set',
    rfc: 'RFC 5382 REQ-5',
    level: 'should',
    text: 'the times can be set: a connection lives until its time is over and not longer',
    how: 'waited for, with 3 s for the 2 h 4 min',
    setting: { timeouts: { tcp: 3 } },
    async check({ network }) {
      const [one, other] = [
        await connect(network.host('inside'), 21013, network.host('outside'), 80),
        await connect(network.host('inside'), 21014, network.host('outside'), 80),
      ];
      await pause(1500);
      await exchange(one);
      await pause(4500);
      network.forget();
      fromServer(other, { flags: 'PA', seq: SERVER_SEQ + 1, ack: CLIENT_SEQ + 1, payload: mark() });
      await other.client.hearsNo(
        'data of a connection that was idle for too long',
        ({ payload }) => payload.length > 0,
      );
    },
    broken: { how: '`timeout tcp 60s`', setting: { timeouts: { tcp: 60 } } },
  },
  {
    id: 'tcp-7',
    rfc: 'RFC 5382 REQ-7',
    level: 'must',
    text: 'two inside sockets never share an outside port',
    async check({ network }) {
      const ports = new Map<number, string>();
      for (let i = 0; i < 12; i++) {
        const han = network.host('inside');
        const { sport } = await sendSyn(han, 21015, network.host('outside'), 80);
        must(!ports.has(sport), `${han.address} and ${ports.get(sport)} share the outside port ${sport}`);
        ports.set(sport, han.address);
      }
    },
    broken: { how: '`mapping address-and-port-dependent`', setting: perDestination },
  },
  {
    id: 'tcp-8',
    rfc: 'RFC 5382 REQ-8',
    level: 'must',
    text: 'hairpinning, with the outside address and port as source',
    setting: { filtering: 'endpoint-independent' },
    async check({ network }) {
      const [han, luke, server] = [network.host('inside'), network.host('inside'), network.host('outside')];
      const mine = await sendSyn(han, 21016, server, 80);
      const theirs = await sendSyn(luke, 21017, server, 80);
      luke.send(tcp({ src: luke.address, dst: mine.src, sport: 21017, dport: mine.sport, flags: 'S', seq: 5 }));
      const syn = await han.hears('the hairpinned SYN', ({ flags, seq }) => flags === 'S' && seq === 5);
      must(syn.dport === 21016, `it comes to port ${syn.dport}`);
      must(
        syn.src === theirs.src && syn.sport === theirs.sport,
        `its source is ${syn.src}:${syn.sport}, not ${theirs.src}:${theirs.sport}`,
      );
      const reply = { src: han.address, dst: syn.src, sport: 21016, dport: syn.sport };
      han.send(tcp({ ...reply, flags: 'SA', seq: 90, ack: 6 }));
      const back = await luke.hears('the SYN-ACK', ({ flags }) => flags === 'SA');
      must(back.src === mine.src && back.sport === mine.sport, `the SYN-ACK comes from ${back.src}:${back.sport}`);
      const payload = mark();
      luke.send(
        tcp({
          src: luke.address,
          dst: mine.src,
          sport: 21017,
          dport: mine.sport,
          flags: 'PA',
          seq: 6,
          ack: 91,
          payload,
        }),
      );
      await han.hears('data', carries(payload));
    },
    broken: {
      how: 'something behind the gateway shows the inside address',
      obstruct: () =>
        delivered((packet) => (packet.src === addresses.wan ? [alter(packet, { src: '192.168.1.77' })] : undefined)),
    },
  },
  {
    id: 'tcp-8-redirect',
    rfc: 'RFC 5382 REQ-8',
    level: 'must',
    text: 'hairpinning of redirects: a published server is reached from inside by the outside address',
    setting: { redirects: [{ protocol: 'tcp', port: 8080, to: '192.168.50.80', toPort: 80 }] },
    async check({ network }) {
      const [han, target] = [network.host('inside'), network.hostAt('inside', '192.168.50.80')];
      const to = { src: han.address, dst: addresses.wan, sport: 21018, dport: 8080 };
      han.send(tcp({ ...to, flags: 'S', seq: 5 }));
      const syn = await target.hears('the redirected SYN', isSyn);
      must(syn.dport === 80 && syn.src === addresses.wan, `it goes from ${syn.src} to port ${syn.dport}`);
      target.send(
        tcp({ src: target.address, dst: syn.src, sport: 80, dport: syn.sport, flags: 'SA', seq: 90, ack: 6 }),
      );
      const back = await han.hears('the SYN-ACK', ({ flags }) => flags === 'SA');
      must(
        back.src === addresses.wan && back.sport === 8080 && back.dport === 21018,
        `the SYN-ACK comes from ${back.src}:${back.sport}`,
      );
      const payload = mark();
      han.send(tcp({ ...to, flags: 'PA', seq: 6, ack: 91, payload }));
      await target.hears('data', carries(payload));
    },
    broken: {
      how: 'something behind the gateway loses what is sent back inside',
      obstruct: () => delivered(lose(({ src }) => src === addresses.wan)),
    },
  },
  {
    id: 'tcp-9',
    rfc: 'RFC 5382 REQ-9',
    level: 'must',
    text: 'ICMP errors about a connection are translated, quoted header and all',
    async check({ network }) {
      const c = await connect(network.host('inside'), 21019, network.host('outside'), 80);
      const router = network.host('outside');
      const payload = mark(400);
      fromClient(c, { flags: 'PA', seq: CLIENT_SEQ + 1, ack: SERVER_SEQ + 1, payload });
      const seen = await c.server.hears('data', carries(payload));
      router.send(icmp({ src: router.address, dst: seen.src, type: 3, code: 4, word: 576, payload: seen.bytes }));
      const error = await c.client.hears('the ICMP error', ({ type, code }) => type === 3 && code === 4);
      const { quoted } = error;
      must(quoted?.src === c.client.address && quoted.sport === 21019, 'the quoted source is not translated back');
      must(quoted.seq === CLIENT_SEQ + 1 && quoted.sumsAreRight, 'the quoted packet is not the one that was sent');
      must(error.src === router.address && error.word === 576, 'the error has another source or MTU');
    },
    broken: {
      how: 'something behind the gateway shows the outside port in the quote',
      obstruct: () =>
        delivered((packet) => {
          if (packet.quoted === null) return undefined;
          const payload = packet.payload.slice();
          payload[21] = (payload[21] ?? 0) ^ 1;
          return [alter(packet, { payload })];
        }),
    },
  },
  {
    id: 'tcp-10',
    rfc: 'RFC 5382 REQ-10',
    level: 'must',
    text: 'no ICMP error ends a connection',
    async check(scene) {
      const { network } = scene;
      const c = await connect(network.host('inside'), 21020, network.host('outside'), 80);
      const router = network.host('outside');
      let sent = 0;
      for (const [type, code] of [
        [3, 0],
        [3, 1],
        [3, 2],
        [3, 3],
        [3, 4],
        [3, 5],
        [3, 9],
        [3, 10],
        [3, 13],
        [4, 0],
        [11, 0],
        [11, 1],
        [12, 0],
      ]) {
        router.send(
          icmp({
            src: router.address,
            dst: c.seen.src,
            type: type ?? 0,
            code: code ?? 0,
            payload: c.seen.bytes.subarray(0, 40),
          }),
        );
        await exchange(c, { client: sent, server: sent });
        sent += 12;
      }
      const open = { protocol: 'tcp', src: c.client.address, sport: 21020, dst: c.server.address } as const;
      const { most } = await readLifetime(scene, open);
      must(most >= 7439, `afterwards the connection may be idle for ${most.toFixed()} s`);
    },
    broken: {
      how: 'something before the gateway ends a connection that a port-unreachable has spoken of',
      obstruct: () => {
        let dead = false;
        return arriving((packet) => {
          dead ||= packet.type === 3 && packet.code === 3;
          return dead && packet.protocol === TCP ? [] : undefined;
        });
      },
    },
  },
  {
    id: 'tcp-7857-rst',
    rfc: 'RFC 7857 section 2.2, RFC 5961',
    level: 'should',
    text: 'a RST outside of the window shortens nothing, a right one shortens to the transitory time, not less',
    how: 'read from the gateway’s table',
    async check(scene) {
      const { network } = scene;
      const c = await connect(network.host('inside'), 21021, network.host('outside'), 80);
      await exchange(c);
      const read = () =>
        readLifetime(scene, { protocol: 'tcp', src: c.client.address, sport: 21021, dst: c.server.address });
      for (const seq of [SERVER_SEQ + 13 + 0x40000000, SERVER_SEQ - 1_000_000, 0]) fromServer(c, { flags: 'R', seq });
      await network.settle();
      const after = await read();
      must(after.most > 7400, `after forged RSTs it lives for ${after.most.toFixed()} s`);
      await exchange(c, { client: 12, server: 12 });
      fromServer(c, { flags: 'R', seq: SERVER_SEQ + 25 });
      await c.client.hears('the right RST', ({ flags, seq }) => flags.includes('R') && seq === SERVER_SEQ + 25);
      const ended = await read();
      must(ended.least <= 241, `after a right RST it lives for ${ended.least.toFixed()} s`);
      must(ended.most >= 239, `after a right RST it lives for ${ended.most.toFixed()} s only`);
    },
    broken: {
      how: 'something before the gateway gives every RST the right number',
      obstruct: () =>
        arriving((packet) => (packet.flags === 'R' ? [alter(packet, { seq: SERVER_SEQ + 13 })] : undefined)),
    },
  },
];
