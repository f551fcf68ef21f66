/** The laboratory itself: it carries packets as a plain router, and it leaves nothing behind. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArticleNetwork, addresses } from '../lab/article-network.ts';
import { startNameServer, startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';
import { compareSnapshots, takeSnapshot } from '../lab/snapshot.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'tun');

const laboratory = suite('laboratory');

const NFT = `table ip lab {
  chain out {
    type nat hook postrouting priority 100
    oifname "ppp0" masquerade
  }
}
`;

for (const wan of ['tun', 'ethernet'] as const) {
  for (const cables of ['offload', 'wire'] as const) {
    laboratory(`carries packets through a gateway with nftables, wan ${wan}, cables ${cables}`, async () => {
      const network = await ArticleNetwork.open({ wan, cables });
      const { gateway } = network;
      await gateway.set({ 'net.ipv4.ip_forward': 1 });
      await gateway.run(['nft', '-f', '-'], { input: NFT });
      await startWebServer(network.at('internet'));
      await startNameServer(network.at('internet'));
      const page = await network.at('han').ask('curl', '-sS', '-m', '5', `http://${addresses.internet}/`);
      assert.match(page, `internet greets ${addresses.wan}:`);
      const answer = await network
        .at('luke')
        .ask('dig', '+short', '+time=3', `@${addresses.nameserver}`, 'www.example.org');
      assert.is(answer.trim(), addresses.internet);
      await network.at('han').ask('ping', '-c1', '-W2', addresses.partner);
      await network.at('han').ask('ping', '-c1', '-W2', addresses.yoda);
      network.close();
    });
  }
}

laboratory('leaves the machine as it was', async () => {
  const before = await takeSnapshot();
  const network = await ArticleNetwork.open();
  const { prefix } = network.lab;
  network.close();
  assert.equal(compareSnapshots(before, await takeSnapshot()), []);
  assert.equal(listNamespaces(prefix), []);
});

function listNamespaces(prefix: string): string[] {
  return readdirSync('/run/netns').filter((name) => name.startsWith(prefix));
}

/** A process that opens a laboratory with a web server in it, says so, and waits. */
async function openElsewhere(): Promise<{ pid: number; child: ReturnType<typeof spawn> }> {
  const script = fileURLToPath(new URL('../lab/programs/open-lab.ts', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await until('the other laboratory is open', () => said.includes('ready'));
  return { pid: child.pid!, child };
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  laboratory(`is taken down on ${signal}`, async () => {
    const { pid, child } = await openElsewhere();
    assert.ok(listNamespaces(`mq${pid}-`).length > 0);
    child.kill(signal);
    await until('the process ends', () => child.exitCode !== null);
    assert.equal(listNamespaces(`mq${pid}-`), []);
  });
}

laboratory('of a killed process is taken down by the next one', async () => {
  const { pid, child } = await openElsewhere();
  child.kill('SIGKILL');
  await until('the process ends', () => child.signalCode !== null);
  assert.ok(listNamespaces(`mq${pid}-`).length > 0);
  (await ArticleNetwork.open()).close();
  assert.equal(listNamespaces(`mq${pid}-`), []);
});

laboratory.run();
