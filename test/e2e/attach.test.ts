/** `masqc attach`: devices that come after apply; what it leaves to apply, and the hooks that call it. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { ArticleNetwork, addresses } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import { editExample, example, masqc, masqcCommand, mustMasqc, pinsOf, root, writeGatewayFile } from '../lab/masqc.ts';
import type { Namespace } from '../lab/namespace.ts';
import { startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'tun', 'btf');

const test = suite('attach');
const { internet, wan } = addresses;

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

/** Each test leaves the wan up; the next one finds what the one before has applied. */
const network = await ArticleNetwork.open({ wan: 'tun' });
const { gateway } = network;
await startWebServer(network.at('internet'));

test('attach leaves to apply what is not about devices, and does nothing where nothing is applied', async () => {
  assert.match(await mustMasqc(gateway, 'attach', 'ppp0'), 'Nothing is applied');
  assert.is(JSON.parse(await mustMasqc(gateway, 'attach', '--json')).gateway, null);
  await mustMasqc(gateway, 'apply', example);
  const { findPins } = await import('../../runtime/machine/bpffs.ts');
  const { statSync } = await import('node:fs');
  const pins = findPins('deathstar', statSync(`/run/netns/${gateway.id}`).ino);
  rmSync(`${pins}/slots4`);
  const { code, err } = await masqc(gateway, 'attach');
  assert.is(code, 3);
  assert.match(err, 'masqc down');
  await mustMasqc(gateway, 'down');
});

test('a device that is not there yet is accepted, shut, waited for, and attached by hand', async () => {
  await network.dropWan();
  await isGone(gateway);
  const applied = await mustMasqc(gateway, 'apply', example);
  assert.match(applied, 'wan = ppp0 is not there');
  assert.match((await readStatus(gateway)).warnings.join(), 'Waiting for ppp0 (wan)');
  assert.match(await mustMasqc(gateway, 'show', 'status'), 'waiting for ppp0');
  assert.match(await mustMasqc(gateway, 'attach'), 'waiting: wan = ppp0');
  await network.raiseWan();
  assert.match((await readStatus(gateway)).warnings.join(), 'ppp0 has come and is shut');
  await network.routeInnerNetworksFromOutside();
  const leaks = await listen(network.at('isp'), 'line0', 'src net 192.168.0.0/16');
  assert.is.not((await fetchPage(network)).code, 0);
  assert.equal(await leaks.end(), []);

  assert.match(await mustMasqc(gateway, 'attach', 'ppp0'), 'ppp0 in the active policy');
  assert.match((await fetchPage(network)).out, `internet greets ${wan}:`);
  assert.match(await mustMasqc(gateway, 'attach', 'ppp0'), 'every device that is here is attached');
  assert.match(await mustMasqc(gateway, 'attach', 'eth7'), 'eth7 is no interface of deathstar');
  assert.is((await readStatus(gateway)).generation, 1);
  assert.is((await masqc(gateway, 'plan', example)).code, 0);
});

test('the hooks that are shipped call verbs that are there, for the device that they are told', async () => {
  const hooks = join(root, 'examples/hooks');
  for (const name of readdirSync(hooks).filter((one) => one !== 'README.md')) {
    const text = readFileSync(join(hooks, name), 'utf8');
    if (name.endsWith('.rules')) assert.match(text, 'masqc-attach@$name.service');
    else assert.match(text, /masqc (attach ("\$(device|IFACE)"|%I)|watch)$/m, name);
  }
  await network.dropWan();
  await isGone(gateway);
  await network.raiseWan();
  const bin = mkdtempSync(join(tmpdir(), 'masqc-hook-'));
  try {
    writeFileSync(join(bin, 'masqc'), `#!/bin/sh\nexec ${masqcCommand.map((word) => `'${word}'`).join(' ')} "$@"\n`);
    chmodSync(join(bin, 'masqc'), 0o755);
    const path = `PATH=${bin}:${process.env.PATH}`;
    const asked = await gateway.run(['env', path, 'PPP_IFACE=eth5', join(hooks, 'ip-up')]);
    assert.match(asked.out, 'eth5 is no interface', asked.err);
    const { code, out, err } = await gateway.run(['env', path, join(hooks, 'ip-up'), 'ppp0', '/dev/tty1', '0']);
    assert.is(code, 0, `${out}${err}`);
    assert.match((await fetchPage(network)).out, `internet greets ${wan}:`);
    const again = await gateway.run(['env', path, 'IFACE=ppp0', join(hooks, 'routable')]);
    assert.match(again.out, 'every device that is here is attached');
  } finally {
    rmSync(bin, { recursive: true, force: true });
  }
});

test('what attach goes by is the file that was applied last, to the word', async () => {
  const changed = writeGatewayFile(editExample(['mss clamp', 'mss 1234']));
  await network.dropWan();
  await isGone(gateway);
  await mustMasqc(gateway, 'apply', changed);
  await network.raiseWan();
  const { steps } = JSON.parse(await mustMasqc(gateway, 'attach', '--json')) as {
    steps: { kind: string; after?: { mss: unknown } }[];
  };
  assert.is(steps.find((step) => step.kind === 'interface')?.after?.mss, 1234);
});

test('redials leave nothing behind', async () => {
  const network = await openApplied({ wan: 'ethernet' });
  const { gateway } = network;
  for (let times = 0; times < 3; times += 1) {
    await gateway.ip('link del ppp0', 'link add ppp0 type bridge'); // comes and goes with nobody looking, and stays
    await gateway.ip('link del ppp0', 'link add ppp0 type bridge');
    await mustMasqc(gateway, 'attach', 'ppp0');
  }
  const { interfaces } = await readStatus(gateway);
  assert.equal(interfaces.map((one) => one.device).sort(), ['eth0', 'eth1', 'ppp0']);
  for (const map of ['ids_0', 'seats']) {
    const { stdout } = await execa('bpftool', ['-j', 'map', 'dump', 'pinned', `${pinsOf(gateway)}/${map}`]);
    assert.is((JSON.parse(stdout) as unknown[]).length, 3, map);
  }
  assert.is((await masqc(gateway, 'plan', example)).code, 0);
  network.close();
});

test.run();
