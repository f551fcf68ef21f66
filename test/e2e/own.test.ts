/** The gateway's own connections, from before the first apply on. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArticleNetwork, addresses } from '../lab/article-network.ts';
import { example, listConnections, mustMasqc } from '../lab/masqc.ts';
import { node, startEchoServer, startNameServer, startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const own = suite('own');

for (const wan of ['tun', 'ethernet'] as const) {
  own(`the first apply cuts neither the admin's connection nor one of the gateway's: wan ${wan}`, async () => {
    const network = await ArticleNetwork.open({ wan });
    const { gateway } = network;
    await startEchoServer(gateway, 22);
    await startEchoServer(network.at('internet'));
    const admin = network.at('han').start(...node('tcp-client', '192.168.1.1', '22'));
    const update = gateway.start(...node('tcp-client', addresses.internet, '7'));
    await Promise.all([admin.says(/seen as/), update.says(/seen as/)]);
    await mustMasqc(gateway, 'apply', example);
    for (const client of [admin, update]) {
      client.write('still here');
      await client.says(/^still here$/m);
    }
    network.close();
  });
}

own("the gateway's own programs work, and are listed as its own", async () => {
  const network = await ArticleNetwork.open();
  const { gateway } = network;
  await startWebServer(network.at('internet'));
  await startEchoServer(network.at('internet'));
  await startNameServer(network.at('internet'));
  await mustMasqc(gateway, 'apply', example);
  assert.match(
    await gateway.ask('curl', '-sS', '-m', '3', `http://${addresses.internet}/`),
    'internet greets 203.0.113.7',
  );
  const answer = await gateway.ask('dig', '+short', '+time=2', `@${addresses.nameserver}`, 'www.example.org');
  assert.is(answer.trim(), addresses.internet);
  await gateway.ask('ping', '-c', '1', '-W', '2', addresses.han);
  await gateway.ask('traceroute', '-n', '-q', '1', '-w', '2', '-m', '4', addresses.internet);
  const listed = await listConnections(gateway);
  assert.ok(listed.length >= 3);
  assert.ok(
    listed.every((one) => one.own === 'sent'),
    JSON.stringify(listed),
  );
  network.close();
});

own.run();
