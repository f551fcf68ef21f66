/** What the tables take, as the kernel counts it: within what is promised for a flow and a mapping, and what plan says. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fixedMaps, loadBytes, tableMaps } from '../../runtime/plan/memory.ts';
import { masqc, mustMasqc, pinsOf, writeGatewayFile } from '../lab/masqc.ts';
import { openSix, six } from '../lab/six-network.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const test = suite('memory');
const FLOWS = 262_144;

/** A flow in both directions, and an endpoint-independent mapping, in bytes. */
const PROMISED = { 4: { flow: 320, mapping: 170 }, 6: { flow: 384, mapping: 170 } } as const;
/** The kernel's own record of a map, of which there is one whatever its size. */
const RECORD = 4096;

const text = `
gateway six {
  datapath ebpf
  default  deny
  flows    ${FLOWS}
}
interface wan = wan0
interface lan = eth0
network local = fd00:1::/64 on lan
policy out from lan to wan {
  default allow
}
masquerade hidden {
  family    ipv6
  from      local
  interface wan
}
`;

test('the kernel counts what is promised, and what plan says', async () => {
  const { lab, at } = await openSix();
  const gw = at('gw');
  const file = writeGatewayFile(text);
  const plan = await masqc(gw, 'plan', file);
  await mustMasqc(gw, 'apply', file);
  const page = await at('han').run(['curl', '-gsS', '-m', '5', `http://[${six.server}]/`]);
  assert.is(page.code, 0, page.err);

  const pins = pinsOf(gw, 'six');
  const taken = new Map<string, { bytes: number; entries: number }>();
  for (const name of (await gw.ask('ls', pins)).trim().split('\n')) {
    const { code, out } = await gw.run(['bpftool', '-j', 'map', 'show', 'pinned', `${pins}/${name}`]);
    if (code !== 0) continue; // a program or a link
    const { bytes_memlock: bytes, max_entries: entries } = JSON.parse(out);
    taken.set(name, { bytes: Number(bytes), entries });
  }
  const bytesOf = (name: string) => taken.get(name)?.bytes ?? Number.NaN;

  for (const family of [4, 6] as const) {
    const flow = (bytesOf(`flows${family}`) + bytesOf(`slots${family}`) - 2 * RECORD) / FLOWS;
    assert.ok(flow <= PROMISED[family].flow, `a flow of IPv${family}: ${flow} bytes`);
    const room = taken.get(`mappings${family}`)?.entries ?? 0;
    const mapping =
      (bytesOf(`mappings${family}`) + bytesOf(`resting${family}`) + bytesOf(`dying${family}`) - 3 * RECORD) / room;
    assert.ok(mapping <= PROMISED[family].mapping, `a mapping of IPv${family}: ${mapping} bytes`);
    for (const [name, bytes] of Object.entries({ ...tableMaps(FLOWS, family), ...fixedMaps(family) })) {
      assert.ok(Math.abs(bytesOf(name) - bytes) <= RECORD, `${name}: ${bytesOf(name)}, and not ${bytes}`);
    }
    // nothing that grows with `flows` is missing in the sum
    const large = [...taken].filter(([name, { entries }]) => name.endsWith(`${family}`) && entries >= FLOWS / 8);
    assert.equal(large.map(([name]) => name).sort(), Object.keys(tableMaps(FLOWS, family)).sort());
  }
  const all = [...taken.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const said = /([\d.]+) MiB of kernel memory, taken now/.exec(plan.out)?.[1];
  assert.ok(Math.abs(Number(said) - all / 2 ** 20) / Number(said) < 0.005, `${said} MiB said, ${all / 2 ** 20} taken`);
  assert.ok(Math.abs(loadBytes(FLOWS, true) - all) / all < 0.005);
  lab.close();
});

test.run();
