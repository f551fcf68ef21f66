/** `mss` on whole gateways: what ends hear of each other, on every kind of line, and by redirects; changed by apply alone. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lines } from '../lab/applied.ts';
import { ArticleNetwork, addresses } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import { editExample, example, masqc, mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import { startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const test = suite('mss');
const SYNS = 'tcp[tcpflags] & tcp-syn != 0';

/** The MSS of each SYN that is heard while `act` goes on, in order. */
async function hear(network: ArticleNetwork, where: string, device: string, act: () => Promise<unknown>) {
  const ear = await listen(network.at(where), device, SYNS);
  await act();
  return (await ear.end()).map((line) => Number(/mss (\d+)/.exec(line)?.[1]));
}

for (const options of lines) {
  test(`both ends hear what fits: wan ${options.wan}, cables ${options.cables}`, async () => {
    const network = await ArticleNetwork.open(options);
    const { gateway } = network;
    await gateway.ip('link set ppp0 mtu 1400');
    await network.at('isp').ip('link set line0 mtu 1400');
    await Promise.all(['internet', 'yoda'].map((name) => startWebServer(network.at(name))));
    await mustMasqc(gateway, 'apply', example);

    const fetch = () =>
      network.at('han').ask('curl', '-sS', '-m', '8', '-o', '/dev/null', `http://${addresses.internet}/bytes/3000000`);
    assert.equal(await hear(network, 'isp', 'line0', fetch), [1360, 1460], 'as it leaves, and before it comes in');
    assert.equal(await hear(network, 'han', 'eth0', fetch), [1460, 1360]);
    const visit = () => network.at('stranger').ask('curl', '-sS', '-m', '8', `http://${addresses.wan}/bytes/300000`);
    assert.equal(await hear(network, 'yoda', 'eth0', visit), [1360, 1460], 'by a redirect');
    const own = () => gateway.ask('curl', '-sS', '-m', '8', '-o', '/dev/null', `http://${addresses.internet}/`);
    assert.equal((await hear(network, 'isp', 'line0', own))[0], 1360);

    const number = writeGatewayFile(editExample(['mss clamp', 'mss 1200']));
    assert.match(await mustMasqc(gateway, 'apply', number), 'MSS clamp → 1200');
    assert.equal(await hear(network, 'han', 'eth0', fetch), [1460, 1200]);
    assert.equal((await hear(network, 'isp', 'line0', own))[0], 1200);
    const none = writeGatewayFile(editExample([' { mss clamp }', '']));
    await mustMasqc(gateway, 'apply', none);
    assert.is((await masqc(gateway, 'plan', none)).code, 0);
    assert.equal(await hear(network, 'han', 'eth0', fetch), [1460, 1460]);
    network.close();
  });
}
test.run();
