/** Fragments: RFC 4787 section 11 (REQ-14) and RFC 5508 for those of ICMP. */
import { must } from '../failure.ts';
import type { Host } from '../host.ts';
import { arriving, leaving, lose, passBy, submitted } from '../obstructions.ts';
import type { Row } from '../row.ts';
import { carries, mark, sendEcho, sendUdp } from '../traffic.ts';
import { alter } from '../wire/alter.ts';
import { echo, ICMP, icmp, udp } from '../wire/compose.ts';
import { cut } from '../wire/fragments.ts';
import type { Packet } from '../wire/parse.ts';
import { hearsWhole } from './whole.ts';

type Order = (pieces: readonly Uint8Array[]) => readonly Uint8Array[];
const inOrder: Order = (pieces) => pieces;
const reversed: Order = (pieces) => pieces.toReversed();
/** Odd ones first, the head in the midst. */
const shuffled: Order = (pieces) => [
  ...pieces.filter((_, i) => i % 2 === 1),
  ...pieces.filter((_, i) => i % 2 === 0 && i > 0),
  ...pieces.slice(0, 1),
];

let ids = 4000;
const nextId = () => {
  ids += 1;
  return ids;
};

async function sendOut(han: Host, server: Host, order: Order, size: number, piece: number): Promise<void> {
  const first = await sendUdp(han, 20101, server, 53);
  const payload = mark(size);
  const whole = udp({ src: han.address, dst: server.address, sport: 20101, dport: 53, payload });
  han.send(...order(cut(whole, piece, nextId())));
  const got = await hearsWhole(server, 'the datagram', carries(payload));
  must(
    got.src === first.src && got.sport === first.sport,
    `it comes from ${got.src}:${got.sport}, not from ${first.src}:${first.sport}`,
  );
}

async function sendIn(han: Host, server: Host, order: Order, size: number, piece: number): Promise<void> {
  const seen = await sendUdp(han, 20102, server, 53);
  const payload = mark(size);
  const whole = udp({ src: server.address, dst: seen.src, sport: 53, dport: seen.sport, payload });
  server.send(...order(cut(whole, piece, nextId())));
  const got = await hearsWhole(han, 'the datagram', carries(payload));
  must(got.dport === 20102, `it comes to port ${got.dport}`);
}

/** Later pieces that come before their head. */
function loseEarly() {
  const heads = new Set<string>();
  return (packet: Packet) => {
    const key = `${packet.src} ${packet.id}`;
    if (packet.offset === 0) heads.add(key);
    return packet.offset > 0 && !heads.has(key) ? [] : undefined;
  };
}
const loseLater = lose(({ offset }) => offset > 0);

export const fragmentRows: readonly Row[] = [
  {
    id: 'udp-14-out',
    rfc: 'RFC 4787 REQ-14',
    level: 'must',
    text: 'fragments in order, outbound',
    async check({ network }) {
      await sendOut(network.host('inside'), network.host('outside'), inOrder, 3000, 1480);
    },
    broken: { how: 'something before the gateway loses later fragments', obstruct: () => leaving(loseLater) },
  },
  {
    id: 'udp-14-in',
    rfc: 'RFC 4787 REQ-14',
    level: 'must',
    text: 'fragments in order, inbound',
    async check({ network }) {
      await sendIn(network.host('inside'), network.host('outside'), inOrder, 3000, 1480);
    },
    broken: { how: 'something before the gateway loses later fragments', obstruct: () => arriving(loseLater) },
  },
  {
    id: 'udp-14-out-shuffled',
    rfc: 'RFC 4787 REQ-14a',
    level: 'must',
    text: 'fragments out of order, outbound: reversed, and nine pieces shuffled',
    async check({ network }) {
      await sendOut(network.host('inside'), network.host('outside'), reversed, 3000, 1480);
      await sendOut(network.host('inside'), network.host('outside'), shuffled, 4200, 480);
    },
    broken: {
      how: 'something before the gateway loses fragments that come before their head',
      obstruct: () => submitted(loseEarly()),
    },
  },
  {
    id: 'udp-14-in-shuffled',
    rfc: 'RFC 4787 REQ-14a',
    level: 'must',
    text: 'fragments out of order, inbound: reversed, and nine pieces shuffled',
    async check({ network }) {
      await sendIn(network.host('inside'), network.host('outside'), reversed, 3000, 1480);
      await sendIn(network.host('inside'), network.host('outside'), shuffled, 4200, 480);
    },
    broken: {
      how: 'something before the gateway loses fragments that come before their head',
      obstruct: () => arriving(loseEarly()),
    },
  },
  {
    id: 'udp-14-ids',
    rfc: 'RFC 4787 section 11, RFC 7857 section 12',
    level: 'must',
    text: 'two inside hosts that send fragments with equal IDs to one server at once: it can put both together',
    async check({ network }) {
      const [han, luke, server] = [network.host('inside'), network.host('inside'), network.host('outside')];
      const id = nextId();
      const sent = [han, luke].map((host) => {
        const payload = mark(2500);
        return {
          host,
          payload,
          pieces: cut(udp({ src: host.address, dst: server.address, sport: 20103, dport: 53, payload }), 800, id),
        };
      });
      for (let i = 0; i < 4; i++)
        for (const { host, pieces } of sent) if (pieces[i]) host.send(pieces[i] as Uint8Array);
      for (const { host, payload } of sent)
        await hearsWhole(server, `the datagram of ${host.address}`, carries(payload));
    },
    broken: {
      how: 'something before the gateway gives every fragment the same ID, and delays a datagram’s last one',
      obstruct: () => {
        let late: Uint8Array | null = null;
        return leaving((packet) => {
          if (!packet.piece) return undefined;
          const same = alter(packet, { id: 77 });
          if (!packet.mf && late === null) {
            late = same;
            return [];
          }
          const both = late === null ? [same] : [same, late];
          late = late === null ? null : new Uint8Array();
          return both.filter(({ length }) => length > 0);
        });
      },
    },
  },
  {
    id: 'udp-14-tail',
    rfc: 'RFC 3022 section 6.3',
    level: 'must',
    text: 'a later fragment whose head never comes does not leave with an inside address, nor at all',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      await sendUdp(han, 20104, server, 53);
      const whole = udp({ src: han.address, dst: server.address, sport: 20104, dport: 53, payload: mark(2500) });
      han.send(...cut(whole, 800, nextId()).slice(1));
      await server.hearsNo('a fragment without its head');
      must(
        network.sent.outside.every(({ src }) => !network.isInsideAddress(src)),
        'an inside address leaves',
      );
    },
    broken: {
      how: 'something before the gateway lets later fragments pass by it',
      obstruct: () => passBy('inside', ({ offset }) => offset > 0),
    },
  },
  {
    id: 'udp-14-flood',
    rfc: 'RFC 4787 REQ-14b',
    level: 'must',
    text: 'a flood of fragments that never become whole does not keep others’ from being translated',
    alone: true,
    async check({ network }) {
      const [han, server, flooder] = [network.host('inside'), network.host('outside'), network.host('outside')];
      const seen = await sendUdp(network.host('inside'), 20105, flooder, 53);
      for (let i = 0; i < 3000; i++) {
        const whole = udp({ src: flooder.address, dst: seen.src, sport: 53, dport: seen.sport, payload: mark(1200) });
        const pieces = cut(whole, 800, i);
        flooder.send(pieces[i % 2] as Uint8Array);
      }
      await sendIn(han, server, inOrder, 3000, 1480);
    },
    broken: {
      how: 'something before the gateway takes 100 fragments and no more',
      obstruct: () => {
        let pieces = 0;
        return arriving((packet) => {
          if (packet.piece) pieces += 1;
          return packet.piece && pieces > 100 ? [] : undefined;
        });
      },
    },
  },
  {
    id: 'icmp-fragments-echo',
    rfc: 'RFC 5508 REQ-1, RFC 4787 REQ-14',
    level: 'must',
    text: 'a fragmented ping, there and back',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const payload = mark(3000);
      han.send(...cut(echo({ src: han.address, dst: server.address, id2: 77, payload }), 1480, nextId()));
      const seen = await hearsWhole(server, 'the echo request', ({ type }) => type === 8);
      const reply = echo({ src: server.address, dst: seen.src, id2: seen.query, reply: true, payload });
      server.send(...cut(reply, 1480, nextId()).toReversed());
      const got = await hearsWhole(han, 'the echo reply', ({ type }) => type === 0);
      must(got.query === 77, `the reply's identifier is ${got.query}`);
    },
    broken: { how: 'something before the gateway loses later fragments', obstruct: () => arriving(loseLater) },
  },
  {
    id: 'icmp-fragments-error',
    rfc: 'RFC 5508 REQ-4, RFC 4787 REQ-14',
    level: 'must',
    text: 'an ICMP error in fragments, in order and reversed',
    async check({ network }) {
      const [han, server, router] = [network.host('inside'), network.host('outside'), network.host('outside')];
      for (const order of [inOrder, reversed]) {
        const seen = await sendUdp(han, 20106, server, 53, mark(1000));
        const error = icmp({ src: router.address, dst: seen.src, type: 3, code: 1, payload: seen.bytes });
        router.send(...order(cut(error, 520, nextId())));
        const got = await hearsWhole(han, 'the ICMP error', ({ protocol, type }) => protocol === ICMP && type === 3);
        must(got.quoted?.src === han.address && got.quoted.sport === 20106, 'the quoted packet is not translated');
        must(got.quoted.sumsAreRight, 'a checksum of the quoted packet is wrong');
        han.heard.length = 0;
      }
      await sendEcho(han, server, 5);
    },
    broken: { how: 'something before the gateway loses later fragments', obstruct: () => arriving(loseLater) },
  },
];
