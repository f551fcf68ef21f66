/** What an attach that fails or is killed half way leaves: a shut device, which the next one opens. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { type ArticleNetwork, addresses } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import { example, masqc, masqcCommand, mustMasqc } from '../lab/masqc.ts';
import type { Namespace } from '../lab/namespace.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'tun', 'btf');

const test = suite('attach half way');
const { internet, wan } = addresses;

const fetchPage = (network: ArticleNetwork, ...more: string[]) =>
  network.at('han').run(['curl', '-sS', '-m', '3', ...more, `http://${internet}/`]);
const isGone = (gateway: Namespace) =>
  until('the device is gone', async () => (await gateway.run(['ip', 'link', 'show', 'ppp0'])).code !== 0);

test('it is shut again when attach is killed or fails half way, and the next one mends it', async () => {
  const network = await openApplied({ wan: 'tun' });
  const { gateway } = network;
  for (const fault of ['kill 1', 'kill 3', 'fail 4']) {
    await network.dropWan();
    await isGone(gateway);
    await network.raiseWan();
    await network.routeInnerNetworksFromOutside();
    const leaks = await listen(network.at('isp'), 'line0', 'src net 192.168.0.0/16');
    await gateway.run(['env', `MASQC_FAULT=${fault}`, ...masqcCommand, 'attach']);
    await fetchPage(network, '-m', '0.5');
    assert.equal(await leaks.end(), [], fault);
    await mustMasqc(gateway, 'attach');
    assert.match((await fetchPage(network)).out, `internet greets ${wan}:`, fault);
  }
  assert.is((await masqc(gateway, 'plan', example)).code, 0);
  network.close();
});

test.run();
