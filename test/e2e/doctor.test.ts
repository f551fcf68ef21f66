/** `masqc doctor` on a machine that is broken in one way after the other: it finds each, and the mend that it names mends it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArticleNetwork } from '../lab/article-network.ts';
import { editExample, example, masqc, mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import { startEchoServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const test = suite('doctor');
const folder = mkdtempSync(join(tmpdir(), 'masqc-doctor-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

interface Found {
  readonly id: string;
  readonly severity: string;
  readonly text: string;
  readonly mend: string | null;
}
const network = await ArticleNetwork.open({ wan: 'ethernet', cables: 'wire' });
const { gateway } = network;

async function ask(
  ...args: string[]
): Promise<{ code: number | null; findings: readonly Found[]; find: (id: string) => Found | undefined; all: string }> {
  const { code, out, err } = await masqc(gateway, 'doctor', ...args, '--json');
  if (out === '') throw new Error(err);
  const { findings } = JSON.parse(out) as { findings: Found[] };
  return { code, findings, find: (id) => findings.find((one) => one.id === id && one.severity !== 'fine'), all: out };
}
/** Runs the mend of a finding, as its reader would. */
const mend = (found: Found | undefined) => gateway.ask('sh', '-c', found?.mend ?? 'false');

/** Two programs that let everything by. */
async function compilePrograms(): Promise<string> {
  const object = join(folder, 'pass.o');
  const source = `
    #include <linux/bpf.h>
    __attribute__((section("xdp"), used)) int other_xdp(struct xdp_md *ctx) { return XDP_PASS; }
    __attribute__((section("tc"), used)) int other_tc(struct __sk_buff *skb) { return 0; }
    char _license[] __attribute__((section("license"), used)) = "GPL";`;
  const { stdout: multiarch } = await execa('gcc', ['-print-multiarch']);
  const flags = ['-O2', '-g', '-target', 'bpf', '-isystem', `/usr/include/${multiarch}`, '-x', 'c', '-c', '-'];
  await execa('clang', [...flags, '-o', object], { input: source });
  return object;
}

test('before anything is applied: it says what is so, and breaks nothing', async () => {
  const { code, find, all } = await ask(example);
  assert.is(code, 0, all);
  assert.is(find('not-applied')?.severity, 'note');
  assert.is(find('forwarding-off')?.severity, 'note');
  assert.is(find('absent'), undefined);
  const text = (await masqc(gateway, 'doctor', example)).out;
  assert.match(text, /^Kernel\n {2}✓ Linux /);
  assert.is((await masqc(gateway, 'doctor', writeGatewayFile('gateway {'))).code, 1);
});

test('finds what was broken in a machine that runs', async () => {
  const object = await compilePrograms();
  await startEchoServer(gateway, 61234);
  await mustMasqc(gateway, 'apply', example);
  const well = await ask();
  assert.is(well.code, 0, well.all);
  for (const id of ['rp-filter', 'other-firewall', 'local-ports', 'forwarding-off', 'other-program', 'drift']) {
    assert.is(well.find(id), undefined, id);
  }
  await gateway.ip('route add default via 192.168.1.20 metric 500'); // another uplink, behind the lan
  await gateway.set({
    'net.ipv4.ip_forward': 0,
    'net.ipv4.conf.ppp0.rp_filter': 1,
    'net.ipv4.ip_local_port_range': '50000 65000',
  });
  const ruleset = `table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }
    chain DOCKER-USER { }
    }
    table ip nat { chain post { type nat hook postrouting priority 100; oifname "ppp0" masquerade
    }
    }`;
  const loaded = await gateway.run(['nft', '-f', '-'], { input: ruleset });
  assert.is(loaded.code, 0, loaded.err);
  await gateway.ask('tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact');
  await gateway.ask('tc', 'filter', 'add', 'dev', 'eth0', 'ingress', 'bpf', 'da', 'obj', object, 'sec', 'tc');
  const sick = await ask();
  assert.is(sick.code, 2, sick.all);
  assert.is(sick.find('forwarding-off')?.severity, 'error');
  assert.match(sick.find('rp-filter')?.text ?? '', 'ppp0: rp_filter is strict');
  assert.match(sick.find('local-ports')?.text ?? '', '50000-65000');
  assert.match(sick.find('sockets-in-pool')?.text ?? '', 'tcp 61234');
  assert.match(sick.find('other-firewall')?.text ?? '', 'ip filter of Docker may drop');
  assert.match(sick.find('other-nat')?.text ?? '', 'ip nat may translate');
  assert.match(sick.find('other-program')?.text ?? '', 'clsact ingress: other_tc');

  for (const id of ['forwarding-off', 'rp-filter', 'local-ports']) await mend(sick.find(id));
  await gateway.ask('nft', 'delete', 'table', 'ip', 'filter');
  await gateway.ask('nft', 'delete', 'table', 'ip', 'nat');
  await gateway.ask('tc', 'filter', 'del', 'dev', 'eth0', 'ingress');
  const mended = await ask();
  assert.is(mended.code, 0, mended.all);
  for (const id of ['rp-filter', 'other-firewall', 'other-nat', 'local-ports', 'forwarding-off', 'other-program']) {
    assert.is(mended.find(id), undefined, id);
  }
});

test('sees that the machine has drifted from what was applied, and what attach mends', async () => {
  await gateway.ask('nft', 'delete', 'table', 'inet', 'masqc');
  await gateway.ip('link set ppp0 mtu 1400');
  const { code, find } = await ask();
  assert.is(code, 2);
  assert.match(find('guard-gone')?.mend ?? '', 'masqc attach');
  assert.match(find('drift')?.text ?? '', 'guard');
  await mustMasqc(gateway, 'attach');
  assert.is((await ask()).find('drift'), undefined);
  const bare = writeGatewayFile(editExample([' { mss clamp }', '']));
  assert.match((await ask(bare)).find('mss')?.mend ?? '', 'interface wan = ppp0 { mss clamp }');
});

test('names another XDP program, and the command that takes it off', async () => {
  await mustMasqc(gateway, 'down');
  await gateway.ask('ip', 'link', 'set', 'dev', 'eth1', 'xdp', 'object', join(folder, 'pass.o'), 'section', 'xdp');
  const held = async () => (await ask(example)).findings.find((one) => /another program holds XDP/.test(one.text));
  const found = await held();
  assert.match(found?.text ?? '', /^eth1: .*\(id \d+, other_xdp\)/);
  await mend(found);
  assert.is(await held(), undefined);
});

test.run();
