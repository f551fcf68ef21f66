/** What `masqc down` leaves: nothing. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArticleNetwork, addresses } from '../lab/article-network.ts';
import { example, masqc, mustMasqc, pinsOf } from '../lab/masqc.ts';
import { startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';
import { compareSnapshots, takeSnapshot } from '../lab/snapshot.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'tun', 'btf');

const down = suite('down');

const SOMEBODY_ELSE = `table inet somebody {
  chain forward {
    type filter hook forward priority 0
    ip daddr 203.0.113.200 drop
  }
}
`;

for (const wan of ['tun', 'ethernet'] as const) {
  down(`leaves links, qdiscs, rules, sysctls and bpffs as they were: wan ${wan}`, async () => {
    const network = await ArticleNetwork.open({ wan, cables: wan === 'tun' ? 'offload' : 'wire' });
    const { gateway } = network;
    const look = () => takeSnapshot((...argv) => gateway.ask(...argv));
    await gateway.run(['nft', '-f', '-'], { input: SOMEBODY_ELSE });
    await startWebServer(network.at('internet'));
    const before = await look();
    const pins = pinsOf(gateway);
    assert.not.ok(existsSync(pins));

    await mustMasqc(gateway, 'apply', example);
    await network.at('han').ask('curl', '-sS', '-m', '3', `http://${addresses.internet}/`);
    assert.ok(compareSnapshots(before, await look()).length > 0, 'apply can be seen');
    const maps = await listPinnedIds(pins, 'map');
    assert.ok(maps.length > 5, `pinned maps: ${maps}`);

    await mustMasqc(gateway, 'down');
    assert.equal(compareSnapshots(before, await look()), []);
    assert.equal(listTraces(pins), []);
    await until('the maps are freed', async () => {
      const alive = await Promise.all(maps.map((id) => execa('bpftool', ['map', 'show', 'id', id], { reject: false })));
      return alive.every(({ exitCode }) => exitCode !== 0);
    });
    assert.is((await masqc(gateway, 'down')).code, 0, 'a second one is harmless');
    assert.is((await masqc(gateway, 'show', 'status')).code, 3, 'nothing is applied here');

    await mustMasqc(gateway, 'apply', example);
    await network.at('han').ask('curl', '-sS', '-m', '3', `http://${addresses.internet}/`);
    await mustMasqc(gateway, 'down');
    network.close();
  });
}

down('works where the device has gone', async () => {
  const network = await ArticleNetwork.open();
  const { gateway } = network;
  await mustMasqc(gateway, 'apply', example);
  await network.dropWan();
  await until('the device is gone', async () => (await gateway.run(['ip', 'link', 'show', 'ppp0'])).code !== 0);
  await mustMasqc(gateway, 'down');
  assert.equal(listTraces(pinsOf(gateway)), []);
  assert.not.match(await gateway.ask('nft', 'list', 'ruleset'), 'masqc');
  network.close();
});

async function listPinnedIds(folder: string, kind: 'map'): Promise<string[]> {
  const asked = await Promise.all(
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
      execa('bpftool', ['-j', kind, 'show', 'pinned', `${folder}/${name}`], { reject: false }),
    ),
  );
  return asked.filter(({ exitCode }) => exitCode === 0).map(({ stdout }) => String(JSON.parse(stdout).id));
}

/** What is left of the gateway below /run/masqc. */
function listTraces(pins: string): string[] {
  const key = pins.slice(pins.lastIndexOf('/') + 1);
  return ['/run/masqc', dirname(pins)].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(key)) : [],
  );
}

down.run();
