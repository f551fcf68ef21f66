/** Whom a UDP mapping lets in, and hairpinning: RFC 4787 sections 5 and 6. */
import { must } from '../failure.ts';
import { addresses, type BehaviourNetwork } from '../network.ts';
import { delivered, lose } from '../obstructions.ts';
import type { Row } from '../row.ts';
import { answer, answerUdp, carries, mark, sendUdp } from '../traffic.ts';
import { alter } from '../wire/alter.ts';
import { udp } from '../wire/compose.ts';
import { checkNatDiscovery } from './nat-discovery.ts';

/** A mapping that has been used towards one server; who else is let in? */
async function findFiltering(network: BehaviourNetwork, sport: number): Promise<{ address: boolean; anyone: boolean }> {
  const [han, server, stranger] = [network.host('inside'), network.host('outside'), network.host('outside')];
  const seen = await sendUdp(han, sport, server, 53);
  await answerUdp(server, seen, han, sport);
  const [other, foreign] = [answer(server, seen, 4053), answer(stranger, seen, 53)];
  await network.settle();
  const got = (payload: Uint8Array) => han.heard.some(({ packet }) => carries(payload)(packet));
  return { address: got(other), anyone: got(foreign) };
}

const redirects = [{ protocol: 'udp', port: 5300, to: '192.168.50.80', toPort: 53 }] as const;

export const filteringRows: readonly Row[] = [
  {
    id: 'udp-8',
    rfc: 'RFC 4787 REQ-8',
    level: 'should',
    text: 'address-dependent filtering (the default): a server that was written to may answer from any port, others may not',
    async check({ network }) {
      const { address, anyone } = await findFiltering(network, 20071);
      must(address, 'the server is not let in from another port');
      must(!anyone, 'a stranger is let in');
    },
    broken: { how: '`filtering endpoint-independent`', setting: { filtering: 'endpoint-independent' } },
  },
  {
    id: 'udp-8-natdiscovery',
    rfc: 'RFC 4787 REQ-8',
    level: 'should',
    text: 'a STUN client finds address-dependent filtering by default',
    how: 'turnutils_natdiscovery against turnserver with two addresses',
    programs: ['turnutils_natdiscovery', 'turnserver'],
    check: (scene) => checkNatDiscovery(scene, '-f', /^NAT with Address Dependent Filtering/),
    broken: { how: '`filtering endpoint-independent`', setting: { filtering: 'endpoint-independent' } },
  },
  {
    id: 'udp-8-independent',
    rfc: 'RFC 4787 REQ-8',
    level: 'should',
    text: 'endpoint-independent filtering by choice: anyone may write to the mapping',
    setting: { filtering: 'endpoint-independent' },
    async check({ network }) {
      const { address, anyone } = await findFiltering(network, 20072);
      must(address && anyone, `${address ? 'a stranger' : 'the server from another port'} is not let in`);
    },
    broken: { how: '`filtering address-dependent`', setting: { filtering: 'address-dependent' } },
  },
  {
    id: 'udp-8-port',
    rfc: 'RFC 4787 section 5',
    level: 'should',
    text: 'address- and port-dependent filtering by choice: only the socket that was written to may answer',
    setting: { filtering: 'address-and-port-dependent' },
    async check({ network }) {
      const { address, anyone } = await findFiltering(network, 20073);
      must(!address && !anyone, `${anyone ? 'a stranger' : 'the server from another port'} is let in`);
    },
    broken: { how: '`filtering address-dependent`', setting: { filtering: 'address-dependent' } },
  },
  {
    id: 'udp-8-denied',
    rfc: 'RFC 4787 section 5',
    level: 'should',
    text: 'whom the gateway denies is not let in by a mapping either',
    setting: { filtering: 'endpoint-independent', blocked: ['198.19.66.0/24'] },
    async check({ network }) {
      const [han, server, blocked] = [
        network.host('inside'),
        network.host('outside'),
        network.hostAt('outside', '198.19.66.6'),
      ];
      const seen = await sendUdp(han, 20074, server, 53);
      answer(blocked, seen, 53);
      await han.hearsNo('a datagram of a blocked address', (packet) => packet.src === blocked.address);
      await answerUdp(server, seen, han, 20074);
    },
    broken: { how: 'without the `deny`', setting: { filtering: 'endpoint-independent' } },
  },
  {
    id: 'udp-9',
    rfc: 'RFC 4787 REQ-9, 9a',
    level: 'must',
    text: 'hairpinning: two inside hosts reach each other by their outside addresses and see each other so',
    async check({ network }) {
      const [han, luke, server] = [network.host('inside'), network.host('inside'), network.host('outside')];
      const [ofHan, ofLuke] = [await sendUdp(han, 20081, server, 53), await sendUdp(luke, 20082, server, 53)];
      const write = (from: typeof han, sport: number, to: typeof ofHan) => {
        const payload = mark();
        from.send(udp({ src: from.address, dst: to.src, sport, dport: to.sport, payload }));
        return payload;
      };
      write(han, 20081, ofLuke); // opens han's filter, as ICE does
      for (const [from, sport, mine, to, theirs] of [
        [luke, 20082, ofLuke, han, ofHan],
        [han, 20081, ofHan, luke, ofLuke],
      ] as const) {
        const got = await to.hears('a hairpinned datagram', carries(write(from, sport, theirs)));
        must(
          got.src === mine.src && got.sport === mine.sport,
          `its source is ${got.src}:${got.sport}, not ${mine.src}:${mine.sport}`,
        );
      }
    },
    broken: {
      how: 'something behind the gateway shows the inside address (internal source behaviour)',
      obstruct: () =>
        delivered((packet) => (packet.src === addresses.wan ? [alter(packet, { src: '192.168.1.77' })] : undefined)),
    },
  },
  {
    id: 'udp-9-redirect',
    rfc: 'RFC 4787 REQ-9',
    level: 'must',
    text: 'hairpinning of redirects: an inside host reaches a published one by the outside address',
    setting: { redirects },
    async check({ network }) {
      const [han, target] = [network.host('inside'), network.hostAt('inside', '192.168.50.80')];
      const payload = mark();
      han.send(udp({ src: han.address, dst: addresses.wan, sport: 20083, dport: 5300, payload }));
      const got = await target.hears('the redirected datagram', carries(payload));
      must(got.dport === 53, `it comes to port ${got.dport}`);
      must(got.src === addresses.wan, `its source is ${got.src}`);
      const back = mark();
      target.send(udp({ src: target.address, dst: got.src, sport: 53, dport: got.sport, payload: back }));
      const reply = await han.hears('the answer', carries(back));
      must(reply.src === addresses.wan && reply.sport === 5300, `the answer comes from ${reply.src}:${reply.sport}`);
    },
    broken: {
      how: 'something behind the gateway loses what is sent back inside',
      obstruct: () => delivered(lose((p) => p.src === addresses.wan)),
    },
  },
];
