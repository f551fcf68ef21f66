/** What may never leave, what the gateway keeps for itself, and what it says about what it drops: RFC 3022 and others. */

import { node, startDhcpServer } from '../../lab/servers.ts';
import { must } from '../failure.ts';
import { addresses } from '../network.ts';
import { arriving, delivered, leaving, lose, passBy } from '../obstructions.ts';
import type { Row } from '../row.ts';
import { answer, answerUdp, carries, connect, mark, sendSyn, sendUdp } from '../traffic.ts';
import { toBytes } from '../wire/addresses.ts';
import { alter } from '../wire/alter.ts';
import { echo, icmp, TCP, tcp, udp } from '../wire/compose.ts';
import type { Packet } from '../wire/parse.ts';

const isTcpWithoutSyn = ({ protocol, flags }: Packet): boolean => protocol === TCP && !flags.includes('S');

/** A frame without its VLAN tag. */
const untag = (frame: Uint8Array): Uint8Array => Uint8Array.from([...frame.subarray(0, 12), ...frame.subarray(16)]);

export const strayRows: readonly Row[] = [
  {
    id: 'nat-strays-out',
    rfc: 'RFC 3022 section 2, RFC 5382',
    level: 'must',
    text: 'nothing leaves with an inside address: a lone RST, a late FIN, an unasked echo reply, an ICMP error about nothing are dropped',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const to = { src: han.address, dst: server.address, sport: 23001, dport: 80 };
      const about = udp({ src: server.address, dst: han.address, sport: 53, dport: 23009 });
      han.send(
        tcp({ ...to, flags: 'R', seq: 7 }),
        tcp({ ...to, sport: 23002, flags: 'FA', seq: 7, ack: 9 }),
        tcp({ ...to, sport: 23003, flags: 'RA', seq: 7, ack: 9 }),
        tcp({ ...to, sport: 23004, flags: 'SA', seq: 7, ack: 9 }),
        echo({ src: han.address, dst: server.address, id2: 4, reply: true }),
        icmp({ src: han.address, dst: server.address, type: 3, code: 3, payload: about }),
        icmp({ src: han.address, dst: server.address, type: 11, code: 0, payload: about }),
      );
      await server.hearsNo('a stray');
      must(
        network.sent.outside.every(({ src }) => !network.isInsideAddress(src)),
        'an inside address leaves',
      );
    },
    broken: {
      how: 'something before the gateway lets segments without SYN pass by it',
      obstruct: () => passBy('inside', isTcpWithoutSyn),
    },
  },
  {
    id: 'nat-strays-ended',
    rfc: 'RFC 3022 section 2',
    level: 'must',
    text: 'the last segments of a connection that the gateway has forgotten do not leave with an inside address',
    setting: { timeouts: { tcp: 2, 'tcp-syn': 2, 'tcp-fin': 2, udp: 2 } },
    async check(scene) {
      const { network, gateway } = scene;
      const c = await connect(network.host('inside'), 23005, network.host('outside'), 80);
      const started = { protocol: 'tcp', src: c.client.address, sport: 23005, dst: c.server.address } as const;
      const end = performance.now() + 15_000;
      while ((await gateway.lifetime(network, started)) !== null && performance.now() < end);
      network.forget();
      const to = { src: c.client.address, dst: c.server.address, sport: 23005, dport: 80, ack: 50_001 };
      c.client.send(
        tcp({ ...to, flags: 'FA', seq: 1001 }),
        tcp({ ...to, flags: 'R', seq: 1002 }),
        tcp({ ...to, flags: 'A', seq: 1001 }),
      );
      await network.settle();
      must(
        network.sent.outside.every(({ src }) => !network.isInsideAddress(src)),
        'an inside address leaves',
      );
    },
    broken: {
      how: 'something before the gateway lets RST and FIN pass by it',
      obstruct: () => passBy('inside', ({ flags }) => /[FR]/.test(flags)),
    },
  },
  {
    id: 'nat-strays-in',
    rfc: 'RFC 3022 section 2',
    level: 'must',
    text: 'nothing comes in that nobody asked for: segments, replies and errors without a session, packets to inside addresses',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      await sendUdp(han, 23006, server, 53);
      const stranger = network.host('outside');
      const to = { src: stranger.address, dst: addresses.wan, sport: 80, dport: 23006 };
      stranger.send(
        tcp({ ...to, flags: 'S' }),
        tcp({ ...to, flags: 'A', ack: 5 }),
        tcp({ ...to, flags: 'R' }),
        udp(to),
        udp({ ...to, dst: han.address }),
        tcp({ ...to, dst: han.address, flags: 'S' }),
        echo({ src: stranger.address, dst: addresses.wan, id2: 4, reply: true }),
        echo({ src: stranger.address, dst: han.address, id2: 4 }),
      );
      await network.settle();
      must(!network.sent.inside.some(({ src }) => src === stranger.address), 'a stranger’s packet is let in');
    },
    broken: {
      how: 'something before the gateway lets packets to inside addresses pass by it',
      obstruct: () => passBy('outside', ({ dst }) => dst.startsWith('192.168.')),
    },
  },
  {
    id: 'nat-own',
    rfc: 'RFC 3022 section 2.2',
    level: 'must',
    text: 'the gateway’s own socket and an inside host’s with the same port, to one server, are kept apart',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const own = network.gateway.start(...node('udp-client', server.address, '53', '23007'));
      try {
        await own.says(/ready/);
        own.write('from the gateway');
        const first = await server.hears(
          'the gateway’s datagram',
          ({ payload }) => Buffer.from(payload).toString() === 'from the gateway',
        );
        must(first.src === addresses.wan, `it comes from ${first.src}`);
        const seen = await sendUdp(han, 23007, server, 53);
        must(seen.sport !== first.sport, `both have the outside port ${seen.sport}`);
        answer(server, first, 53, Buffer.from('to the gateway'));
        await own.says(/to the gateway/);
        await answerUdp(server, seen, han, 23007);
      } finally {
        await own.stop('SIGKILL');
      }
    },
    broken: {
      how: 'something before the gateway gives both the same port',
      obstruct: () => leaving((packet) => (packet.dport === 53 ? [alter(packet, { sport: 23007 })] : undefined)),
    },
  },
  {
    id: 'nat-own-later',
    rfc: 'RFC 3022 section 2.2',
    level: 'must',
    text: 'so are they when the inside host was first: what answers its socket never comes from the gateway’s',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const seen = await sendUdp(han, 23008, server, 53);
      const own = network.gateway.start(...node('udp-client', server.address, '53', String(seen.sport)));
      try {
        await own.says(/ready/);
        own.write('from the gateway');
        await network.settle();
        const clash = server.heard.find(
          ({ packet }) => packet.sport === seen.sport && Buffer.from(packet.payload).toString() === 'from the gateway',
        );
        must(clash === undefined, `the gateway’s datagram leaves by han’s port ${seen.sport}`);
        await answerUdp(server, seen, han, 23008);
      } finally {
        await own.stop('SIGKILL');
      }
    },
    broken: {
      how: 'something before the gateway adds a datagram of the gateway’s by the same port',
      obstruct: () =>
        leaving((packet) => {
          if (packet.dport !== 53) return undefined;
          return [packet.bytes, alter(packet, { payload: Buffer.from('from the gateway') })];
        }),
    },
  },
  {
    id: 'nat-own-listener',
    rfc: 'RFC 3022 section 2.2',
    level: 'must',
    text: 'an inside host never gets a port that the gateway listens on',
    setting: { ports: [23000, 23999], open: [] },
    async check({ network }) {
      const listener = network.gateway.start(...node('udp-client', '127.0.0.1', '9', '23010'));
      try {
        await listener.says(/ready/);
        const seen = await sendUdp(network.host('inside'), 23010, network.host('outside'), 53);
        must(seen.sport !== 23010, 'its outside port is the one that the gateway listens on');
      } finally {
        await listener.stop('SIGKILL');
      }
    },
    broken: {
      how: 'something before the gateway puts the source port back',
      obstruct: () => leaving((packet) => (packet.dport === 53 ? [alter(packet, { sport: 23010 })] : undefined)),
    },
  },
  {
    id: 'self-arp',
    rfc: 'RFC 826, RFC 4861',
    level: 'must',
    ethernet: true,
    text: '`default deny` towards the gateway drops neither ARP nor neighbour discovery',
    async check({ network }) {
      const six = network.host('inside', 6);
      const target = toBytes(addresses.gateway6);
      six.send(
        icmp({
          src: six.address,
          dst: addresses.gateway6,
          ttl: 255,
          type: 135,
          payload: [...target, 1, 1, ...six.mac],
        }),
      );
      await six.hears('the gateway’s neighbour advertisement', ({ type }) => type === 136);
      const [han, server] = [network.host('inside'), network.host('outside')]; // the gateway must ask for han by ARP
      await answerUdp(server, await sendUdp(han, 23012, server, 53), han, 23012);
    },
    broken: {
      how: 'something behind the gateway loses neighbour advertisements',
      obstruct: () => delivered(lose(({ type }) => type === 136)),
    },
  },
  {
    id: 'self-dhcp',
    rfc: 'RFC 2131',
    level: 'must',
    ethernet: true,
    text: '`default deny` towards the gateway does not drop the answers to its own DHCP client',
    programs: ['dnsmasq'],
    async check({ network }) {
      const server = await startDhcpServer(network.at('isp'), 'line0', '203.0.113.99');
      try {
        const { out } = await network.gateway.run(node('dhcp-client', 'wan0'));
        must(/leased 203\.0\.113\.99/.test(out), `the client says: ${out.trim()}`);
      } finally {
        await server.stop('SIGKILL');
      }
    },
    broken: {
      how: 'a rule of nft in the provider drops what is sent to DHCP clients',
      in: 'isp',
      commands: [
        'nft add table ip spoil',
        'nft add chain ip spoil out { type filter hook output priority filter ; }',
        'nft add rule ip spoil out udp dport 68 drop',
      ],
    },
  },
  {
    id: 'self-vlan',
    rfc: 'IEEE 802.1Q',
    level: 'must',
    ethernet: true,
    text: 'a frame with a VLAN tag is not taken for an untagged one; one with a priority tag (VLAN 0) is',
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      const mac = (await network.gateway.ask('cat', '/sys/class/net/eth0/address')).trim();
      const send = (tag: number, payload: Uint8Array) => {
        const packet = udp({ src: han.address, dst: server.address, sport: 23013, dport: 53, payload });
        const macs = [...mac.split(':').map((part) => Number.parseInt(part, 16)), ...han.mac];
        network.sendFrame('inside', Uint8Array.from([...macs, 0x81, 0, tag >> 8, tag & 255, 8, 0, ...packet]));
      };
      await sendUdp(han, 23013, server, 53);
      for (const tag of [100, 1, 4095]) send(tag, mark());
      await server.hearsNo('what was sent on another VLAN');
      const payload = mark();
      send(0xa000, payload);
      await server.hears('a datagram with priority 5 and VLAN 0', carries(payload));
    },
    broken: {
      how: 'something before the gateway takes the tags off',
      obstruct:
        () =>
        (bytes, { side, sent }) => [side === 'inside' && sent && bytes[12] === 0x81 ? untag(bytes) : bytes],
    },
  },
  {
    id: 'drops-counted',
    rfc: 'RFC 4787 section 12',
    level: 'should',
    text: 'each dropped packet is counted under a name that says why: strays, denied ones',
    async check({ network, gateway }) {
      const [han, server, stranger] = [network.host('inside'), network.host('outside'), network.host('outside')];
      const c = await connect(han, 23014, server, 80);
      const before = await gateway.drops(network);
      for (let i = 0; i < 7; i++)
        han.send(tcp({ src: han.address, dst: stranger.address, sport: 23100 + i, dport: 80, flags: 'R' }));
      for (let i = 0; i < 5; i++)
        stranger.send(tcp({ src: stranger.address, dst: addresses.wan, sport: 100 + i, dport: 22, flags: 'S' }));
      await network.settle();
      const after = await gateway.drops(network);
      const more = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
      must(more('stray') === 7, `seven lone RSTs count as ${more('stray')} strays`);
      must(more('denied') === 5, `five SYNs to a closed port count as ${more('denied')} denied`);
      must(c.seen.src === addresses.wan, 'another address');
    },
    broken: {
      how: 'something before the gateway loses SYNs to port 22',
      obstruct: () => arriving(lose(({ dport }) => dport === 22)),
    },
  },
  {
    id: 'drops-exhausted',
    rfc: 'RFC 6888 section 4',
    level: 'should',
    text: 'so are packets for which no port is left',
    setting: { ports: [33000, 33001] },
    async check({ network, gateway }) {
      const server = network.host('outside');
      for (let i = 0; i < 2; i++) await sendSyn(network.host('inside'), 23015, server, 80);
      const before = await gateway.drops(network);
      const late = network.host('inside');
      for (let i = 0; i < 3; i++)
        late.send(tcp({ src: late.address, dst: server.address, sport: 23016 + i, dport: 80, flags: 'S' }));
      await network.settle();
      const after = await gateway.drops(network);
      const more = Object.entries(after).filter(([name, value]) => value - (before[name] ?? 0) === 3);
      must(
        more.some(([name]) => name.includes('port')),
        `counted more than before: ${more.map(([name]) => name).join(', ') || 'nothing'}`,
      );
    },
    broken: { how: 'a larger pool', setting: { ports: [33000, 33999] } },
  },
];
