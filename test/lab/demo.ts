/**
 * `npm run demo`: the article's gateway at work, with real programs, in network namespaces of this machine.
 *
 *   npm run demo -- [--short] [--wan tun|ethernet]
 *
 * Ends with 1 when a step does not show what it should. Takes everything down again whatever happens.
 */
import { basename, dirname } from 'node:path';
import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { ArticleNetwork, addresses } from './article-network.ts';
import { Stage } from './demo/stage.ts';
import { listApplySteps, listInwardSteps, listOutwardSteps, listShowSteps, makeHiddenHostStep } from './demo/steps.ts';
import { pinsOf } from './masqc.ts';
import type { Namespace } from './namespace.ts';
import { findObstacle } from './obstacle.ts';
import { startDisplay, startNameServer, startWebServer } from './servers.ts';
import { compareSnapshots, listFolder, takeSnapshot } from './snapshot.ts';

const PICTURE = `
    han    192.168.1.20 ─┐                                    ┌─ internet 192.0.2.80, 192.0.2.53
    luke   192.168.1.21 ─┴─ eth0 [ deathstar ] ppp0 ── isp ───┼─ stranger 192.0.2.7
    yoda   192.168.2.10 ─┬─ eth1 [           ] 203.0.113.7    └─ partner  198.51.100.9
    leia   192.168.2.11 ─┘
`;

/** What stands on the machine and must stand there afterwards. */
async function look() {
  return { ...(await takeSnapshot()), 'bpffs of the system': listFolder('/sys/fs/bpf') };
}

/** What masqc has left of this gateway; of /run/masqc itself, where it was not there before and nobody else is in it. */
function findTraces(gateway: Namespace, wasThere: boolean): string[] {
  const pins = pinsOf(gateway);
  const names = [...listFolder('/run/masqc'), ...listFolder(dirname(pins))].filter((path) =>
    /\/[\w-]+-\d+$/.test(path),
  );
  const traces = names.filter((path) => path.endsWith(`/${basename(pins)}`));
  if (!wasThere && names.length === 0) traces.push(...listFolder('/run/masqc'));
  return traces;
}

async function perform(network: ArticleNetwork, stage: Stage): Promise<void> {
  await Promise.all([
    startWebServer(network.at('internet')),
    startNameServer(network.at('internet')),
    startWebServer(network.at('yoda')),
    startWebServer(network.at('han')),
    startDisplay(network.at('han')),
  ]);
  const wasThere = listFolder('/run/masqc').length > 0;
  const before = await takeSnapshot((...argv) => network.gateway.ask(...argv));
  for (const step of listApplySteps(network)) await stage.play(step);
  for (const step of [...listOutwardSteps(network), ...listInwardSteps(network)]) await stage.play(step);

  await network.routeInnerNetworksFromOutside();
  const ear = network.at('han').start('tcpdump', '-nni', 'eth0', '--immediate-mode', 'host', addresses.stranger);
  await ear.says(/listening on/);
  await stage.play(makeHiddenHostStep(network, ear));

  for (const step of listShowSteps(network)) await stage.play(step);
  const left = compareSnapshots(before, await takeSnapshot((...argv) => network.gateway.ask(...argv)));
  left.push(...findTraces(network.gateway, wasThere));
  if (left.length > 0) stage.fail('masqc down leaves the gateway as it was', left.join('\n'));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { short: { type: 'boolean', default: false }, wan: { type: 'string', default: 'tun' } },
  });
  const obstacle = await findObstacle({ tun: values.wan !== 'ethernet' });
  if (obstacle !== null) {
    console.error(obstacle);
    process.exitCode = 1;
    return;
  }
  const stage = new Stage(values.short);
  const started = Date.now();
  const before = await look();
  stage.say(pc.bold("\nThe gateway of 'IP Masquerading Code Follow-up' (1997), translated in the kernel of today"));
  stage.tell(PICTURE);
  const network = await ArticleNetwork.open({ wan: values.wan === 'ethernet' ? 'ethernet' : 'tun' });
  try {
    await perform(network, stage);
  } finally {
    network.close();
  }
  const changed = compareSnapshots(before, await look());
  if (changed.length > 0) stage.fail('this machine is as it was before', changed.join('\n'));
  else
    stage.say("\n  The laboratory is gone; this machine's own network settings, rules and sysctls are as they were.");

  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (stage.failed.length === 0) {
    stage.say(`\n${pc.green('All of it worked')}, in ${seconds} s.\n`);
    return;
  }
  stage.say(`\n${pc.red(`${stage.failed.length} did not work`)}, in ${seconds} s:`);
  for (const title of stage.failed) stage.say(`  ${title}`);
  process.exitCode = 1;
}

await main();
