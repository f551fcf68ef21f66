/**
 * Before `npm pack`: dist/ with the JavaScript, and beside it at the same places what it reads, so that the package
 * needs no compiler, no headers and no TypeScript where it is installed.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './run.mjs';

const dist = join(root, 'dist');
execFileSync('make', ['-s', '-C', join(root, 'native')], { stdio: 'inherit' });
rmSync(dist, { recursive: true, force: true });
const options = [
  '--noEmit',
  'false',
  '--outDir',
  dist,
  '--rootDir',
  root,
  '--target',
  'es2022',
  '--sourceMap',
  'false',
];
execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(root, 'setup/tsconfig.package.json'), ...options], {
  stdio: 'inherit',
});
// What is read at run time: schemas, and the text of `masqc explain`.
const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.schema.json') || name === 'codes.md');
for (const path of ['package.json', 'native/prebuilt', ...docs.map((name) => `docs/${name}`)]) {
  mkdirSync(dirname(join(dist, path)), { recursive: true });
  cpSync(join(root, path), join(dist, path), { recursive: true });
}
