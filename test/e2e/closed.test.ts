/** However the programs are lost, nothing is forwarded without them. */
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { type ArticleNetwork, addresses } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import { example, masqc, mustMasqc, pinsOf } from '../lab/masqc.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const closed = suite('closed');

/** Tries both ways across the gateway, and past it into the inside; what came through is returned. */
async function findHoles(network: ArticleNetwork, act: () => Promise<unknown>): Promise<string[]> {
  const outside = await listen(network.at('isp'), 'line0', 'src net 192.168.0.0/16');
  const inside = await listen(network.at('han'), 'eth0', `src host ${addresses.stranger}`);
  const floods = [
    network.at('han').start('ping', '-q', '-i', '0.01', '-W', '1', addresses.internet),
    network.at('stranger').start('ping', '-q', '-i', '0.01', '-W', '1', addresses.han),
  ];
  await act();
  await network.at('han').run(['ping', '-q', '-c', '20', '-i', '0.02', '-W', '1', addresses.internet]);
  await Promise.all(floods.map((flood) => flood.stop('SIGKILL')));
  return [...(await outside.end()), ...(await inside.end())];
}

const [tun, ethernet] = await Promise.all([openApplied({ wan: 'tun' }), openApplied({ wan: 'ethernet' })]);
await Promise.all([tun, ethernet].map((network) => network.routeInnerNetworksFromOutside()));

for (const [wan, network] of Object.entries({ tun, ethernet })) {
  closed(`when the pins are removed, and the programs with them: wan ${wan}`, async () => {
    const pins = pinsOf(network.gateway);
    const holes = await findHoles(network, async () => rmSync(pins, { recursive: true, force: true }));
    assert.equal(holes, []);
    assert.not.equal((await masqc(network.gateway, 'show', 'status')).code, 0);
    await mustMasqc(network.gateway, 'down');
  });
}

closed('while it is applied for the first time, and taken down', async () => {
  assert.is.not((await masqc(ethernet.gateway, 'show', 'status')).code, 0, 'nothing is applied');
  const holes = await findHoles(ethernet, async () => {
    await mustMasqc(ethernet.gateway, 'apply', example);
    await mustMasqc(ethernet.gateway, 'down');
  });
  assert.equal(holes, []);
});

closed('when the state is lost: it says so, and mends itself by down and apply', async () => {
  await mustMasqc(ethernet.gateway, 'apply', example);
  const pins = pinsOf(ethernet.gateway);
  const holes = await findHoles(ethernet, async () => {
    rmSync(join('/run/masqc', basename(pins)), { recursive: true, force: true });
    const { code, err } = await masqc(ethernet.gateway, 'apply', example);
    assert.is(code, 3);
    assert.match(err, 'masqc down');
  });
  assert.equal(holes, []);
  await mustMasqc(ethernet.gateway, 'down');
  await mustMasqc(ethernet.gateway, 'apply', example);
  const { code } = await ethernet.at('han').run(['ping', '-c', '1', '-W', '2', addresses.internet]);
  assert.is(code, 0);
});

closed.run();
