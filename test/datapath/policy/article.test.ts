/** The article's gateway, from its file to the kernel, beside the programs that ask the policy in earnest. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../compiler/compile.ts';
import type { IngressLeaf, NatLeaf, Node, PolicyLeaf } from '../../../compiler/diagram/diagram.ts';
import { emitPolicy } from '../../../compiler/ebpf/emit.ts';
import { readLayout } from '../../../compiler/ebpf/layout.ts';
import { findUnresolved } from '../../../compiler/ebpf/unresolved.ts';
import { needs } from '../../lab/skip.ts';

const MISS = 'native/prebuilt/datapath/miss4.bpf.o';
needs('linux', 'root', 'btf', `file:${MISS}`);

const FILE = 'deathstar.masq';
const root = new URL('../../../', import.meta.url);
const text = readFileSync(new URL(`examples/${FILE}`, root), 'utf8');
const miss = new URL(MISS, root).pathname;
const directory = mkdtempSync(join(tmpdir(), 'masqc-article-'));
const linked = join(directory, 'linked.o');

const test = suite("the article's gateway");
test.after(() => rmSync(directory, { recursive: true, force: true }));

const { model, diagram, sources, diagnostics } = compile(FILE, () => ({ text }));
assert.ok(model, JSON.stringify(diagnostics));
writeFileSync(join(directory, 'policy.o'), emitPolicy(model, diagram, readLayout(readFileSync(miss)), sources));
execaSync('bpftool', ['gen', 'object', linked, join(directory, 'policy.o'), miss]);

/** The ids that some leaf names. */
const decides = new Set<number>();
const seen = new Set<Node<unknown>>();
function collect(node: Node<unknown>, idsOf: (leaf: never) => number[]): void {
  if (seen.has(node)) return;
  seen.add(node);
  if (node.kind === 'leaf') for (const id of idsOf(node.value as never)) decides.add(id);
  else for (const edge of node.edges) collect(edge.to, idsOf);
}
collect(diagram.ingress, (leaf: IngressLeaf) => ('rule' in leaf ? [leaf.rule] : []));
collect(diagram.policy, (leaf: PolicyLeaf) => [leaf.rule]);
collect(diagram.nat, (leaf: NatLeaf) => [leaf.nat]);
collect(diagram.redirected, (leaf: NatLeaf) => [leaf.nat]);

/** A mount namespace with a bpffs where libbpf pins the shared maps by itself; all is gone with its last process. */
const SCRIPT = `mount -t bpf bpf /sys/fs/bpf && bpftool prog loadall "$1" /sys/fs/bpf/p >&2 &&
  for program in xdp_miss tc_ingress_miss tc_egress_miss; do
    echo "== $program"; bpftool prog dump xlated pinned /sys/fs/bpf/p/$program linum || exit 1
  done`;

test('has no extern left once it is linked, and two before', () => {
  assert.equal(findUnresolved(readFileSync(linked)), []);
  assert.equal(findUnresolved(readFileSync(miss)), ['masqc_policy_forward', 'masqc_policy_ingress']);
});

test('loads with every miss program, and shows each line that can decide', () => {
  const { stdout } = execaSync('unshare', ['-m', 'sh', '-c', SCRIPT, 'sh', linked]);
  const [, ...programs] = stdout.split(/^== /m);
  assert.is(programs.length, 3);
  const lines = text.split('\n');
  const shown = new Set<number>();
  for (const program of programs) {
    for (const [, said, line] of program.matchAll(
      /; (.*) \[file:deathstar\.masq line_num:([1-9]\d*) line_col:\d+\]/g,
    )) {
      assert.is(said, lines[Number(line) - 1]?.trim());
      shown.add(Number(line));
    }
  }
  const deciding = model.rules.filter((rule) => decides.has(rule.id)).map((rule) => rule.span.line);
  assert.equal([...shown].sort(), [...new Set(deciding)].sort());
  assert.ok(shown.size > 10);
});

test.run();
