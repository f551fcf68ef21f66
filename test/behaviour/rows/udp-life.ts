/** How long a UDP mapping lives, and what ICMP does to it: RFC 4787 sections 4.3 and 9 to 11. */
import { setTimeout as pause } from 'node:timers/promises';
import { must } from '../failure.ts';
import { readLifetime } from '../lifetime.ts';
import { addresses } from '../network.ts';
import { all, arriving, delivered, leaving, lose } from '../obstructions.ts';
import type { Row, Scene } from '../row.ts';
import { answer, answerUdp, carries, mark, sendUdp } from '../traffic.ts';
import { icmp, udp } from '../wire/compose.ts';
import { hearsWhole } from './whole.ts';

/** Seconds that an unanswered and an answered datagram's mapping live. */
async function readLifetimes(scene: Scene): Promise<[unanswered: number, answered: number]> {
  const { network } = scene;
  const [han, a, b] = [network.host('inside'), network.host('outside'), network.host('outside')];
  await sendUdp(han, 20091, a, 53);
  const unanswered = await readLifetime(scene, { protocol: 'udp', src: han.address, sport: 20091, dst: a.address });
  await answerUdp(b, await sendUdp(han, 20092, b, 53), han, 20092);
  const answered = await readLifetime(scene, { protocol: 'udp', src: han.address, sport: 20092, dst: b.address });
  return [unanswered.most, answered.most];
}

const brief = { timeouts: { udp: 2 } } as const;
const lived = 'read from the gateway’s table';

export const lifeRows: readonly Row[] = [
  {
    id: 'udp-5',
    rfc: 'RFC 4787 REQ-5',
    level: 'must',
    text: 'an idle mapping lives for 2 minutes at least, answered or not',
    how: lived,
    async check(scene) {
      const [unanswered, answered] = await readLifetimes(scene);
      must(unanswered >= 119, `an unanswered one lives for ${unanswered.toFixed()} s`);
      must(answered >= 119, `an answered one lives for ${answered.toFixed()} s`);
    },
    broken: { how: '`timeout udp 60s`', setting: { timeouts: { udp: 60 } } },
  },
  {
    id: 'udp-5-five',
    rfc: 'RFC 4787 REQ-5c',
    level: 'should',
    text: 'an idle mapping lives for 5 minutes by default',
    how: lived,
    async check(scene) {
      const [unanswered, answered] = await readLifetimes(scene);
      must(unanswered >= 299, `an unanswered one lives for ${unanswered.toFixed()} s`);
      must(answered >= 299, `an answered one lives for ${answered.toFixed()} s`);
    },
    broken: { how: '`timeout udp 150s`', setting: { timeouts: { udp: 150 } } },
  },
  {
    id: 'udp-5-set',
    rfc: 'RFC 4787 REQ-5b',
    level: 'should',
    text: 'the time can be set: the mapping works before its end and not after it',
    how: 'waited for, with 2 s for the 5 min',
    setting: brief,
    async check({ network }) {
      const [han, a, b] = [network.host('inside'), network.host('outside'), network.host('outside')];
      const [early, late] = [await sendUdp(han, 20093, a, 53), await sendUdp(network.host('inside'), 20094, b, 53)];
      await pause(1200);
      await answerUdp(a, early, han, 20093);
      await pause(3000);
      answer(b, late);
      await network.settle();
      must(!network.sent.inside.some(({ src }) => src === b.address), 'after 4.2 s the mapping is still there');
    },
    broken: { how: '`timeout udp 60s`', setting: { timeouts: { udp: 60 } } },
  },
  {
    id: 'udp-6',
    rfc: 'RFC 4787 REQ-6',
    level: 'must',
    text: 'what the inside sends keeps its mapping alive, without any answer',
    how: 'waited for, with 2 s for the 5 min',
    setting: brief,
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const seen = await sendUdp(han, 20095, server, 53);
      for (let i = 0; i < 6; i++) {
        await pause(800);
        must((await sendUdp(han, 20095, server, 53)).sport === seen.sport, 'the outside port has changed');
      }
      await answerUdp(server, seen, han, 20095);
    },
    broken: {
      how: 'something before the gateway loses answers 2 s after a mapping’s first packet',
      obstruct: () => {
        const first = new Map<number, number>();
        return all(
          leaving(({ sport }) => {
            if (!first.has(sport)) first.set(sport, Date.now());
            return undefined;
          }),
          arriving(lose(({ dport }) => Date.now() - (first.get(dport) ?? Date.now()) > 2000)),
        );
      },
    },
  },
  {
    id: 'udp-6-outbound',
    rfc: 'RFC 4787 REQ-6, RFC 7857',
    level: 'should',
    text: 'by choice only what the inside sends keeps a mapping alive, not what comes from outside, from ever new ports either',
    how: 'waited for, with 2 s for the 5 min',
    setting: { ...brief, refresh: 'outbound' },
    async check({ network }) {
      const [han, a, b, c] = [
        network.host('inside'),
        network.host('outside'),
        network.host('outside'),
        network.host('outside'),
      ];
      const [answered, besieged] = [await sendUdp(han, 20098, a, 53), await sendUdp(han, 20099, b, 53)];
      const kept = await sendUdp(han, 20100, c, 53);
      for (let i = 0; i < 14; i++) {
        await pause(500);
        if (i < 2) await answerUdp(a, answered, han, 20098);
        else answer(a, answered);
        answer(b, besieged, 7000 + i);
        must((await sendUdp(han, 20100, c, 53)).sport === kept.sport, 'the mapping that the inside uses has changed');
      }
      await answerUdp(c, kept, han, 20100);
      await network.settle();
      const before = network.sent.inside.length;
      answer(a, answered);
      answer(b, besieged, 8000);
      await network.settle();
      const late = network.sent.inside.slice(before);
      must(!late.some(({ src }) => src === a.address), 'after 7 s of answers their mapping is still there');
      must(
        !late.some(({ src }) => src === b.address),
        'after 7 s of packets from new ports the mapping is still there',
      );
    },
    broken: { how: '`refresh both`', setting: { ...brief, refresh: 'both' } },
  },
  {
    id: 'udp-12',
    rfc: 'RFC 4787 REQ-12',
    level: 'must',
    text: 'no ICMP message ends a mapping',
    async check({ network }) {
      const [han, server, router] = [network.host('inside'), network.host('outside'), network.host('outside')];
      const seen = await sendUdp(han, 20096, server, 53);
      const errors = [...Array.from({ length: 16 }, (_, code) => [3, code]), [4, 0], [11, 0], [11, 1], [12, 0]];
      for (const [type, code] of errors) {
        const payload = seen.bytes.subarray(0, 28);
        const word = type === 3 && code === 4 ? 1400 : 0;
        router.send(icmp({ src: router.address, dst: seen.src, type: type ?? 0, code: code ?? 0, word, payload }));
        const after = await sendUdp(han, 20096, server, 53);
        must(after.sport === seen.sport, `after ICMP ${type}/${code} the outside port is another`);
        await answerUdp(server, seen, han, 20096);
      }
    },
    broken: {
      how: 'something before the gateway loses what comes to a port that an ICMP error has spoken of',
      obstruct: () => {
        const dead = new Set<number>();
        return arriving((packet) => {
          if (packet.quoted !== null) dead.add(packet.quoted.sport);
          return packet.quoted === null && dead.has(packet.dport) ? [] : undefined;
        });
      },
    },
  },
  {
    id: 'udp-13',
    rfc: 'RFC 4787 REQ-13',
    level: 'must',
    text: 'a packet with DF that is too long for the wan is answered by the gateway: fragmentation needed, with the MTU',
    setting: { wanMtu: 1400 },
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const first = await sendUdp(han, 20097, server, 53);
      for (const size of [1401, 1450, 1500]) {
        const packet = udp({
          src: han.address,
          dst: server.address,
          sport: 20097,
          dport: 53,
          df: true,
          payload: mark(size - 28),
        });
        han.send(packet);
        const error = await han.hears('ICMP fragmentation needed', ({ type, code }) => type === 3 && code === 4);
        must((error.word & 0xffff) === 1400, `it says an MTU of ${error.word & 0xffff}`);
        must(error.src === addresses.gateway, `it comes from ${error.src}`);
        const { quoted } = error;
        must(
          quoted?.src === han.address && quoted.sport === 20097 && quoted.dst === server.address,
          'it quotes another packet than was sent',
        );
      }
      await server.hearsNo('what is too long');
      const fitting = await sendUdp(han, 20097, server, 53, mark(1400 - 28));
      must(fitting.sport === first.sport, 'the mapping is another one afterwards');
    },
    broken: {
      how: 'something behind the gateway loses ICMP errors',
      obstruct: () => delivered(lose(({ type }) => type === 3)),
    },
  },
  {
    id: 'udp-13-cut',
    rfc: 'RFC 791',
    level: 'must',
    text: 'without DF it is cut into pieces, and every piece is translated',
    setting: { wanMtu: 1400 },
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const first = await sendUdp(han, 20098, server, 53);
      const payload = mark(1450);
      han.send(udp({ src: han.address, dst: server.address, sport: 20098, dport: 53, payload }));
      const got = await hearsWhole(server, 'the datagram', carries(payload));
      must(got.src === first.src && got.sport === first.sport, `it comes from ${got.src}:${got.sport}`);
    },
    broken: {
      how: 'something before the gateway loses later fragments',
      obstruct: () => leaving(lose(({ offset }) => offset > 0)),
    },
  },
];
