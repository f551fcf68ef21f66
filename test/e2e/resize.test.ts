/** Another `flows` in the file: the table gets the size, and every connection goes on, packet for packet. */
import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { type ArticleNetwork, addresses } from '../lab/article-network.ts';
import { editExample, listConnections, masqcCommand, pinsOf, writeGatewayFile } from '../lab/masqc.ts';
import type { Ended, Namespace } from '../lab/namespace.ts';
import { countOverruns } from '../lab/overruns.ts';
import { node } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const resize = suite('resize');
const { internet } = addresses;

/** Two datapaths and two policies go through the verifier: on a busy machine that takes its time. */
const LIMIT = 180_000;
function masqc(gateway: Namespace, ...args: string[]): Promise<Ended> {
  return gateway.run([...masqcCommand, ...args], { limit: LIMIT });
}
async function mustMasqc(gateway: Namespace, ...args: string[]): Promise<string> {
  const { code, out, err } = await masqc(gateway, ...args);
  assert.is(code, 0, `masqc ${args.join(' ')}\n${out}${err}`);
  return out;
}

const withFlows = (flows: number): string => writeGatewayFile(editExample([/^ +flows .*$/m, `  flows ${flows}`]));

interface Steady {
  readonly sent: number;
  readonly echoed: number;
  readonly wrong: number;
  readonly moved: number;
}

/** Traffic of established flows in both directions, until it is told to stop. */
async function startTraffic(network: ArticleNetwork) {
  const steady = network.at('han').start(...node('udp-steady', internet, '7', '20', '20'));
  await steady.says(/ready/);
  const client = network.at('luke').start(...node('tcp-client', internet, '7'));
  await client.says(/seen as /);
  const url = `http://${internet}/bytes/20971520?rate=1000000`;
  const script = `curl -sS -m 150 -w '%{stderr}%header{x-sha256}' '${url}' | sha256sum`;
  const download = network.at('luke').run(['sh', '-c', script], { limit: 160_000 });
  return {
    client,
    download,
    async stop(): Promise<Steady> {
      steady.write('stop');
      return JSON.parse((await steady.says(/^\{.*\}$/m))[0]) as Steady;
    },
  };
}

async function checkSteady(network: ArticleNetwork, { sent, echoed, wrong, moved }: Steady): Promise<void> {
  const overruns = await countOverruns([network.at('han'), network.at('internet')]);
  assert.ok(sent > 1000, `${sent}`);
  assert.equal({ lost: sent - echoed - overruns, wrong, moved }, { lost: 0, wrong: 0, moved: 0 });
}

function describePorts(shown: Awaited<ReturnType<typeof listConnections>>): string[] {
  return shown
    .filter((one) => one.masqueraded !== null && one.state !== 'ending')
    .map((one) => `${one.protocol} ${one.source.address}:${one.source.port} ${one.masqueraded?.port}`)
    .sort();
}

resize('keeps every packet, connection and port', async () => {
  const network = await openApplied({ wan: 'ethernet', cables: 'wire' });
  const { gateway } = network;
  const traffic = await startTraffic(network);
  const before = describePorts(await listConnections(gateway));
  assert.ok(before.length >= 22, before.join('\n'));
  for (const flows of [200_000, 500]) {
    const file = withFlows(flows);
    const plan = await masqc(gateway, 'plan', file);
    assert.is(plan.code, 2);
    assert.match(plan.out, /flow table for [\d,]+ → [\d,]+ connections .* (MiB|KiB) → .* of kernel memory/);
    await mustMasqc(gateway, 'apply', file);
    traffic.client.write(`with ${flows}`);
    await traffic.client.says(new RegExp(`^with ${flows}$`, 'm'));
    assert.equal(describePorts(await listConnections(gateway)), before);
    assert.is((await masqc(gateway, 'plan', file)).code, 0, 'a second plan is empty');
    const status = JSON.parse(await mustMasqc(gateway, 'show', 'status', '--json'));
    assert.is(status.flows.size, flows);
    assert.not(readdirSync(pinsOf(gateway)).includes('next'));
  }
  const { code, out, err } = await traffic.download;
  assert.is(code, 0, err);
  assert.is(out.split(' ')[0], err.trim());
  await checkSteady(network, await traffic.stop());
  network.close();
});

resize('a table smaller than what is live in it is refused, with the numbers', async () => {
  const network = await openApplied({ wan: 'ethernet', cables: 'wire' });
  const { gateway } = network;
  const steady = network.at('han').start(...node('udp-steady', internet, '7', '150', '50'));
  await steady.says(/ready/);
  await mustMasqc(gateway, 'apply', withFlows(1000));
  const { code, err } = await masqc(gateway, 'apply', withFlows(128));
  assert.is(code, 3);
  assert.match(err, /asks for a table of 128 flows, and 15\d connections are live in the one of 1,000/);
  network.close();
});

/** Where apply is killed, by MASQC_FAULT: the table on every hook, switched to, its maps half in place. */
const INSTANTS = ['1', '2', 'adopt-slots4'];

resize('killed at any instant, it leaves a gateway that works, and the next apply ends it', async () => {
  const network = await openApplied({ wan: 'ethernet', cables: 'wire' });
  const { gateway } = network;
  const traffic = await startTraffic(network);
  let size = 2000;
  for (const at of INSTANTS) {
    size += 100;
    const file = withFlows(size);
    const { code } = await gateway.run(['env', `MASQC_FAULT=kill ${at}`, ...masqcCommand, 'apply', file], {
      limit: 60_000,
    });
    assert.is.not(code, 0, `killed at ${at}`);
    traffic.client.write(`after ${at}`);
    await traffic.client.says(new RegExp(`^after ${at}$`, 'm'));
    const page = await network.at('han').run(['curl', '-sS', '-m', '5', `http://${internet}/`]);
    assert.is(page.code, 0, `a new connection, killed at ${at}`);
    await mustMasqc(gateway, 'apply', file);
    assert.is((await masqc(gateway, 'plan', file)).code, 0, `killed at ${at}: a second plan is empty`);
    const status = JSON.parse(await mustMasqc(gateway, 'show', 'status', '--json'));
    assert.is(status.flows.size, size, `killed at ${at}`);
  }
  await checkSteady(network, await traffic.stop());
  await traffic.client.stop();
  network.close();
});

resize.run();
