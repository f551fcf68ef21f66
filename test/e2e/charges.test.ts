/** What the lines of older files count in is known as long as a connection of theirs lives, and forgotten when there is much. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mustMasqc, pinsOf, writeGatewayFile } from '../lab/masqc.ts';
import { node } from '../lab/servers.ts';
import { openSix, six } from '../lab/six-network.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'tun', 'btf');

const test = suite('charges');
const LINES = 4000;

const textOf = (first: number) => `
gateway six {
  datapath    ebpf
  default     deny
  flows       4096
  established keep
  timeout     tcp-fin 1s
}
interface wan = wan0
interface lan = eth0
network home = 2001:db8:1::/64 on lan
policy out from lan to wan {
  allow tcp 7
${Array.from({ length: LINES }, (_, i) => `  deny udp ${first + i} to 2001:db8:${(i % 2).toString(16)}ffe::/48`).join('\n')}
  default allow
}
`;

test('a connection of the first file counts for its line when it ends, five files later', async () => {
  const { lab, at } = await openSix();
  const gw = at('gw');
  await mustMasqc(gw, 'apply', writeGatewayFile(textOf(1000)));
  const client = at('han').start(...node('tcp-client', six.server, '7'));
  await client.says(/seen as/);
  for (let i = 1; i <= 4; i += 1) {
    await mustMasqc(gw, 'apply', writeGatewayFile(textOf(1000 + i)));
    client.write(`file ${i}`);
    await client.says(new RegExp(`^file ${i}$`, 'm'));
  }
  const dump = await gw.ask('bpftool', '-j', 'map', 'dump', 'pinned', `${pinsOf(gw, 'six')}/charges`);
  const keys = (JSON.parse(dump) as { formatted: { key: number } }[]).map(({ formatted }) => formatted.key >>> 16);
  assert.equal([...new Set(keys)].sort(), [1, 4, 5], 'with a live connection; before the last switch, and since');

  const rule = async () => {
    const { lines } = JSON.parse(await mustMasqc(gw, 'show', 'rules', '--json')) as {
      lines: { text: string; live: number; packets: number }[];
    };
    return lines.find(({ text }) => text === 'allow tcp 7');
  };
  const before = await rule();
  assert.is(before?.live, 1);
  await client.stop();
  await until('it has ended', async () => (await rule())?.live === 0, 15_000);
  const after = await rule();
  assert.ok((after?.packets ?? 0) >= (before?.packets ?? Number.NaN), JSON.stringify([before, after]));
  lab.close();
});

test.run();
