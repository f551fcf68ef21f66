/**
 * Brings a fresh Debian 12 with Node 20 and npm to where masqc can be built, tested and shown; does nothing where that
 * is so already. Plain JavaScript for Node 20: it runs before anything is installed.
 *
 *   node setup/setup.mjs [--quiet] [--kernels] [program.ts [argument …]]
 *
 * With a program, that is run afterwards with the Node that was installed. (A shell that has just run one `node` keeps
 * its path in mind and would not see the new one.) Writes to the repository's folder only, beside what apt-get does.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { installDebianPackages } from './debian.mjs';
import { buildNative } from './native.mjs';
import { installNpmPackages } from './npm.mjs';
import { root, SetupError } from './run.mjs';

/** @param {string[]} args */
function readArguments(args) {
  const end = args.findIndex((arg) => !arg.startsWith('--'));
  const flags = end === -1 ? args : args.slice(0, end);
  const unknown = flags.find((flag) => flag !== '--quiet' && flag !== '--kernels');
  if (unknown !== undefined) throw new SetupError(`Unknown flag ${unknown}; known are --quiet and --kernels.`);
  return {
    quiet: flags.includes('--quiet'),
    kernels: flags.includes('--kernels'),
    program: end === -1 ? [] : args.slice(end),
  };
}

/** @param {string[]} program path and arguments */
function runProgram(program) {
  const node = process.platform === 'win32' ? 'node_modules/node/bin/node.exe' : 'node_modules/.bin/node';
  const child = spawn(join(root, node), program, { stdio: 'inherit', cwd: root });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}

try {
  const { quiet, kernels, program } = readArguments(process.argv.slice(2));
  const say = (line) => quiet || console.log(line);
  const started = Date.now();
  let said = 0;
  const count = (line) => {
    said += 1;
    say(line);
  };
  const missing = installDebianPackages({ kernels, say: count });
  installNpmPackages({ say: count });
  buildNative({ missing, say: count });
  if (said > 0) say(`Set-up took ${((Date.now() - started) / 1000).toFixed(1)} s.\n`);
  else if (program.length === 0) say('Everything is there.');
  if (program.length > 0) runProgram(program);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
