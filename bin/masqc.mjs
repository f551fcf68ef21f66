#!/usr/bin/env node
// The command. In the repository it runs the TypeScript sources as they are, in the package the JavaScript beside it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as modules from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = 22;
const sources = fileURLToPath(new URL('../runtime/cli/masqc.ts', import.meta.url));
const script = existsSync(sources) ? sources : fileURLToPath(new URL('../dist/runtime/cli/masqc.js', import.meta.url));
const major = Number.parseInt(process.versions.node, 10);

/** The npm package `node`, installed here or above: a newer Node than the machine's. */
function findNode() {
  try {
    return modules.createRequire(import.meta.url).resolve('node/bin/node');
  } catch {
    return null;
  }
}

if (major >= (script === sources ? 24 : NEEDED)) {
  // Twice as fast from the second time on. Never below /tmp, where another user could leave code for root.
  modules.enableCompileCache?.(join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'masqc'));
  await import(script);
} else {
  const node = findNode();
  if (node === null) {
    console.error(`masqc: Node ${NEEDED} or later is needed, this is ${process.version}.`);
    console.error('  `npm install node@24` beside masqc brings one that it finds by itself.');
    process.exitCode = 3;
  } else {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {}); // the child decides
    const done = spawnSync(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
    process.exitCode = done.status ?? 3;
  }
}
