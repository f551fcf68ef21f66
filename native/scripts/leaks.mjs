// Runs leak-loop.ts with the addon of `make asan` and fails on every leak or memory error that has a frame of the
// addon or libbpf in its stack (Node's own do not count). ROUNDS in the environment sets how long; CONTROL=1 makes the
// addon leak on purpose, which must be found.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const local = join(dirname(here), 'node_modules/node/bin/node');
const node = existsSync(local) ? local : process.execPath;
const runtime = spawnSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim();

const run = spawnSync(
  node,
  ['--expose-gc', join(here, 'scripts/leak-loop.ts'), join(here, 'build/asan/leaks.bpf.o'), process.env.ROUNDS ?? '50'],
  {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: {
      ...process.env,
      LD_PRELOAD: runtime,
      LIBBPF_TS_ADDON: join(here, 'build/asan/libbpf.node'),
      LIBBPF_TS_LEAK: process.env.CONTROL ?? '',
      ASAN_OPTIONS: 'detect_leaks=1:fast_unwind_on_malloc=0:malloc_context_size=25:exitcode=0:halt_on_error=1',
      LSAN_OPTIONS: 'report_objects=0',
    },
  },
);

const blocks = run.stderr.split(/\n\n+/);
const ours = blocks.filter(
  (block) => /libbpf|\bsrc\/[\w-]+\.(cpp|h):/.test(block) && /leak of|ERROR: Address/.test(block),
);
const checked = /LeakSanitizer|SUMMARY/.test(run.stderr);
for (const block of ours) console.error(`${block}\n`);
if (run.status !== 0) {
  console.error(run.stderr.slice(-4000));
  console.error(`the loop itself failed with status ${run.status ?? run.signal}`);
}
console.log(
  `${ours.length} leaks or memory errors of the addon${checked ? '' : ' (no report of the sanitizer at all)'}`,
);
process.exitCode = ours.length > 0 || run.status !== 0 ? 1 : 0;
