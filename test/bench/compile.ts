/**
 * `npm run bench:compile`: how long the command line takes, as whole processes, beside `nft -c -f` of the same meaning.
 * The least of `--rounds` runs (3): what the clock says, and CPU time, which other work on the machine changes less.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { MASQC, nftMasquerade } from './gateways.ts';
import { nftBlockList, nftRules, withBlockList, withRules } from './rules.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } },
});
const folder = mkdtempSync(join(tmpdir(), 'masqc-bench-compile-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

interface Timed {
  readonly work: string;
  readonly ms: number;
  readonly cpu: number;
}

function time(work: string, argv: readonly string[]): Timed {
  let [ms, cpu] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < Number(values.rounds); round++) {
    const began = performance.now();
    const ended = spawnSync('bash', ['-c', `TIMEFORMAT='cpu %U %S'; time "$@"`, 'bash', ...argv], { encoding: 'utf8' });
    ms = Math.min(ms, performance.now() - began);
    if (ended.status !== 0)
      throw new Error(`${argv.join(' ')} ended with ${ended.status}\n${ended.stdout}${ended.stderr}`);
    const [, user, system] = /^cpu ([\d.]+) ([\d.]+)$/m.exec(ended.stderr) ?? [];
    cpu = Math.min(cpu, (Number(user) + Number(system)) * 1000);
  }
  return { work, ms, cpu };
}

function nftFile(name: string, before: { set: string; rules: string }): string {
  const path = join(folder, name);
  writeFileSync(path, nftMasquerade(before));
  return path;
}

const example = join(import.meta.dirname, '../../examples/deathstar.masq');
const build = (file: string) => [...MASQC, 'build', file, '-o', join(folder, 'built')];
const rows: Timed[] = [
  time('node -e 0', [process.execPath, '-e', '0']),
  time('masqc check, the example', [...MASQC, 'check', example]),
  ...[10_000, 60_000].flatMap((count) => {
    const what = `${count.toLocaleString('en')} lines`;
    const nft = nftFile(`rules-${count}.nft`, { set: '', rules: nftRules(count) });
    return [
      time(`masqc check, ${what}`, [...MASQC, 'check', withRules(count)]),
      time(`masqc build, ${what}`, build(withRules(count))),
      time(`nft -c -f, ${what}`, ['nft', '-c', '-f', nft]),
    ];
  }),
  time('masqc check, a set of 100,000 prefixes', [...MASQC, 'check', withBlockList(100_000)]),
  time('masqc build, a set of 100,000 prefixes', build(withBlockList(100_000))),
  time('nft -c -f, a set of 100,000 prefixes', ['nft', '-c', '-f', nftFile('blocked.nft', nftBlockList(100_000))]),
];
const table = new Table({
  head: ['work', 'ms', 'CPU ms'],
  style: { head: [], border: [], compact: true },
  colAligns: ['left', 'right', 'right'],
});
for (const { work, ms, cpu } of rows) table.push([work, ms.toFixed(0), cpu.toFixed(0)]);
console.log(values.json ? JSON.stringify(rows, null, 2) : table.toString());
