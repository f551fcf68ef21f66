/** `xdp off` of an interface: the line comes and goes on a gateway that carries connections, and every verb agrees. */
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { addresses } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import { editExample, example, masqc, masqcCommand, mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import type { Namespace } from '../lab/namespace.ts';
import { node } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const test = suite('xdp off');
const lanOff = writeGatewayFile(editExample(['interface lan = eth0', 'interface lan = eth0 { xdp off }']));
const network = await openApplied({ wan: 'ethernet', cables: 'wire' });
const { gateway } = network;
const han = network.at('han');

const hasXdp = async (device: string) => /prog\/xdp/.test(await gateway.ask('ip', '-d', 'link', 'show', 'dev', device));
const fetchPage = () => han.run(['curl', '-sS', '-m', '5', `http://${addresses.internet}/`]);
const findings = async (...file: string[]) => {
  const { out } = await masqc(gateway, 'doctor', ...file, '--json');
  const all = (JSON.parse(out) as { findings: { id: string; severity: string; text: string }[] }).findings;
  return (id: string, device: string) => all.find((one) => one.id === id && one.text.startsWith(`${device}:`));
};
/** What is heard of answers as they leave by the lan: nothing where XDP hands the frames over. */
async function hearAnswers(where: Namespace, device: string): Promise<number> {
  const ear = await listen(where, device, `src host ${addresses.internet}`);
  assert.is((await fetchPage()).code, 0);
  return (await ear.end()).length;
}

test('the line takes XDP off and its end puts it back; a download and an idle connection live through both', async () => {
  assert.ok(await hasXdp('eth0'));
  const idle = han.start(...node('tcp-client', addresses.internet, '7', '62001'));
  await idle.says(/seen as (.*)/);
  const size = 6_000_000;
  const script = `curl -sS -m 30 -w '%{stderr}%header{x-sha256}' 'http://${addresses.internet}/bytes/${size}?rate=1000000' | sha256sum`;
  const download = han.run(['sh', '-c', script], { limit: 40_000 });
  await pause(500);

  const planned = await masqc(gateway, 'plan', lanOff);
  assert.is(planned.code, 2);
  assert.match(planned.out, /- eth0: XDP native +`xdp off` in the file/);
  assert.match(await mustMasqc(gateway, 'apply', lanOff), 'eth0: XDP native');
  assert.not.ok(await hasXdp('eth0'));
  assert.ok(await hasXdp('ppp0'), 'what comes in by the wan keeps it');
  assert.is((await masqc(gateway, 'plan', lanOff)).code, 0);
  idle.write('without');
  await idle.says(/^without$/m);
  assert.match((await fetchPage()).out, `internet greets ${addresses.wan}:`);
  await pause(500);

  const back = await masqc(gateway, 'plan', example);
  assert.match(back.out, '+ eth0: XDP native');
  await mustMasqc(gateway, 'apply', example);
  assert.ok(await hasXdp('eth0'));
  idle.write('with');
  await idle.says(/^with$/m);
  assert.match((await fetchPage()).out, `internet greets ${addresses.wan}:`);
  const { code, out, err } = await download;
  assert.is(code, 0, err);
  assert.is(out.split(' ')[0], err.trim());
});

test('XDP of the wan still sends by it while it takes frames, and TC does when it does not', async () => {
  await mustMasqc(gateway, 'apply', lanOff);
  assert.is(await hearAnswers(gateway, 'eth0'), 0, 'frames that XDP sends are not heard');
  assert.ok((await hearAnswers(han, 'eth0')) > 0);
  const peer = (gro: string) => network.at('switches').ask('ethtool', '-K', 'lan-gw', 'gro', gro);
  await peer('off');
  assert.match(await mustMasqc(gateway, 'show', 'status'), 'no longer takes the frames');
  await mustMasqc(gateway, 'attach');
  assert.ok((await hearAnswers(gateway, 'eth0')) > 0);
  await peer('on');
  await mustMasqc(gateway, 'attach');
  assert.is(await hearAnswers(gateway, 'eth0'), 0);
});

test('attach, watch, status and doctor go by the line', async () => {
  assert.match(await mustMasqc(gateway, 'attach'), 'every device that is here is attached');
  const watching = gateway.start(...masqcCommand, 'watch', '--json');
  await watching.says(/"ready"/);
  await gateway.ip('link set eth0 mtu 1490');
  await watching.says(/"attached"/);
  await gateway.ip('link set eth0 mtu 1500');
  await watching.says(/"attached"[\s\S]*"attached"/);
  await watching.stop('SIGINT');
  assert.not.ok(await hasXdp('eth0'));
  const status = JSON.parse(await mustMasqc(gateway, 'show', 'status', '--json')) as {
    warnings: string[];
    interfaces: { device: string; hooks: { hook: string }[] }[];
  };
  assert.equal(status.warnings, []);
  const hooks = status.interfaces.find((one) => one.device === 'eth0')?.hooks.map(({ hook }) => hook);
  assert.equal(hooks, ['tc-egress', 'tc-ingress']);
  const applied = await findings();
  assert.is(applied('xdp', 'eth0')?.severity, 'fine');
  assert.match(applied('xdp', 'eth0')?.text ?? '', '`xdp off` in the file');
  const other = await findings(example);
  assert.match(other('xdp', 'eth0')?.text ?? '', 'XDP, if what comes has whole checksums');
  network.close();
});

test.run();
