/**
 * Maps, blocks of ports and paired addresses: what the datapath makes of packets is what the simulator says, and the way
 * back leads back.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decide } from '../../compiler/simulate/decide.ts';
import { readIpv4, writeAddress } from '../../grammar/address.ts';
import { needs } from '../lab/skip.ts';
import { compilePolicy } from './compiled-policy.ts';
import { Network } from './network.ts';
import { ethernet, icmp, type Layer3, other, type Parsed, parsePacket, quote, tcp, udp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const HEAD = `gateway g {
  default deny
}
interface lan = eth0
interface wan = wan0
network home = 192.168.1.0/24 on lan
policy out from lan to wan {
  default allow
}
`;
const INWARD = `policy in from wan to lan {
  allow tcp 80
  allow icmp
  default deny
}
policy within from lan to lan {
  allow tcp 80
  default deny
}
`;
const MAPPED = `${HEAD}${INWARD}map branch {
  interface wan
  inside  192.168.1.0/24
  outside 10.7.3.0/24
}
`;
const SHARED = `${HEAD}masquerade cgn {
  from      192.168.1.10-192.168.1.13
  interface wan
  address   203.0.113.16, 203.0.113.18
  ports     2000-2009
  share     5 ports per source
}
`;
const PAIRED = `${HEAD}masquerade pool {
  from      home
  interface wan
  address   203.0.113.16-203.0.113.18, 203.0.113.24-203.0.113.25
  ports     1024-32767
}
`;

const HAN = '192.168.1.10';
const YODA = '192.168.1.20';
const SERVER = '192.0.2.80';
const CLIENT = '198.51.100.9';
type Device = 'eth0' | 'wan0';

async function open(text: string) {
  const policy = compilePolicy(text);
  const network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire', object: policy.object });
  const hosts = Array.from({ length: 30 }, (_, i) => `192.168.1.${10 + i}`);
  await network.lab
    .at('gw')
    .ip(
      ...hosts.map((host) => `neigh replace ${host} lladdr 02:00:00:00:00:aa nud permanent dev eth0`),
      'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
    );
  const run = async (device: Device, packet: Layer3, by: 'xdp_ingress' | 'tc_ingress') => {
    const { verdict, frame } = await network.run(by, device, ethernet(packet, network.macs.get(device) ?? ''));
    return { verdict, out: parsePacket(frame) };
  };
  const send = async (device: Device, packet: Layer3, by: 'xdp_ingress' | 'tc_ingress' = 'xdp_ingress') => {
    const { verdict, out } = await run(device, packet, by);
    if (verdict !== (by === 'xdp_ingress' ? 4 : 7)) return null;
    assert.ok(out.sumsAreRight, 'checksums');
    return out;
  };
  return { ...policy, network, run, send };
}
const tuple = (packet: Parsed | null) => packet && [packet.saddr, packet.sport, packet.daddr, packet.dport];

/** One network for all: to load a datapath is what takes time. */
const bench = await open(MAPPED);
let epoch = 1;
const change = (object: string) => bench.network.change({ epoch: ++epoch, policy: {}, object });

for (const by of ['xdp_ingress', 'tc_ingress'] as const) {
  const test = suite(`map, ${by}`);
  const base = by === 'xdp_ingress' ? 0 : 100; // other connections than those of the other program

  test('an inside source becomes the address of its own outside, with its port, and the answer comes back', async () => {
    const asked = { saddr: HAN, daddr: SERVER, sport: 40000 + base, dport: 53 };
    assert.equal(tuple(await bench.send('eth0', udp(asked), by)), ['10.7.3.10', 40000 + base, SERVER, 53]);
    const answer = udp({ saddr: SERVER, daddr: '10.7.3.10', sport: 53, dport: 40000 + base });
    assert.equal(tuple(await bench.send('wan0', answer, by)), [SERVER, 53, HAN, 40000 + base]);
  });

  test('two hosts may use one port, each with an address of its own', async () => {
    for (const [host, outside] of [
      [HAN, '10.7.3.10'],
      [YODA, '10.7.3.20'],
    ] as const) {
      const packet = tcp({ saddr: host, daddr: SERVER, sport: 41000 + base, dport: 80, flags: 'S' });
      assert.equal(tuple(await bench.send('eth0', packet, by)), [outside, 41000 + base, SERVER, 80]);
    }
  });

  test('an outside destination becomes its inside one, and the policy decides about that', async () => {
    const to = { saddr: CLIENT, daddr: '10.7.3.20', sport: 5000 + base, flags: 'S' };
    assert.equal(tuple(await bench.send('wan0', tcp({ ...to, dport: 80 }), by)), [CLIENT, 5000 + base, YODA, 80]);
    const back = tcp({ saddr: YODA, daddr: CLIENT, sport: 80, dport: 5000 + base, flags: 'SA', seq: 7, ack: 1001 });
    assert.equal(tuple(await bench.send('eth0', back, by)), ['10.7.3.20', 80, CLIENT, 5000 + base]);
    const before = (await bench.network.drops()).denied ?? 0;
    assert.is(await bench.send('wan0', tcp({ ...to, dport: 22 }), by), null);
    assert.is((await bench.network.drops()).denied, before + 1);
  });

  test('what is not in the map is not touched', async () => {
    assert.is(
      await bench.send('wan0', tcp({ saddr: CLIENT, daddr: '10.7.4.20', sport: 1, dport: 80, flags: 'S' }), by),
      null,
    );
  });

  test('echoes keep their identifier, and protocols without ports go, too', async () => {
    const echo = await bench.send('eth0', icmp({ saddr: HAN, daddr: SERVER, type: 8, id: 77 + base }), by);
    assert.equal([echo?.saddr, echo?.id], ['10.7.3.10', 77 + base]);
    const reply = await bench.send('wan0', icmp({ saddr: SERVER, daddr: '10.7.3.10', type: 0, id: 77 + base }), by);
    assert.equal([reply?.daddr, reply?.id], [HAN, 77 + base]);
    const gre = await bench.send('eth0', other({ saddr: HAN, daddr: SERVER, protocol: 47 }), by);
    assert.is(gre?.saddr, '10.7.3.10');
    const asked = await bench.send('wan0', icmp({ saddr: CLIENT, daddr: '10.7.3.20', type: 8, id: 9 + base }), by);
    assert.equal([asked?.daddr, asked?.id], [YODA, 9 + base]);
  });

  test('an ICMP error is translated both ways, with what it quotes', async () => {
    const left = udp({ saddr: HAN, daddr: SERVER, sport: 42000 + base, dport: 53 });
    await bench.send('eth0', left, by);
    const seen = udp({ saddr: '10.7.3.10', daddr: SERVER, sport: 42000 + base, dport: 53 });
    const error = icmp({ saddr: '203.0.113.2', daddr: '10.7.3.10', type: 3, code: 1, payload: quote(seen) });
    const inside = await bench.send('wan0', error, 'tc_ingress');
    assert.is(inside?.daddr, HAN);
    assert.equal([inside?.quoted?.saddr, inside?.quoted?.daddr, inside?.quoted?.sport], [HAN, SERVER, 42000 + base]);
    await bench.send('wan0', tcp({ saddr: CLIENT, daddr: '10.7.3.20', sport: 5001 + base, dport: 80, flags: 'S' }), by);
    const arrived = tcp({ saddr: CLIENT, daddr: YODA, sport: 5001 + base, dport: 80, flags: 'S' });
    const back = icmp({ saddr: YODA, daddr: CLIENT, type: 3, code: 3, payload: quote(arrived) });
    const outside = await bench.send('eth0', back, 'tc_ingress');
    assert.equal([outside?.saddr, outside?.quoted?.daddr], ['10.7.3.20', '10.7.3.20']);
  });

  test('hairpin: a host that speaks to the outside address of another appears with its own', async () => {
    const there = tcp({ saddr: HAN, daddr: '10.7.3.20', sport: 43000 + base, dport: 80, flags: 'S' });
    assert.equal(tuple(await bench.send('eth0', there, by)), ['10.7.3.10', 43000 + base, YODA, 80]);
    const back = tcp({
      saddr: YODA,
      daddr: '10.7.3.10',
      sport: 80,
      dport: 43000 + base,
      flags: 'SA',
      seq: 5,
      ack: 1001,
    });
    assert.equal(tuple(await bench.send('eth0', back, by)), ['10.7.3.20', 80, HAN, 43000 + base]);
    const denied = tcp({ saddr: HAN, daddr: '10.7.3.20', sport: 43001 + base, dport: 22, flags: 'S' });
    assert.is(await bench.send('eth0', denied, by), null);
  });

  test.run();
}

const reload = suite('a new policy and mapped connections');
reload('stay while the map stays, end when it moves or goes', async () => {
  const moved = compilePolicy(MAPPED.replace('10.7.3.0', '10.7.4.0')).object;
  const closed = compilePolicy(MAPPED.replace('allow tcp 80\n  allow icmp', 'allow icmp')).object;
  const out = (sport: number) => udp({ saddr: HAN, daddr: SERVER, sport, dport: 53 });
  const inward = (sport: number) => tcp({ saddr: CLIENT, daddr: '10.7.3.20', sport, dport: 80, flags: 'S' });
  const hairpin = (sport: number) => tcp({ saddr: HAN, daddr: '10.7.3.20', sport, dport: 80, flags: 'S' });
  assert.ok((await bench.send('eth0', out(1))) && (await bench.send('wan0', inward(1))));
  assert.ok(await bench.send('eth0', hairpin(1)));
  await change(closed);
  assert.is((await bench.send('eth0', out(1)))?.saddr, '10.7.3.10');
  assert.is(await bench.send('wan0', inward(1)), null, 'not allowed any more');
  assert.is((await bench.send('eth0', hairpin(1)))?.saddr, '10.7.3.10');
  await change(moved);
  assert.is(await bench.send('eth0', out(1)), null, 'it has another outside address now');
  assert.is(await bench.send('eth0', hairpin(1)), null);
  assert.equal((await bench.network.drops()).cut, 3);
  assert.is((await bench.send('eth0', out(2)))?.saddr, '10.7.4.10');
});
reload.run();

const pairs = suite('paired addresses');
pairs('each host leaves by the address that the simulator names, whatever it speaks to', async () => {
  const { object, model, diagram } = compilePolicy(PAIRED);
  await change(object);
  const used = new Set<string>();
  for (let host = 10; host < 40; host++) {
    const from = { kind: 'address', family: 4, address: readIpv4(`192.168.1.${host}`)! } as const;
    const to = { kind: 'address', family: 4, address: readIpv4(SERVER)! } as const;
    const packet = { family: 4, protocol: 17, in: 1, from, sport: 5000 + host, to, dport: 53 } as const;
    const as = decide(model, diagram, packet)[0]?.as?.address;
    const expected = as?.kind === 'outside' ? writeAddress(as.address, 4) : '';
    used.add(expected);
    for (const daddr of [SERVER, '192.0.2.81', CLIENT]) {
      const asked = udp({ saddr: `192.168.1.${host}`, daddr, sport: 5000 + host, dport: 53 });
      assert.is((await bench.send('eth0', asked))?.saddr, expected);
    }
  }
  assert.ok(used.size >= 4, `${used.size} of 5`);
});
pairs.run();

const shares = suite('blocks of ports');
const shared = compilePolicy(SHARED);
shares.before(() => change(shared.object));
shares.after(() => bench.network.close());
shares('each host has its own block, and only itself runs out of it', async () => {
  const { model, diagram } = shared;
  const { send, run, network } = bench;
  const before = (await network.drops())['ports-exhausted'] ?? 0;
  const blockOf = (saddr: string) => {
    const from = { kind: 'address', family: 4, address: readIpv4(saddr)! } as const;
    const to = { kind: 'address', family: 4, address: readIpv4(SERVER)! } as const;
    const as = decide(model, diagram, { family: 4, protocol: 17, in: 1, from, sport: 1, to, dport: 53 })[0]?.as;
    if (as?.address.kind !== 'outside' || as.ports === null) throw new Error('no block');
    return { address: writeAddress(as.address.address, 4), ...as.ports };
  };
  const hosts = [10, 11, 12, 13].map((last) => `192.168.1.${last}`);
  assert.equal(hosts.map(blockOf), [
    { address: '203.0.113.16', first: 2000, last: 2004 },
    { address: '203.0.113.16', first: 2005, last: 2009 },
    { address: '203.0.113.18', first: 2000, last: 2004 },
    { address: '203.0.113.18', first: 2005, last: 2009 },
  ]);
  for (const host of hosts) {
    const block = blockOf(host);
    const taken = new Set<number>();
    for (let sport = 50000; sport < 50005; sport++) {
      const out = await send('eth0', udp({ saddr: host, daddr: SERVER, sport, dport: 53 }));
      assert.is(out?.saddr, block.address);
      assert.ok(out !== null && out.sport >= block.first && out.sport <= block.last, `${out?.sport}`);
      taken.add(out?.sport ?? 0);
    }
    assert.is(taken.size, 5);
    const sixth = udp({ saddr: host, daddr: SERVER, sport: 50005, dport: 53 });
    assert.is(await send('eth0', sixth), null, 'the block is used up');
    const { out: refused } = await run('eth0', sixth, 'tc_ingress');
    assert.equal([refused.type, refused.code, refused.daddr], [3, 13, host]);
    const again = await send('eth0', udp({ saddr: host, daddr: '192.0.2.81', sport: 50001, dport: 99 }));
    assert.ok(again, 'what it has serves on');
  }
  assert.is((await network.drops())['ports-exhausted'], before + 4);
});
shares('an echo has an identifier of the block, and TCP ports are counted apart', async () => {
  const { send } = bench;
  const echo = await send('eth0', icmp({ saddr: '192.168.1.11', daddr: SERVER, type: 8, id: 4711 }));
  assert.ok(echo && echo.id >= 2005 && echo.id <= 2009, `${echo?.id}`);
  const reply = await send('wan0', icmp({ saddr: SERVER, daddr: '203.0.113.16', type: 0, id: echo?.id ?? 0 }));
  assert.equal([reply?.daddr, reply?.id], ['192.168.1.11', 4711]);
  const kept = await send('eth0', tcp({ saddr: '192.168.1.11', daddr: SERVER, sport: 2007, dport: 80, flags: 'S' }));
  assert.is(kept?.sport, 2007, 'a port of its block is kept');
  const back = await send(
    'wan0',
    tcp({ saddr: SERVER, daddr: '203.0.113.16', sport: 80, dport: 2007, flags: 'SA', seq: 9, ack: 1001 }),
  );
  assert.equal(tuple(back), [SERVER, 80, '192.168.1.11', 2007]);
});
shares.run();
