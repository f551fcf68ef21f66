/** The wan's address and device change under traffic; the gateway's own sockets beside masqueraded ones. */
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { addresses } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import { countDrops, example, listConnections, masqc, mustMasqc } from '../lab/masqc.ts';
import { node, startEchoServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'tun', 'btf');

const change = suite('wan');
const { internet, wan, yoda } = addresses;
const NEXT = '203.0.113.99';

const [tun, ethernet] = await Promise.all([openApplied({ wan: 'tun' }), openApplied({ wan: 'ethernet' })]);

change("a listener of the gateway's own is never taken for a masqueraded port", async () => {
  await startEchoServer(tun.gateway, 62030);
  const client = tun.at('han').start(...node('tcp-client', internet, '7', '62030'));
  const seen = (await client.says(/seen as (.*)/))[1];
  assert.is.not(seen, `${wan}:62030`);
});

change("the gateway's own connection keeps its port from a masqueraded one", async () => {
  const own = tun.gateway.start(...node('tcp-client', internet, '7', '62031'));
  await own.says(/seen as 203\.0\.113\.7:62031/);
  const client = tun.at('han').start(...node('tcp-client', internet, '7', '62031'));
  const seen = (await client.says(/seen as (.*)/))[1];
  assert.is.not(seen, `${wan}:62031`);
  for (const one of [own, client]) {
    one.write('who am I');
    await one.says(/^who am I$/m);
  }
});

change('a masqueraded connection keeps its port from the gateway', async () => {
  const { gateway } = tun;
  const client = tun.at('han').start(...node('tcp-client', internet, '7', '62032'));
  await client.says(/seen as 203\.0\.113\.7:62032/);
  const own = gateway.start(...node('tcp-client', internet, '7', '62032'));
  await until('the drop is counted', async () => (await countDrops(gateway))('port-taken') > 0);
  assert.not.match(own.output, 'seen as');
  client.write('still mine');
  await client.says(/^still mine$/m);
});

for (const [kind, network] of Object.entries({ tun, ethernet })) {
  change(`another address needs no apply, and ends only the connections that used it: ${kind}`, async () => {
    const { gateway } = network;
    const outward = network.at('han').start(...node('tcp-client', internet, '7'));
    const inner = network.at('han').start(...node('tcp-client', yoda, '80'));
    const streaming = network.at('luke').start(...node('udp-client', internet, '7', '62020'));
    await Promise.all([outward.says(/seen as 203\.0\.113\.7:/), streaming.says(/ready/)]);
    await until('the inner connection is listed', async () =>
      (await listConnections(gateway)).some(({ destination }) => destination.address === yoda),
    );

    await network.changeWanAddress(wan, NEXT);
    // What is in use notices within a second or so: the old address is sent from no more, by anybody.
    await until(
      'the stream appears with the new address',
      async () => {
        streaming.write('still here');
        outward.write('still here');
        return /203\.0\.113\.99:\d+ still here/.test(streaming.output);
      },
      8000,
    );
    await pause(1500); // the outward TCP connection had its second, too
    const line = await listen(network.at('isp'), 'line0', `src host ${wan}`);
    outward.write('anyone?');
    streaming.write('again');
    await streaming.says(/203\.0\.113\.99:\d+ again/);
    assert.equal(await line.end(), []);
    assert.ok(inner.running, 'the connection between the inner networks lives');
    const left = await listConnections(gateway);
    assert.ok(left.some(({ destination }) => destination.address === yoda));

    const page = await network.at('han').ask('curl', '-sS', '-m', '3', `http://${internet}/`);
    assert.match(page, `internet greets ${NEXT}:`);
    assert.match(await network.at('stranger').ask('curl', '-sS', '-m', '3', `http://${NEXT}/`), 'yoda greets');
    assert.is((await masqc(gateway, 'plan', example)).code, 0, 'nothing to apply');
  });

  change(`a device that comes back is shut until it is applied to: ${kind}`, async () => {
    const { gateway } = network;
    const fetch = () => network.at('han').run(['curl', '-sS', '-m', '1.5', `http://${internet}/`]);
    assert.is((await fetch()).code, 0);
    await network.dropWan();
    await until('the device is gone', async () => (await gateway.run(['ip', 'link', 'show', 'ppp0'])).code !== 0);
    await network.raiseWan();
    await network.routeInnerNetworksFromOutside();
    const line = await listen(network.at('isp'), 'line0', 'src net 192.168.0.0/16');
    const ear = await listen(network.at('han'), 'eth0', `host ${addresses.stranger}`);
    assert.is.not((await fetch()).code, 0);
    await network.at('stranger').run(['curl', '-sS', '-m', '1', `http://${addresses.han}/`]);
    assert.equal(await line.end(), [], 'nothing leaves untranslated');
    assert.equal(await ear.end(), [], 'nothing comes in');
    assert.is((await masqc(gateway, 'plan', example)).code, 2, 'there is something to apply');
    await mustMasqc(gateway, 'apply', example);
    assert.match((await fetch()).out, `internet greets ${wan}:`);
  });
}

change.run();
