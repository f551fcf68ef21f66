import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('native makefile');

const MAKEFILE = fileURLToPath(new URL('../../native/Makefile', import.meta.url));
const SOURCE = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "answer.h"
SEC("xdp") int pass(struct xdp_md *ctx) { return ANSWER + FAMILY; }
char LICENSE[] SEC("license") = "GPL";
`;

/** A directory like native/ with one datapath source. */
function makeTree(parent: string, name: string): string {
  const tree = join(parent, name);
  mkdirSync(join(tree, 'datapath'), { recursive: true });
  copyFileSync(MAKEFILE, join(tree, 'Makefile'));
  writeFileSync(join(tree, 'datapath/sample.bpf.c'), SOURCE);
  writeFileSync(join(tree, 'datapath/answer.h'), '#define ANSWER 2\n');
  for (const name of ['Makefile', 'datapath/sample.bpf.c', 'datapath/answer.h']) setTime(join(tree, name), 1000);
  return tree;
}
const make = (tree: string): string => execFileSync('make', ['-C', tree, 'datapath'], { encoding: 'utf8' });
/** Seconds since 1970: all sources are from 1000, so that what is newer does not depend on the clock. */
const setTime = (path: string, seconds: number): void => utimesSync(path, seconds, seconds);
const FAMILIES = [4, 6] as const;
const built = (tree: string, family: 4 | 6 = 4): string => join(tree, `prebuilt/datapath/sample${family}.bpf.o`);
const age = (tree: string): void => {
  for (const family of FAMILIES) setTime(built(tree, family), 2000);
};

let directory: string;
test.before(() => {
  directory = mkdtempSync(join(tmpdir(), 'native-make-'));
});
test.after(() => rmSync(directory, { recursive: true }));

test('makes the same bytes in every directory', () => {
  const one = makeTree(directory, 'one');
  const other = makeTree(directory, 'another/much/deeper');
  make(one);
  make(other);
  for (const family of FAMILIES) assert.equal(readFileSync(built(one, family)), readFileSync(built(other, family)));
  assert.not.equal(readFileSync(built(one, 4)), readFileSync(built(one, 6)), 'one object for each family of addresses');
  assert.not.match(readFileSync(built(one), 'latin1'), directory);
});

test('builds nothing twice, and again when a header changes', () => {
  const tree = makeTree(directory, 'headers');
  make(tree);
  const first = readFileSync(built(tree));
  age(tree);
  assert.match(make(tree), 'Nothing to be done');
  assert.is(statSync(built(tree)).mtimeMs, 2_000_000);
  const header = join(tree, 'datapath/answer.h');
  writeFileSync(header, '#define ANSWER 1\n');
  setTime(header, 3000);
  make(tree);
  assert.not.equal(readFileSync(built(tree)), first);
});

test('keeps the old object when the source does not compile', () => {
  const tree = makeTree(directory, 'broken');
  make(tree);
  const first = readFileSync(built(tree));
  age(tree);
  writeFileSync(join(tree, 'datapath/sample.bpf.c'), `${SOURCE}int unused(void) { int x; return 1; }\n`);
  setTime(join(tree, 'datapath/sample.bpf.c'), 3000);
  assert.throws(() => execFileSync('make', ['-C', tree, 'datapath'], { stdio: 'pipe' }), 'unused variable');
  assert.equal(readFileSync(built(tree)), first);
});

test.run();
