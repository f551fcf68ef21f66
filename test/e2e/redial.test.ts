/** A line that is dialled again: shut until `masqc watch` has attached it, under traffic and with captures on both sides. */
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { type ArticleNetwork, addresses } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import { example, masqc, masqcCommand, mustMasqc } from '../lab/masqc.ts';
import type { Namespace } from '../lab/namespace.ts';
import { node } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'tun', 'btf');

const test = suite('redial');
const { internet, wan } = addresses;
const NEXT = '203.0.113.99';

const fetchPage = (network: ArticleNetwork, ...more: string[]) =>
  network.at('han').run(['curl', '-sS', '-m', '3', ...more, `http://${internet}/`]);
const readStatus = async (gateway: Namespace) =>
  JSON.parse(await mustMasqc(gateway, 'show', 'status', '--json')) as {
    generation: number;
    interfaces: { device: string; present: boolean; attached: boolean }[];
    warnings: string[];
  };
const isGone = (gateway: Namespace) =>
  until('the device is gone', async () => (await gateway.run(['ip', 'link', 'show', 'ppp0'])).code !== 0);

for (const kind of ['tun', 'ethernet'] as const) {
  test(`a line that is dialled again under traffic is attached by masqc watch, and shut until then: ${kind}`, async () => {
    const network = await openApplied({ wan: kind });
    const { gateway } = network;
    await network.routeInnerNetworksFromOutside();
    const watcher = gateway.start(...masqcCommand, 'watch');
    await watcher.says(/^Watching/m);
    const streaming = network.at('luke').start(...node('udp-client', internet, '7', '62020'));
    const talking = network.at('han').start(...node('tcp-client', internet, '7'));
    await Promise.all([streaming.says(/ready/), talking.says(/seen as 203\.0\.113\.7:/)]);
    const inside = await listen(network.at('han'), 'eth0', `src host ${addresses.stranger}`);
    let sent = 0;
    const ticking = setInterval(() => {
      sent += 1;
      streaming.write(`tick ${sent}`);
    }, 5);
    await streaming.says(/203\.0\.113\.7:\d+ tick/);

    for (const address of kind === 'tun' ? [NEXT, wan] : [NEXT]) {
      await network.dropWan();
      await isGone(gateway);
      await until('it is waited for', async () => /waiting for wan = ppp0/.test(watcher.output));
      await network.raiseWan(address);
      // From the very first packet on: nothing with an inside address, nothing to the inside.
      const leaks = await listen(network.at('isp'), 'line0', 'src net 192.168.0.0/16');
      if (kind === 'ethernet') await network.routeInnerNetworksFromOutside().catch(() => undefined);
      network.at('stranger').start('ping', '-q', '-i', '0.01', '-c', '200', '-W', '1', addresses.han);
      await until('the stream goes on, with the new address', () =>
        new RegExp(`${address.replaceAll('.', '\\.')}:\\d+ tick`).test(streaming.output.slice(-400)),
      );
      assert.match((await fetchPage(network)).out, `internet greets ${address}:`);
      assert.equal(await leaks.end(), [], 'nothing leaves with an inside address');
    }
    clearInterval(ticking);
    assert.equal(await inside.end(), [], 'nothing is forwarded to the inside');
    talking.write('anyone?'); // its connection had another address: it is not taken up again
    await pause(500);
    assert.not.match(talking.output, 'anyone?');
    const status = await readStatus(gateway);
    assert.is(status.generation, 1, 'no other policy was needed');
    assert.equal(status.warnings, []);
    assert.ok(status.interfaces.every((one) => one.present && one.attached));
    assert.is((await masqc(gateway, 'plan', example)).code, 0, 'nothing is left to apply');
    await watcher.stop('SIGTERM');
    assert.is(await watcher.end(), 0);
    network.close();
  });
}

test.run();
