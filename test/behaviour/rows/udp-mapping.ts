/** UDP mappings: RFC 4787 sections 4.1 to 4.5. */
import { must } from '../failure.ts';
import { all, arriving, leaving, lose } from '../obstructions.ts';
import type { Row } from '../row.ts';
import { answer, answerUdp, sendUdp } from '../traffic.ts';
import { alter } from '../wire/alter.ts';
import { UDP, udp } from '../wire/compose.ts';
import { checkNatDiscovery } from './nat-discovery.ts';

const perDestination = { mapping: 'address-and-port-dependent', ports: [20000, 20999] } as const;

/** Outside ports depend on the destination. */
const scatterPorts = () =>
  leaving((packet) =>
    packet.protocol === UDP ? [alter(packet, { sport: packet.sport + (packet.dport % 7) })] : undefined,
  );

const makePortsEven = () =>
  leaving((packet) => (packet.protocol === UDP ? [alter(packet, { sport: packet.sport & ~1 })] : undefined));

export const mappingRows: readonly Row[] = [
  {
    id: 'udp-1',
    rfc: 'RFC 4787 REQ-1',
    level: 'must',
    text: 'one inside socket keeps one outside port towards every destination',
    async check({ network }) {
      const [han, a, b] = [network.host('inside'), network.host('outside'), network.host('outside')];
      const ports = [];
      for (const [server, port] of [
        [a, 53],
        [a, 54],
        [b, 53],
        [b, 5000],
      ] as const)
        ports.push((await sendUdp(han, 20021, server, port)).sport);
      must(new Set(ports).size === 1, `one socket has the outside ports ${ports.join(', ')}`);
    },
    broken: { how: 'something before the gateway gives each destination another port', obstruct: scatterPorts },
  },
  {
    id: 'udp-1-conflict',
    rfc: 'RFC 4787 REQ-1',
    level: 'must',
    text: 'the same when another host holds the source port already',
    async check({ network }) {
      const [a, b, c] = [network.host('outside'), network.host('outside'), network.host('outside')];
      for (const order of ['before', 'after']) {
        const [han, luke] = [network.host('inside'), network.host('inside')];
        const sport = order === 'before' ? 20031 : 20033;
        const ports = [];
        if (order === 'after') ports.push((await sendUdp(han, sport, b, 53)).sport);
        await sendUdp(luke, sport, a, 53);
        for (const server of [a, b, c]) ports.push((await sendUdp(han, sport, server, 53)).sport);
        must(new Set(ports).size === 1, `one socket has the outside ports ${ports.join(', ')}`);
      }
    },
    broken: { how: '`mapping address-and-port-dependent`', setting: perDestination },
  },
  {
    id: 'udp-1-natdiscovery',
    rfc: 'RFC 4787 REQ-1',
    level: 'must',
    text: 'a STUN client finds endpoint-independent mapping',
    how: 'turnutils_natdiscovery against turnserver with two addresses',
    programs: ['turnutils_natdiscovery', 'turnserver'],
    check: (scene) => checkNatDiscovery(scene, '-m', /Endpoint Independent Mapping/),
    broken: {
      how: 'a rule of nft in the provider gives each destination another source port',
      in: 'isp',
      commands: [
        'nft add table ip spoil',
        'nft add chain ip spoil post { type nat hook postrouting priority srcnat ; }',
        'nft add rule ip spoil post oifname net0 udp dport 3478 ip daddr 198.51.100.10 snat to 203.0.113.7:5001',
        'nft add rule ip spoil post oifname net0 udp dport 3478 ip daddr 198.51.100.11 snat to 203.0.113.7:5002',
        'nft add rule ip spoil post oifname net0 udp dport 3479 snat to 203.0.113.7:5003',
      ],
    },
  },
  {
    id: 'udp-1-choice',
    rfc: 'RFC 4787 section 4.1',
    level: 'should',
    text: 'address- and port-dependent mapping by choice: two sockets use one port towards two servers',
    setting: { mapping: 'address-and-port-dependent', ports: [30000, 30001] },
    async check({ network }) {
      const seen = [];
      for (let i = 0; i < 6; i++)
        seen.push(await sendUdp(network.host('inside'), 4000 + i, network.host('outside'), 53));
      must(
        seen.every(({ sport }) => sport === 30000 || sport === 30001),
        'a port outside of the pool of two is used',
      );
    },
    broken: {
      how: '`mapping endpoint-independent`',
      setting: { mapping: 'endpoint-independent', ports: [30000, 30001] },
    },
  },
  {
    id: 'udp-2',
    rfc: 'RFC 4787 REQ-2',
    level: 'should',
    text: 'with several outside addresses a host keeps one for all its sockets',
    setting: { outside: ['203.0.113.20', '203.0.113.21', '203.0.113.22', '203.0.113.23'] },
    async check({ network }) {
      const used = new Set<string>();
      for (let i = 0; i < 8; i++) {
        const han = network.host('inside');
        const seen = new Set<string>();
        for (let j = 0; j < 6; j++) seen.add((await sendUdp(han, 20100 + j, network.host('outside'), 53 + j)).src);
        must(seen.size === 1, `one host appears as ${[...seen].join(', ')}`);
        for (const address of seen) used.add(address);
      }
      must(
        [...used].every((address) => /^203\.0\.113\.2[0-3]$/.test(address)),
        `addresses ${[...used].join(', ')} are used`,
      );
      must(used.size > 1, 'eight hosts share one of the four addresses');
    },
    broken: {
      how: 'something before the gateway moves odd source ports to the next address',
      obstruct: () => leaving((packet) => (packet.sport % 2 ? [alter(packet, { src: '203.0.113.24' })] : undefined)),
    },
  },
  {
    id: 'udp-3',
    rfc: 'RFC 4787 REQ-3',
    level: 'must',
    text: 'two inside sockets never share an outside port, whatever their destinations',
    async check({ network }) {
      const ports = new Map<number, string>();
      for (let i = 0; i < 12; i++) {
        const han = network.host('inside');
        const { sport } = await sendUdp(han, 20041, network.host('outside'), 53);
        must(!ports.has(sport), `${han.address} and ${ports.get(sport)} share the outside port ${sport}`);
        ports.set(sport, han.address);
      }
    },
    broken: { how: '`mapping address-and-port-dependent`', setting: perDestination },
  },
  {
    id: 'udp-3-exhausted',
    rfc: 'RFC 4787 REQ-3',
    level: 'must',
    text: 'nor do they when the pool is used up: the socket that is one too many gets none',
    setting: { ports: [30000, 30003] },
    async check({ network }) {
      const ports = new Set<number>();
      for (let i = 0; i < 4; i++)
        ports.add((await sendUdp(network.host('inside'), 4000 + i, network.host('outside'), 53)).sport);
      must(ports.size === 4, `four sockets have the ports ${[...ports].join(', ')}`);
      const [late, server] = [network.host('inside'), network.host('outside')];
      late.send(udp({ src: late.address, dst: server.address, sport: 4711, dport: 53 }));
      await server.hearsNo('the datagram of a fifth socket through a pool of four ports');
    },
    broken: {
      how: '`mapping address-and-port-dependent`',
      setting: { mapping: 'address-and-port-dependent', ports: [30000, 30003] },
    },
  },
  {
    id: 'udp-3a',
    rfc: 'RFC 4787 REQ-3a',
    level: 'must',
    text: 'a source port below 1024 gets an outside port below 1024, any other one from 1024 on, in conflicts too',
    setting: { ports: [600, 20000] },
    async check({ network }) {
      const server = network.host('outside');
      for (let i = 0; i < 6; i++) {
        const han = network.host('inside');
        const low = await sendUdp(han, 700, server, 53);
        must(low.sport < 1024, `source port 700 became ${low.sport}`);
        const high = await sendUdp(han, 5000, server, 53);
        must(high.sport >= 1024, `source port 5000 became ${high.sport}`);
      }
    },
    broken: { how: 'a pool without ports below 1024', setting: { ports: [10000, 20000] } },
  },
  {
    id: 'udp-4',
    rfc: 'RFC 4787 REQ-4',
    level: 'should',
    text: 'an even source port gets an even outside port, an odd one an odd one, in conflicts too',
    async check({ network }) {
      for (const sport of [20050, 20051]) {
        for (let i = 0; i < 10; i++) {
          const seen = await sendUdp(network.host('inside'), sport, network.host('outside'), 53);
          must(seen.sport % 2 === sport % 2, `source port ${sport} became ${seen.sport}`);
        }
        const server = network.host('outside');
        for (let i = 0; i < 10; i++) {
          const seen = await sendUdp(network.host('inside'), sport, server, 53);
          must(seen.sport % 2 === sport % 2, `source port ${sport} became ${seen.sport}`);
        }
      }
    },
    broken: {
      how: 'something before the gateway makes every port even',
      obstruct: makePortsEven,
    },
  },
  {
    id: 'udp-4-kept',
    rfc: 'RFC 4787 section 4.2.1',
    level: 'should',
    text: 'the source port itself is kept where it is free and in the pool',
    setting: { ports: [20000, 29999] },
    async check({ network }) {
      const [han, server] = [network.host('inside'), network.host('outside')];
      for (const sport of [20000, 21234, 25555, 29999]) {
        const seen = await sendUdp(han, sport, server, 53);
        must(seen.sport === sport, `source port ${sport} became ${seen.sport}`);
      }
    },
    broken: { how: 'another pool', setting: { ports: [40000, 49999] } },
  },
  {
    id: 'udp-7',
    rfc: 'RFC 4787 REQ-7',
    level: 'must',
    text: 'an answer reaches the inside socket through the mapping, whichever of its destinations sends it',
    async check({ network }) {
      const [han, a, b] = [network.host('inside'), network.host('outside'), network.host('outside')];
      const seen = [await sendUdp(han, 20061, a, 53), await sendUdp(han, 20061, b, 99)] as const;
      await answerUdp(a, seen[0], han, 20061);
      await answerUdp(b, seen[1], han, 20061);
      await answerUdp(a, seen[0], han, 20061);
    },
    broken: {
      how: 'something before the gateway loses what comes from the first server once the second was used',
      obstruct: () => {
        const servers: string[] = [];
        return all(
          leaving((packet) => {
            if (!servers.includes(packet.dst)) servers.push(packet.dst);
            return undefined;
          }),
          arriving(lose((packet) => servers.length > 1 && servers[0] === packet.src)),
        );
      },
    },
  },
  {
    id: 'udp-11',
    rfc: 'RFC 4787 REQ-11',
    level: 'must',
    text: 'mapping and filtering are the same under port conflicts and with most of the pool in use',
    setting: { ports: [30000, 30099] },
    async check({ network }) {
      const other = network.host('outside');
      for (let i = 0; i < 90; i++) await sendUdp(network.host('inside'), 30000 + i, other, 53);
      const [han, a, b] = [network.host('inside'), network.host('outside'), network.host('outside')];
      const first = await sendUdp(han, 30007, a, 53);
      const second = await sendUdp(han, 30007, b, 53);
      must(first.sport === second.sport, `one socket has the outside ports ${first.sport} and ${second.sport}`);
      await answerUdp(a, first, han, 30007, 4999);
      const stranger = network.host('outside');
      answer(stranger, first, 53);
      await han.hearsNo('a datagram of somebody whom it has not written to');
    },
    broken: {
      how: '`mapping address-and-port-dependent`',
      setting: { mapping: 'address-and-port-dependent', ports: [30000, 30099] },
    },
  },
];
