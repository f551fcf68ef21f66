/** Another `flows` in the file where IPv6 is carried, translated and not: both tables get the size, and every connection goes on. */
import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listConnections, masqcCommand, pinsOf, writeGatewayFile } from '../lab/masqc.ts';
import type { Ended } from '../lab/namespace.ts';
import { countOverruns } from '../lab/overruns.ts';
import { node } from '../lab/servers.ts';
import { openSix, type SixNetwork, six } from '../lab/six-network.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const resize = suite('resize of the IPv6 table');

const LIMIT = 180_000;
const withFlows = (flows: number): string =>
  writeGatewayFile(`
gateway six {
  datapath ebpf
  default  deny
  flows    ${flows}
}
interface wan = wan0
interface lan = eth0
network local = fd00:1::/64 on lan
policy out from lan to wan {
  default allow
}
masquerade hidden {
  family    ipv6
  from      local
  interface wan
  ports     40000-49999
}
`);

function masqc({ at }: SixNetwork, ...args: string[]): Promise<Ended> {
  return at('gw').run([...masqcCommand, ...args], { limit: LIMIT });
}
async function mustMasqc(network: SixNetwork, ...args: string[]): Promise<string> {
  const { code, out, err } = await masqc(network, ...args);
  assert.is(code, 0, `masqc ${args.join(' ')}\n${out}${err}`);
  return out;
}

/** Flows of both kinds: han's sockets have its own address, yoda's that of the gateway. */
async function startTraffic({ at }: SixNetwork) {
  await at('yoda').ip(`addr del ${six.yoda}/64 dev eth0`);
  const steady = (['han', 'yoda'] as const).map((name) =>
    at(name).start(...node('udp-steady', six.server, '7', '15', '20')),
  );
  const clients = (['han', 'yoda'] as const).map((name) => at(name).start(...node('tcp-client', six.server, '7')));
  for (const one of steady) await one.says(/ready/);
  const seen: string[] = [];
  for (const client of clients) seen.push((await client.says(/seen as (.*):\d+$/m))[1] ?? '');
  assert.equal(seen, [six.han, six.wan]);
  return {
    async say(text: string): Promise<void> {
      for (const client of clients) {
        client.write(text);
        await client.says(new RegExp(`^${text}$`, 'm'));
      }
    },
    async check(): Promise<void> {
      const sums = { lost: 0, wrong: 0, moved: 0 };
      for (const one of steady) {
        one.write('stop');
        const { sent, echoed, wrong, moved } = JSON.parse((await one.says(/^\{.*\}$/m))[0]) as Record<string, number>;
        assert.ok((sent ?? 0) > 1000, `${sent}`);
        sums.lost += (sent ?? 0) - (echoed ?? 0);
        sums.wrong += wrong ?? 0;
        sums.moved += moved ?? 0;
      }
      sums.lost -= await countOverruns([at('han'), at('yoda'), at('out')]);
      assert.equal(sums, { lost: 0, wrong: 0, moved: 0 });
    },
  };
}

async function describe({ at }: SixNetwork): Promise<string[]> {
  return (await listConnections(at('gw')))
    .filter(({ state, destination }) => state !== 'ending' && destination.port === 7)
    .map(({ protocol, source, masqueraded }) => `${protocol} ${source.address}.${source.port} ${masqueraded?.port}`)
    .sort();
}

const sizes = async (network: SixNetwork): Promise<number[]> =>
  Promise.all(
    [4, 6].map(async (family) => {
      const pin = `${pinsOf(network.at('gw'), 'six')}/slots${family}`;
      const shown = await network.at('gw').ask('bpftool', '-j', 'map', 'show', 'pinned', pin);
      return (JSON.parse(shown) as { max_entries: number }).max_entries;
    }),
  );

resize('keeps every packet, connection and port of IPv6', async () => {
  const network = await openSix();
  await mustMasqc(network, 'apply', withFlows(4096));
  const traffic = await startTraffic(network);
  const before = await describe(network);
  assert.is(before.length, 32, before.join('\n'));
  for (const flows of [100_000, 500]) {
    const file = withFlows(flows);
    await mustMasqc(network, 'apply', file);
    await traffic.say(`with ${flows}`);
    assert.equal(await describe(network), before);
    assert.is((await masqc(network, 'plan', file)).code, 0, 'a second plan is empty');
    assert.equal(await sizes(network), [flows, flows]);
    assert.not(readdirSync(pinsOf(network.at('gw'), 'six')).includes('next'));
  }
  await traffic.check();
  const { code, err } = await masqc(network, 'apply', withFlows(16));
  assert.is(code, 3);
  assert.match(err, /asks for a table of 16 flows, and 3\d connections are live in the one of 500/);
  network.lab.close();
});

resize('killed at any instant, it leaves a gateway that works, and the next apply ends it', async () => {
  const network = await openSix();
  await mustMasqc(network, 'apply', withFlows(4096));
  const traffic = await startTraffic(network);
  let size = 2000;
  for (const at of ['next', 'adopt-slots6']) {
    size += 100;
    const file = withFlows(size);
    const run = ['env', `MASQC_FAULT=kill ${at}`, ...masqcCommand, 'apply', file];
    const { code } = await network.at('gw').run(run, { limit: 60_000 });
    assert.is.not(code, 0, `killed at ${at}`);
    await traffic.say(`after ${at}`);
    for (const name of ['han', 'yoda'] as const) {
      const page = await network.at(name).run(['curl', '-gsS', '-m', '5', `http://[${six.server}]/`]);
      assert.is(page.code, 0, `a new connection of ${name}, killed at ${at}`);
    }
    await mustMasqc(network, 'apply', file);
    assert.is((await masqc(network, 'plan', file)).code, 0, `killed at ${at}: a second plan is empty`);
    assert.equal(await sizes(network), [size, size], `killed at ${at}`);
  }
  await traffic.check();
  network.lab.close();
});

resize('IPv6 comes to a table that changes its size in the same apply', async () => {
  const network = await openSix();
  const narrow = writeGatewayFile(`
gateway six {
  datapath ebpf
  default  deny
  flows    1000
}
interface wan = wan0
interface lan = eth0
network home = 192.168.1.0/24 on lan
policy out from lan to wan {
  allow tcp 80 from home
  default deny
}
`);
  await mustMasqc(network, 'apply', narrow);
  const wide = withFlows(3000);
  await mustMasqc(network, 'apply', wide);
  assert.equal(await sizes(network), [3000, 3000]);
  const { out } = await network.at('han').run(['curl', '-gsS', '-m', '5', `http://[${six.server}]/`]);
  assert.match(out, six.han);
  assert.is((await masqc(network, 'plan', wide)).code, 0);
  network.lab.close();
});

resize.run();
