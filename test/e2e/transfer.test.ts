/** Real programs through the gateway, on each kind of line: what they carry arrives, and arrives whole. */
import { createHash, randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lines, openApplied } from '../lab/applied.ts';
import { type ArticleNetwork, addresses } from '../lab/article-network.ts';
import { node } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const transfer = suite('transfer');
const SIZE = 10 * 1024 * 1024;
const bytes = randomBytes(SIZE);
const sha256 = createHash('sha256').update(bytes).digest('hex');

/** Downloads SIZE bytes; the receiver's checksum must be the one that the sender announced. */
async function download(network: ArticleNetwork, from: string, url: string): Promise<void> {
  const script = `curl -sS -m 60 -w '%{stderr}%header{x-sha256}' ${url}/bytes/${SIZE} | sha256sum`;
  const { code, out, err } = await network.at(from).run(['sh', '-c', script], { limit: 70_000 });
  assert.is(code, 0, err);
  assert.is(out.split(' ')[0], err.trim());
}

/** Uploads SIZE bytes; the receiver answers with its checksum. */
async function upload(network: ArticleNetwork, from: string, url: string): Promise<void> {
  const argv = ['curl', '-sS', '-m', '60', '-T', '-', '-H', 'Expect:', `${url}/upload`];
  const namespace = network.at(from);
  const { code, out, err } = await namespace.runWith(bytes, argv, 70_000);
  assert.is(code, 0, err);
  assert.is(out.trim(), sha256);
}

for (const options of lines) {
  const by = `wan ${options.wan}, cables ${options.cables}`;
  let network: ArticleNetwork;

  transfer(`carries 10 MB out and in through a masquerade: ${by}`, async () => {
    network = await openApplied(options);
    await download(network, 'han', `http://${addresses.internet}`);
    await upload(network, 'han', `http://${addresses.internet}`);
  });

  transfer(`carries 10 MB in and out through a redirect: ${by}`, async () => {
    await download(network, 'stranger', `http://${addresses.wan}`);
    await upload(network, 'stranger', `http://${addresses.wan}`);
  });

  transfer(`carries 10 MB between the inner networks untranslated: ${by}`, async () => {
    await download(network, 'han', `http://${addresses.yoda}`);
    const page = await network.at('han').ask('curl', '-sS', '-m', '5', `http://${addresses.yoda}/`);
    assert.match(page, `yoda greets ${addresses.han}:`);
  });

  transfer(`carries 1,000 TCP connections at once: ${by}`, async () => {
    const argv = node('many-clients', addresses.internet, '7', '1000');
    const { out, err } = await network.at('luke').run(argv, { limit: 60_000 });
    assert.is(err, '');
    assert.equal(JSON.parse(out), { connected: 1000, echoed: 1000, ports: 1000 });
  });

  transfer(`keeps two hosts apart that use the same source port: ${by}`, async () => {
    const clients = ['han', 'luke'].map((name) => {
      return network.at(name).start(...node('tcp-client', addresses.internet, '7', '62001'));
    });
    const seen = await Promise.all(clients.map(async (client) => (await client.says(/seen as (.*)/))[1]));
    assert.ok(seen[0] !== seen[1], `both are seen as ${seen[0]}`);
    assert.ok(
      seen.some((one) => one === `${addresses.wan}:62001`),
      `one keeps its port, which is in the pool: ${seen.join(', ')}`,
    );
    for (const [index, client] of clients.entries()) {
      client.write(`this is client ${index}`);
      await client.says(new RegExp(`^this is client ${index}$`, 'm'));
    }
  });

  transfer(`keeps two hosts apart that use the same UDP port: ${by}`, async () => {
    const clients = ['han', 'luke'].map((name) => {
      return network.at(name).start(...node('udp-client', addresses.internet, '7', '62002'));
    });
    for (const [index, client] of clients.entries()) {
      await client.says(/ready/);
      client.write(`this is client ${index}`);
    }
    const seen = await Promise.all(
      clients.map(async (client, index) => (await client.says(new RegExp(`(.*) this is client ${index}`)))[1]),
    );
    assert.ok(seen[0] !== seen[1], `both are seen as ${seen[0]}`);
  });

  transfer(`lets ping and traceroute through: ${by}`, async () => {
    const ping = await network.at('han').ask('ping', '-c', '5', '-i', '0.2', '-W', '2', addresses.internet);
    assert.match(ping, ' 5 received');
    for (const method of ['-U', '-I', '-T']) {
      const argv = ['traceroute', '-n', '-q', '1', '-w', '2', '-m', '6', method, addresses.internet];
      const { out } = await network.at('han').run(argv, { limit: 30_000 });
      const hops = [...out.matchAll(/^ *\d+ {2}(\S+)/gm)].map((hop) => hop[1]);
      assert.equal(hops, ['192.168.1.1', addresses.isp, addresses.internet], `traceroute ${method}\n${out}`);
    }
  });

  transfer(`pings from two hosts with the same identifier both find back: ${by}`, async () => {
    const both = await Promise.all(
      ['han', 'luke'].map((name) => {
        return network.at(name).run(['ping', '-e', '4711', '-c', '3', '-i', '0.2', '-W', '2', addresses.internet]);
      }),
    );
    for (const { out } of both) assert.match(out, ' 3 received');
  });

  transfer(`tells a sender what fits: ${by}`, async () => {
    if (options.wan === 'tun') {
      const { out } = await network
        .at('han')
        .run(['ping', '-M', 'do', '-s', '1472', '-c', '2', '-W', '1', addresses.internet]);
      assert.match(out, /Frag needed and DF set \(mtu = 1492\)|mtu=1492|Message too long/i);
      assert.match(out, '192.168.1.1');
    }
    network.close();
  });
}

transfer.run();
