/** IPv6: RFC 6092 (filtering), RFC 4890 (ICMPv6), RFC 8200, RFC 6296 (NPTv6). */
import { setTimeout as pause } from 'node:timers/promises';
import { must } from '../failure.ts';
import type { Host } from '../host.ts';
import { addresses, type BehaviourNetwork } from '../network.ts';
import { arriving, delivered, leaving, lose, passBy } from '../obstructions.ts';
import type { Row } from '../row.ts';
import { answer, answerUdp, carries, connect, exchange, mark, sendEcho, sendUdp } from '../traffic.ts';
import { alter } from '../wire/alter.ts';
import { echo, icmp, tcp, UDP, udp } from '../wire/compose.ts';
import { cut } from '../wire/fragments.ts';
import type { Packet } from '../wire/parse.ts';
import { hearsWhole } from './whole.ts';

/** A provider’s new prefix may be followed by a process of the gateway’s: so long it has for that. */
const FOLLOWED_MS = 3000;

const filtered = { ipv6: 'filtered' } as const;
const pair = (network: BehaviourNetwork): [Host, Host] => [network.host('inside', 6), network.host('outside', 6)];
const rejected = { ipv6: 'filtered', rejected: ['2001:db8:2::/64'] } as const;
const isError = ({ type }: Packet): boolean => type >= 1 && type <= 4;
const nextHeader = (type: number, body: readonly number[]) => ({ extensions: [[type, body] as const] });
/** Options headers of eight bytes: a length of 0 and PadN. */
const padding = [0, 1, 4, 0, 0, 0, 0];

export const ipv6Rows: readonly Row[] = [
  {
    id: 'ipv6-out',
    rfc: 'RFC 6092 REC-11, REC-31',
    level: 'must',
    text: 'UDP and TCP from inside and their answers, addresses untouched, hop limit one less',
    setting: filtered,
    async check({ network }) {
      const [han, server] = pair(network);
      const seen = await sendUdp(han, 26001, server, 53);
      must(seen.src === han.address && seen.sport === 26001, `the source has become ${seen.src}:${seen.sport}`);
      must(seen.ttl === 63, `a hop limit of 64 has become ${seen.ttl}`);
      await answerUdp(server, seen, han, 26001);
      const c = await connect(han, 26002, server, 80);
      must(c.seen.src === han.address && c.seen.sport === 26002, 'the source of a SYN has changed');
      await exchange(c);
    },
    broken: {
      how: 'something before the gateway loses UDP from outside',
      obstruct: () => arriving(lose(({ protocol }) => protocol === UDP)),
    },
  },
  {
    id: 'ipv6-in',
    rfc: 'RFC 6092 REC-10, REC-16',
    level: 'must',
    text: 'nothing comes in unasked: SYN, segment, datagram, echo request, error; another server’s answer neither',
    setting: filtered,
    async check({ network }) {
      const [han, server] = pair(network);
      const stranger = network.host('outside', 6);
      await sendUdp(han, 26003, server, 53);
      const to = { src: stranger.address, dst: han.address, sport: 53, dport: 26003 };
      stranger.send(
        udp(to),
        tcp({ ...to, flags: 'S' }),
        tcp({ ...to, flags: 'A', ack: 4 }),
        echo({ ...to, id2: 4 }),
        echo({ ...to, id2: 4, reply: true }),
        icmp({
          ...to,
          type: 1,
          code: 4,
          payload: udp({ src: han.address, dst: stranger.address, sport: 9999, dport: 9 }),
        }),
      );
      await han.hearsNo('what it has not asked for', ({ src }) => src === stranger.address);
    },
    broken: {
      how: 'something before the gateway lets datagrams pass by it',
      obstruct: () => passBy('outside', ({ protocol }) => protocol === UDP),
    },
  },
  {
    id: 'ipv6-icmp-errors',
    rfc: 'RFC 4890 section 4.3.1, RFC 6092 REC-18',
    level: 'must',
    text: 'errors about a session reach the host: unreachable, too big, time exceeded, parameter problem',
    setting: filtered,
    async check({ network }) {
      const [han, server] = pair(network);
      const router = network.host('outside', 6);
      const seen = await sendUdp(han, 26004, server, 53, mark(200));
      for (const [type, code, word] of [
        [1, 0, 0],
        [1, 4, 0],
        [2, 0, 1280],
        [3, 0, 0],
        [4, 1, 0],
      ] as const) {
        router.send(icmp({ src: router.address, dst: han.address, type, code, word, payload: seen.bytes }));
        const error = await han.hears(
          `error ${type}/${code}`,
          (packet) => packet.type === type && packet.code === code,
        );
        must(error.src === router.address && error.word === word, 'its source or its word has changed');
        must(error.quoted?.sport === 26004 && error.quoted.sumsAreRight, 'the quoted packet has changed');
      }
      await answerUdp(server, seen, han, 26004);
    },
    broken: {
      how: 'something before the gateway loses packet too big',
      obstruct: () => arriving(lose(({ type }) => type === 2)),
    },
  },
  {
    id: 'ipv6-echo',
    rfc: 'RFC 4890 section 4.3.1',
    level: 'must',
    text: 'echo requests from inside and their replies',
    setting: filtered,
    async check({ network }) {
      const [han, server] = pair(network);
      const seen = await sendEcho(han, server, 4242);
      must(seen.src === han.address && seen.query === 4242, 'the request has changed');
      const payload = mark(16);
      server.send(echo({ src: server.address, dst: han.address, id2: 4242, reply: true, payload }));
      await han.hears('the reply', carries(payload));
    },
    broken: {
      how: 'something before the gateway loses echo replies',
      obstruct: () => arriving(lose(({ type }) => type === 129)),
    },
  },
  {
    id: 'ipv6-extensions',
    rfc: 'RFC 8200 section 4, RFC 7045',
    level: 'must',
    text: 'extension headers before UDP and TCP (hop-by-hop, destination options) hide no session',
    setting: filtered,
    async check({ network }) {
      const [han, server] = pair(network);
      for (const [i, type] of [0, 60].entries()) {
        const sport = 26005 + i;
        const payload = mark();
        han.send(
          udp({ src: han.address, dst: server.address, sport, dport: 53, payload, ...nextHeader(type, padding) }),
        );
        const seen = await server.hears(`a datagram behind header ${type}`, carries(payload));
        must(seen.options.includes(type), 'the extension header is gone');
        const back = mark();
        server.send(
          udp({
            src: server.address,
            dst: han.address,
            sport: 53,
            dport: sport,
            payload: back,
            ...nextHeader(60, padding),
          }),
        );
        await han.hears('its answer, behind one too', carries(back));
      }
      const stranger = network.host('outside', 6);
      stranger.send(
        udp({ src: stranger.address, dst: han.address, sport: 53, dport: 26005, ...nextHeader(60, padding) }),
      );
      await han.hearsNo('a stranger’s datagram behind an extension header', ({ src }) => src === stranger.address);
    },
    broken: {
      how: 'something before the gateway loses extension headers',
      obstruct: () => arriving(lose(({ options }) => options.length > 0)),
    },
  },
  {
    id: 'ipv6-fragments',
    rfc: 'RFC 8200 section 4.5, RFC 6092 REC-17',
    level: 'must',
    text: 'fragments of a session, in order and reversed, both ways; those of strangers not',
    setting: filtered,
    async check({ network }) {
      const [han, server] = pair(network);
      const stranger = network.host('outside', 6);
      for (const reverse of [false, true]) {
        const order = (pieces: Uint8Array[]) => (reverse ? pieces.toReversed() : pieces);
        const sport = reverse ? 26008 : 26007;
        const out = mark(3000);
        han.send(
          ...order(
            cut(udp({ src: han.address, dst: server.address, sport, dport: 53, payload: out }), 1200, 70_000 + sport),
          ),
        );
        await hearsWhole(server, 'the datagram', carries(out));
        const back = mark(3000);
        server.send(
          ...order(
            cut(
              udp({ src: server.address, dst: han.address, sport: 53, dport: sport, payload: back }),
              1200,
              80_000 + sport,
            ),
          ),
        );
        await hearsWhole(han, 'the answer', carries(back));
      }
      stranger.send(
        ...cut(udp({ src: stranger.address, dst: han.address, sport: 53, dport: 26007, payload: mark(3000) }), 1200, 5),
      );
      await han.hearsNo('a stranger’s fragments', ({ src }) => src === stranger.address);
    },
    broken: {
      how: 'something before the gateway loses later fragments',
      obstruct: () => arriving(lose(({ offset }) => offset > 0)),
    },
  },
  {
    id: 'ipv6-atomic',
    rfc: 'RFC 6946 section 4',
    level: 'must',
    text: 'a fragment that is a whole datagram passes at once, also beside pieces of another with the same identification',
    setting: filtered,
    async check({ network }) {
      const [han, server] = pair(network);
      const to = { src: han.address, dst: server.address, sport: 26017, dport: 53 };
      await sendUdp(han, 26017, server, 53);
      const [head = new Uint8Array()] = cut(udp({ ...to, payload: mark(2000) }), 1200, 90_017);
      han.send(head);
      const payload = mark(40);
      han.send(...cut(udp({ ...to, payload }), 1200, 90_017));
      const seen = await server.hears('the whole fragment', (packet) => !packet.piece && carries(payload)(packet));
      must(seen.src === han.address && seen.sport === 26017, 'its source has changed');
    },
    broken: {
      how: 'something before the gateway loses whole fragments',
      obstruct: () => leaving(lose(({ options, piece }) => options.includes(44) && !piece)),
    },
  },
  {
    id: 'ipv6-overlap',
    rfc: 'RFC 5722, RFC 8200 section 4.5',
    level: 'must',
    text: 'a fragment that overlaps in part one of its datagram ends that: neither it nor what follows goes on',
    setting: filtered,
    async check({ network }) {
      const [han, server] = pair(network);
      const to = { src: han.address, dst: server.address, sport: 26018, dport: 53 };
      await sendUdp(han, 26018, server, 53);
      const whole = udp({ ...to, payload: mark(2992) });
      const [head, , last] = cut(whole, 1000, 90_018);
      const overlapping = cut(whole, 904, 90_018)[1];
      han.send(...[head, overlapping, last].filter((one) => one !== undefined));
      await server.hearsNo('later pieces of a datagram with an overlap', ({ offset }) => offset > 0);
    },
    broken: {
      how: 'something before the gateway lets later fragments pass by it',
      obstruct: () => passBy('inside', ({ offset }) => offset > 0),
    },
  },
  {
    id: 'ipv6-reject',
    rfc: 'RFC 4443 sections 2.4 and 3.1',
    level: 'should',
    text: 'what is rejected is answered, behind extension headers too; the error quotes all that fits in 1,280 bytes',
    setting: rejected,
    async check({ network }) {
      const [han, server] = pair(network);
      const to = { src: han.address, dst: server.address, dport: 53 };
      for (const [sport, size, extensions] of [
        [26020, 40, {}],
        [26021, 40, nextHeader(0, padding)],
        [26022, 40, nextHeader(60, padding)],
        [26023, 1400, {}],
        [26024, 1380, nextHeader(60, padding)],
      ] as const) {
        const packet = udp({ ...to, sport, payload: mark(size), ...extensions });
        han.send(packet);
        const error = await han.hears(`the error for port ${sport}`, ({ quoted }) => quoted?.sport === sport);
        must(error.type === 1 && error.code === 1, `it is ${error.type}/${error.code}`);
        const [length, most] = [error.bytes.length, Math.min(packet.length + 48, 1280)];
        must(length === most, `the error has ${length} bytes, not ${most}`);
      }
      must(!server.heard.length, 'what is rejected goes on');
    },
    broken: { how: 'something behind the gateway loses ICMPv6 errors', obstruct: () => delivered(lose(isError)) },
  },
  {
    id: 'ipv6-hop-limit',
    rfc: 'RFC 4443 section 3.3',
    level: 'must',
    text: 'a hop limit that ends at the gateway is answered by it, quoting the packet',
    setting: filtered,
    async check({ network }) {
      const [han, server] = pair(network);
      han.send(udp({ src: han.address, dst: server.address, sport: 26009, dport: 33434, ttl: 1 }));
      const error = await han.hears('ICMPv6 time exceeded', ({ type }) => type === 3);
      must(error.src === addresses.gateway6, `it comes from ${error.src}`);
      must(error.quoted?.src === han.address && error.quoted.sport === 26009, 'it quotes another packet');
      must(!server.heard.length, 'the packet goes on');
    },
    broken: { how: 'something behind the gateway loses ICMPv6 errors', obstruct: () => delivered(lose(isError)) },
  },
  {
    id: 'ipv6-too-big',
    rfc: 'RFC 4443 section 3.2',
    level: 'must',
    text: 'a packet too long for the wan is answered by the gateway: packet too big, with the MTU',
    setting: { ipv6: 'filtered', wanMtu: 1400 },
    async check({ network }) {
      const [han, server] = pair(network);
      await sendUdp(han, 26010, server, 53);
      han.send(udp({ src: han.address, dst: server.address, sport: 26010, dport: 53, payload: mark(1450) }));
      const error = await han.hears('packet too big', ({ type }) => type === 2);
      must(error.word === 1400, `it says an MTU of ${error.word}`);
      must(error.quoted?.sport === 26010, 'it quotes another packet');
      await sendUdp(han, 26010, server, 53, mark(1400 - 48));
    },
    broken: { how: 'something behind the gateway loses ICMPv6 errors', obstruct: () => delivered(lose(isError)) },
  },
  {
    id: 'ipv6-npt',
    rfc: 'RFC 6296',
    level: 'should',
    text: 'NPTv6: the prefix is exchanged, one address for one address, both ways',
    setting: { ipv6: 'npt' },
    async check({ network }) {
      const server = network.host('outside', 6);
      const seen = [];
      for (const host of [network.host('inside', 6), network.host('inside', 6)]) {
        const packet = await sendUdp(host, 26011, server, 53);
        must(
          packet.src.startsWith('2001:db8:fffe:') && packet.sport === 26011,
          `the source is ${packet.src}:${packet.sport}`,
        );
        must((await sendUdp(host, 26012, server, 54)).src === packet.src, 'one host has two addresses');
        await answerUdp(server, packet, host, 26011);
        seen.push(packet.src);
      }
      must(seen[0] !== seen[1], 'two hosts have one address');
    },
    broken: { how: 'without translation', setting: filtered },
  },
  {
    id: 'ipv6-npt-neutral',
    rfc: 'RFC 6296 section 3.1',
    level: 'must',
    text: 'NPTv6 is checksum-neutral: the checksum of what it carries is the one that was sent',
    setting: { ipv6: 'npt' },
    async check({ network }) {
      const [han, server] = pair(network);
      const packet = udp({ src: han.address, dst: server.address, sport: 26013, dport: 53, payload: mark() });
      han.send(packet);
      const seen = await server.hears('the datagram', ({ dport, sport }) => dport === 53 && sport === 26013);
      must(seen.src.startsWith('2001:db8:fffe:'), `the source is ${seen.src}`);
      const sent = ((packet[46] ?? 0) << 8) | (packet[47] ?? 0);
      must(seen.sum === sent, `the checksum ${sent.toString(16)} has become ${seen.sum.toString(16)}`);
    },
    broken: {
      how: 'something before the gateway exchanges a bit of the address and mends the checksum',
      obstruct: () =>
        leaving((packet) =>
          packet.dport === 53 ? [alter(packet, { src: `${packet.src.replace(/::.*/, '')}::77` })] : undefined,
        ),
    },
  },
  {
    id: 'ipv6-npt-renumbered',
    rfc: 'RFC 6296, RFC 4862 section 5.5.4',
    level: 'should',
    text: 'NPTv6 follows another prefix of the wan: new connections have it, answers to the old one reach nobody',
    setting: { ipv6: 'npt-followed' },
    alone: true,
    async check({ network }) {
      const { gateway } = network;
      const [han, server] = pair(network);
      const before = await sendUdp(han, 26015, server, 53);
      must(before.src !== han.address, 'the source stays what it is');
      await answerUdp(server, before, han, 26015);
      await gateway.ip('addr add 2001:db8:fffd::7/64 dev wan0 nodad', `addr del ${addresses.wan6}/64 dev wan0`);
      await pause(FOLLOWED_MS);
      const after = await sendUdp(network.host('inside', 6), 26016, server, 53);
      must(after.src.startsWith('2001:db8:fffd:'), `a new connection has the source ${after.src}`);
      han.send(udp({ src: han.address, dst: server.address, sport: 26015, dport: 53 })); // may end the old connection
      const again = await sendUdp(han, 26015, server, 53);
      must(again.src.startsWith('2001:db8:fffd:'), `what the host sends on has the source ${again.src}`);
      answer(server, before, 53);
      await han.hearsNo('what is sent to its old address');
    },
    broken: { how: 'with a prefix that stays', setting: { ipv6: 'npt' } },
  },
  {
    id: 'ipv6-masqueraded',
    rfc: 'RFC 3022 for IPv6 (NAT66)',
    level: 'should',
    text: 'IPv6 masquerade by choice: hosts share the wan’s address and keep apart',
    setting: { ipv6: 'masqueraded' },
    async check({ network }) {
      const server = network.host('outside', 6);
      const hosts = [network.host('inside', 6), network.host('inside', 6)] as const;
      const seen = [];
      for (const host of hosts) seen.push(await sendUdp(host, 26014, server, 53));
      must(
        seen.every(({ src }) => src === addresses.wan6),
        `the source is ${seen.map(({ src }) => src).join(', ')}`,
      );
      must(seen[0]?.sport !== seen[1]?.sport, 'both have one port');
      for (const i of [1, 0]) await answerUdp(server, seen[i] as Packet, hosts[i] as Host, 26014);
      answer(network.host('outside', 6), seen[0] as Packet, 53);
      await hosts[0].hearsNo('a stranger’s datagram');
    },
    broken: { how: 'without translation', setting: filtered },
  },
  {
    id: 'ipv6-masqueraded-ids',
    rfc: 'RFC 8200 section 4.5 (NAT66)',
    level: 'must',
    text: 'two masqueraded hosts that send fragments with equal identifications to one server: it can put both together',
    setting: { ipv6: 'masqueraded' },
    async check({ network }) {
      const server = network.host('outside', 6);
      const sent = [network.host('inside', 6), network.host('inside', 6)].map((host) => {
        const payload = mark(2500);
        const whole = udp({ src: host.address, dst: server.address, sport: 26019, dport: 53, payload });
        return { host, payload, pieces: cut(whole, 1000, 90_019) };
      });
      for (let i = 0; i < 3; i++)
        for (const { host, pieces } of sent) if (pieces[i]) host.send(pieces[i] as Uint8Array);
      for (const { host, payload } of sent)
        await hearsWhole(server, `the datagram of ${host.address}`, carries(payload));
    },
    broken: {
      how: 'something before the gateway gives every fragment the same identification',
      obstruct: () => leaving((packet) => (packet.piece ? [Uint8Array.from(packet.bytes).fill(7, 44, 48)] : undefined)),
    },
  },
];
