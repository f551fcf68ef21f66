// Emits the JavaScript and the types of lib/ to dist/, for the package. Plain JavaScript: runs under Node 20 too.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = [here, dirname(here)].map((at) => join(at, 'node_modules/.bin/tsc')).find((path) => existsSync(path));
if (compiler === undefined) throw new Error('the TypeScript compiler is missing: npm install');
rmSync(join(here, 'dist'), { recursive: true, force: true });
const files = readdirSync(join(here, 'lib')).map((name) => join(here, 'lib', name));
execFileSync(
  compiler,
  [
    ...['--ignoreConfig', '--rootDir', join(here, 'lib'), '--outDir', join(here, 'dist'), '--declaration'],
    ...['--target', 'es2022', '--lib', 'es2024', '--types', 'node', '--module', 'nodenext', '--strict'],
    ...['--moduleResolution', 'nodenext', '--verbatimModuleSyntax', '--erasableSyntaxOnly', '--skipLibCheck'],
    ...['--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--rewriteRelativeImportExtensions', ...files],
  ],
  { stdio: 'inherit', cwd: here },
);
