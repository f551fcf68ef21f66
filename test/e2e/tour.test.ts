/**
 * The last step of docs/tour.md, on a gateway between namespaces: its commands, one after the other, print what the page
 * shows. Numbers may differ: ports, times, memory of another kernel.
 */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { masqcCommand, root } from '../lab/masqc.ts';
import { RecipeNetwork } from '../lab/recipe.ts';
import { startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const page = readFileSync(`${root}/docs/tour.md`, 'utf8');
const [, step = ''] = page.split(/^## 10\. .*$/m);
/** What is not written by `npm run docs`. */
const byHand = step.replace(/<!-- run: [\s\S]*?<!-- end -->/g, '');
const blocks = [...byHand.matchAll(/```console\n\$ masqc (.+)\n([\s\S]*?)\n```/g)];

/** Numbers, addresses, widths and the kind of TC's hooks are the machine's. */
function blur(text: string): string[] {
  // The last gateway of a machine takes the bpffs with it.
  const lines = text
    .trimEnd()
    .split('\n')
    .filter((line) => !line.includes('bpffs at'));
  return lines.map((line) =>
    line
      .replace(/\d[\d.:,]*/g, 'N')
      .replace(/ {2,}/g, '  ')
      .replace(/clsact|TCX|tcx/g, 'tc'),
  );
}

const tour = suite('the last step of docs/tour.md');
const network = await RecipeNetwork.build({
  file: 'docs/tour/9.masq',
  wan: 'ppp0',
  world: ['192.0.2.80', '198.51.100.9'],
  inside: { eth0: { gateway: '192.168.1.1', hosts: { yoda: '192.168.1.10', han: '192.168.1.20' } } },
});
tour.after(() => network.close());
const [world, yoda, han] = ['world', 'yoda', 'han'].map((name) => network.at(name));
if (!world || !yoda || !han) throw new Error('no network');
await Promise.all([startWebServer(yoda, 8080), startWebServer(world)]);

async function browse(): Promise<void> {
  const [inward, outward] = await Promise.all([
    world?.run(['curl', '-s', '-m', '3', '--interface', '198.51.100.9', 'http://203.0.113.7/']),
    han?.run(['curl', '-s', '-m', '3', 'http://192.0.2.80/']),
  ]);
  assert.match(inward?.out ?? '', /^yoda greets 198\.51\.100\.9:/);
  assert.match(outward?.out ?? '', /^world greets 203\.0\.113\.7:/);
}

tour('has commands', () => {
  const commands = blocks.map(([, line]) => line);
  assert.equal(commands, [
    ...['plan 9.masq', 'apply 9.masq', 'show connections', 'plan 10.masq', 'apply 10.masq', 'down'],
  ]);
});

for (const [, line = '', shown = ''] of blocks) {
  tour(`masqc ${line}`, async () => {
    if (line === 'show connections') await browse();
    const command = [...masqcCommand, ...line.split(' ')];
    const { out, err } = await network.gateway.run(command, { limit: 120_000, cwd: `${root}/docs/tour` });
    const [printed, expected] = [blur(out + err), blur(shown)];
    // Connections come in the order of the table.
    assert.equal(
      line === 'show connections' ? printed.sort() : printed,
      line === 'show connections' ? expected.sort() : expected,
    );
  });
}

tour.run();
