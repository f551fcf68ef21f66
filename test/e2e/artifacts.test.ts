/** The objects of `masqc build` in the hands of the usual tools, and the lines of the file in the kernel after apply. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../compiler/compile.ts';
import { listNodes } from '../../compiler/diagram/count.ts';
import type { Node } from '../../compiler/diagram/diagram.ts';
import { openApplied } from '../lab/applied.ts';
import { example, masqcCommand, pinsOf } from '../lab/masqc.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const artifacts = suite('artifacts');
const folder = mkdtempSync(join(tmpdir(), 'masqc-artifacts-'));
const [node = '', ...script] = masqcCommand;
await execa(node, [...script, 'build', example, '-o', folder]);
const FUNCTIONS = ['masqc_policy_ingress', 'masqc_policy_forward'];

/** LLVM 14 is what Debian 12 has. */
const found = await execa('sh', ['-c', 'command -v llvm-objdump-14 || command -v llvm-objdump']);
const objdump = found.stdout;

for (const name of ['policy.o', 'linked.o']) {
  artifacts(`llvm-objdump -d reads every instruction of ${name}`, async () => {
    const { stdout, stderr } = await execa(objdump, ['-d', '--mcpu=v3', '--mattr=+alu32', join(folder, name)]);
    assert.is(stderr, '');
    assert.not.match(stdout, '<unknown>');
    for (const one of FUNCTIONS) {
      const [, body = ''] = stdout.split(`<${one}>:\n`);
      assert.match(body.split('\n\n')[0] ?? '', /\bexit$/m, one);
    }
  });

  artifacts(`bpftool btf dump file reads the types of ${name}`, async () => {
    const { stdout } = await execa('bpftool', ['btf', 'dump', 'file', join(folder, name)]);
    assert.match(stdout, "STRUCT 'masqc_packet'");
    for (const one of FUNCTIONS) assert.match(stdout, new RegExp(`FUNC '${one}' type_id=\\d+ linkage=global`));
  });
}

/** The lines of the file that some packet is decided by. */
function listDecidingLines(): Map<number, string> {
  const text = readFileSync(example, 'utf8');
  const { model, diagram } = compile(example, () => ({ text }));
  if (model === null || diagram === null) throw new Error('the example has errors');
  const ids = new Set<number>();
  for (const root of Object.values(diagram) as readonly Node<object>[]) {
    for (const leaf of listNodes(root)) {
      if (leaf.kind !== 'leaf') continue;
      const { rule, nat } = leaf.value as { rule?: number; nat?: number };
      ids.add(rule ?? 0).add(nat ?? 0);
    }
  }
  const lines = model.rules.filter(({ id }) => ids.has(id)).map(({ span }) => span.line);
  const source = text.split('\n');
  return new Map(lines.map((line) => [line, source[line - 1]?.trim() ?? '']));
}

artifacts(
  'after apply, bpftool prog dump xlated linum shows each line that decides, as it stands in the file',
  async () => {
    const lines = listDecidingLines();
    assert.match([...lines.values()].join('\n'), /^deny tcp 25 +# only leia sends mail$/m);
    const network = await openApplied();
    const ask = async (...args: string[]) => (await execa('bpftool', args)).stdout;
    const flows = JSON.parse(await ask('-j', 'map', 'show', 'pinned', `${pinsOf(network.gateway)}/flows4`))
      .id as number;
    const programs = JSON.parse(await ask('-j', 'prog', 'show')) as { id: number; name?: string; map_ids?: number[] }[];
    const misses = programs.filter(({ name, map_ids }) => name?.endsWith('_miss') && map_ids?.includes(flows));
    assert.equal(misses.map(({ name }) => name).sort(), ['tc_egress_miss', 'tc_ingress_miss', 'xdp_miss']);
    for (const { id, name } of misses) {
      const dump = await ask('prog', 'dump', 'xlated', 'id', String(id), 'linum');
      const shown = new Map<number, string>();
      for (const [, said = '', line] of dump.matchAll(
        /; (.*) \[file:\S*deathstar\.masq line_num:([1-9]\d*) line_col:\d+\]/g,
      ))
        shown.set(Number(line), said);
      const sorted = (map: Map<number, string>) => [...map].sort(([a], [b]) => a - b);
      assert.equal(sorted(shown), sorted(lines), name); // every hook may have to decide a flow again
    }
    network.close();
  },
);

artifacts.after(() => rmSync(folder, { recursive: true, force: true }));
artifacts.run();
