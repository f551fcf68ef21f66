import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { root, runQuietly, SetupError } from './run.mjs';

/** @param {string} path inside the repository */
const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

/**
 * @param {{ os?: string[], cpu?: string[] }} entry
 * @returns {boolean} whether npm may leave an optional package out on this machine
 */
function isForAnotherMachine(entry) {
  const lacks = (list, mine) => list !== undefined && !list.includes(mine);
  return lacks(entry.os, process.platform) || lacks(entry.cpu, process.arch);
}

/** @returns {boolean} whether node_modules holds what package-lock.json says */
function isInstalled() {
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false;
  const wanted = readJson('package-lock.json').packages;
  const installed = readJson('node_modules/.package-lock.json').packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return entry.optional === true;
    if (entry.optional === true && isForAnotherMachine(entry)) return true;
    return found.version === entry.version && found.integrity === entry.integrity && existsSync(join(root, path));
  });
}

/** @returns {string | null} what `node_modules/.bin/node --version` says, without the v */
function readNodeVersion() {
  const path = join(root, 'node_modules/.bin/node');
  if (existsSync(path) && realpathSync(path) === process.execPath) return process.versions.node;
  const asked = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.trim().replace(/^v/, '') : null;
}

/**
 * The npm package `node` brings its program by an install script; npm versions differ in whether they run it. So no
 * install script runs here, and the package with the program itself is fetched into its place.
 *
 * @param {string} version
 */
function installNode(version) {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  const name = `${prefix}-${platform}-${process.arch}`;
  const home = join(root, 'node_modules/node');
  runNpm(['install', '--prefix', home, '--no-save', '--no-package-lock', '--ignore-scripts', `${name}@${version}`]);
  const program = platform === 'win' ? 'node.exe' : 'node';
  const fetched = [`node_modules/${name}/bin/${program}`, `../${name}/bin/${program}`]
    .map((path) => join(home, path))
    .find((path) => existsSync(path));
  if (fetched === undefined) throw new SetupError(`The npm package ${name}@${version} came without bin/${program}.`);
  place(fetched, join(home, 'bin', program));
  const link = join(root, 'node_modules/.bin/node');
  if (process.platform !== 'win32' && !existsSync(link)) {
    rmSync(link, { force: true });
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync('../node/bin/node', link);
  }
}

/** Hard link where the file system can, else a copy. */
function place(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  rmSync(to, { force: true });
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/** @param {string[]} args */
function runNpm(args) {
  // Inside an npm script the settings of the outer npm are in the environment; they must not reach this one.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config_|package_|lifecycle_)/.test(name)),
  );
  for (const name of ['registry', 'cache', 'userconfig', 'globalconfig', 'offline', 'prefer_offline']) {
    const value = process.env[`npm_config_${name}`];
    if (value !== undefined) env[`npm_config_${name}`] = value;
  }
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  runQuietly(npm, [...args, '--no-audit', '--no-fund', '--loglevel=error'], { env });
}

/**
 * Brings node_modules to what the lock says, and Node to the version that package.json asks for.
 *
 * @param {{ say: (line: string) => void }} options
 * @throws {SetupError}
 */
export function installNpmPackages(options) {
  if (!isInstalled()) {
    options.say('npm packages: installing what package-lock.json lists');
    runNpm(['ci', '--ignore-scripts']);
    if (!isInstalled()) throw new SetupError('npm ci ended well, but node_modules does not hold what the lock lists.');
  }
  const wanted = readJson('package.json').devDependencies.node;
  if (readNodeVersion() === wanted) return;
  options.say(`Node ${wanted}: fetching it from the npm registry`);
  installNode(wanted);
  const found = readNodeVersion();
  if (found !== wanted)
    throw new SetupError(`node_modules/.bin/node should be ${wanted} and is ${found ?? 'not there'}.`);
}
