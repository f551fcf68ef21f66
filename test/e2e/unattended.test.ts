/** The datapath needs no process: packets and expiry go on with every process of masqc ended, or killed at work. */
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { addresses } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import {
  countFlowEntries,
  editExample,
  example,
  masqc,
  masqcCommand,
  mustMasqc,
  writeGatewayFile,
} from '../lab/masqc.ts';
import type { Namespace } from '../lab/namespace.ts';
import { node } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';
import { kill } from '../lab/teardown.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'tun', 'btf');

const unattended = suite('unattended');
const { internet, yoda } = addresses;

/** Processes in the gateway's namespace, without the one that asks. */
async function listProcesses(gateway: Namespace): Promise<number[]> {
  const asked = await gateway.run(['sh', '-c', `ip netns pids ${gateway.id}; echo self $$; ps -o pid= --ppid $$`]);
  const [pids, self] = asked.out.split('self');
  const own = new Set(self?.trim().split(/\s+/));
  return (pids ?? '')
    .split('\n')
    .filter((pid) => pid !== '' && !own.has(pid))
    .map(Number)
    .filter((pid) => isAlive(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const network = await openApplied();

unattended('no process is left after apply, and packets go', async () => {
  assert.equal(await listProcesses(network.gateway), []);
  const page = await network.at('han').ask('curl', '-sS', '-m', '5', `http://${internet}/`);
  assert.match(page, `internet greets ${addresses.wan}:`);
});

unattended('killed at work with traffic going on, it leaves one whole policy and every connection', async () => {
  const { gateway } = network;
  const other = writeGatewayFile(editExample(['  deny tcp 25 ', '  deny tcp 81, 82\n  deny tcp 25 ']));
  const url = `http://${internet}/bytes/20971520?rate=2500000`;
  const script = `curl -sS -m 100 -w '%{stderr}%header{x-sha256}' '${url}' | sha256sum`;
  const download = network.at('han').run(['sh', '-c', script], { limit: 110_000 });
  const tryPort = async (port: number) =>
    (await network.at('luke').run(['curl', '-sS', '-m', '1', `http://${internet}:${port}/`])).code === 7;

  const { milliseconds } = await masqc(gateway, 'apply', other); // how long a whole one takes
  for (let kills = 1; kills <= 10; kills += 1) {
    const apply = gateway.start(...masqcCommand, 'apply', kills % 2 === 0 ? other : example);
    await pause((milliseconds * kills) / 11); // at another point of its work each time
    for (const pid of await listProcesses(gateway)) kill(pid);
    await apply.end();
    assert.equal(await listProcesses(gateway), []);
    const answers = await Promise.all([tryPort(81), tryPort(82), tryPort(83)]);
    assert.ok(answers[2], `kill ${kills}: new connections go`);
    assert.is(answers[0], answers[1], `kill ${kills}: one whole policy decides`);
  }
  const { code, out, err } = await download;
  assert.is(code, 0, err);
  assert.is(out.split(' ')[0], err.trim());
  await mustMasqc(gateway, 'apply', example);
  assert.is((await masqc(gateway, 'plan', example)).code, 0);
});

unattended('idle connections expire by their timeouts; used ones live', async () => {
  const short = editExample([/timeout .*/, 'timeout  tcp 3s, tcp-syn 2s, tcp-fin 2s, udp 3s, icmp 2s']);
  const network = await openApplied({}, short);
  const { gateway } = network;
  assert.is(await countFlowEntries(gateway), 0);

  const used = network.at('luke').start(...node('udp-client', internet, '7', '62010'));
  const idle = network.at('luke').start(...node('udp-client', internet, '7', '62011'));
  const open = network.at('han').start(...node('tcp-client', internet, '7', '62012'));
  await Promise.all([used.says(/ready/), idle.says(/ready/), open.says(/seen as/)]);
  idle.write('once');
  await idle.says(/once/);
  await network.at('han').ask('ping', '-c', '1', '-W', '2', internet);
  await network.at('han').ask('curl', '-sS', '-m', '3', `http://${yoda}/`);
  used.write('0');
  await used.says(/ 0$/m);
  assert.is(await countFlowEntries(gateway), 10, 'two entries for each of two UDP, two TCP and one ICMP flow');
  assert.equal(await listProcesses(gateway), []);

  let count = 0;
  await until(
    'only the connection in use is left',
    async () => {
      count += 1;
      used.write(`${count}`);
      await used.says(new RegExp(` ${count}$`, 'm'));
      return (await countFlowEntries(gateway)) === 2;
    },
    20_000,
  );
  const ports = [...used.output.matchAll(/203\.0\.113\.7:(\d+) /g)].map((found) => found[1]);
  assert.equal([...new Set(ports)], ['62010'], 'the connection in use kept its port');

  // What comes back after the end is not let in.
  const ear = await listen(network.at('luke'), 'eth0', 'udp and dst port 62011');
  await network.at('internet').run(node('udp-once', '62011', addresses.wan, '7'));
  assert.equal(await ear.end(), []);
  await until('nothing is left', async () => (await countFlowEntries(gateway)) === 0, 20_000);
  network.close();
});

unattended.run();
