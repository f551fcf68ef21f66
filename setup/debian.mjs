import { spawnSync } from 'node:child_process';
import { listDebianPackages } from './debian-packages.mjs';
import { runQuietly, SetupError, sleep } from './run.mjs';

const patience = 300; // s, with another apt-get that is at work

/**
 * @param {string[]} wanted
 * @returns {string[] | null} those that are not installed; null where there is no dpkg
 */
function findMissing(wanted) {
  const format = '-f=$' + '{Package} $' + '{db:Status-Status}\n';
  const query = spawnSync('dpkg-query', ['-W', format, ...wanted], { encoding: 'utf8' });
  if (query.error !== undefined) return null;
  const installed = new Set();
  for (const line of query.stdout.split('\n')) {
    const [name, status] = line.split(' ');
    if (status === 'installed') installed.add(name);
  }
  return wanted.filter((name) => !installed.has(name));
}

/**
 * Waits while another apt is at work, as a fresh machine's own is after its start: apt-get itself waits for the lock of
 * the installed packages, but not for that of the lists.
 */
function runApt(args, env) {
  const until = Date.now() + patience * 1000;
  for (;;) {
    try {
      return runQuietly('apt-get', [`-oDPkg::Lock::Timeout=${patience}`, ...args], { env });
    } catch (error) {
      if (!/Could not get lock/.test(error.message) || Date.now() > until) throw error;
      sleep(1000);
    }
  }
}

/**
 * Installs the Debian packages that are missing.
 *
 * @param {{ kernels: boolean, say: (line: string) => void }} options
 * @returns {string[]} what is still missing (not root, not Debian); empty when everything is there
 * @throws {SetupError} when apt-get fails
 */
export function installDebianPackages(options) {
  const wanted = listDebianPackages(options);
  const missing = findMissing(wanted);
  if (missing === null) {
    options.say(`This is no Debian: the programs of these packages are taken as they are: ${wanted.join(' ')}`);
    return [];
  }
  if (missing.length === 0) return [];
  if (process.getuid?.() !== 0) {
    options.say(`Not root, so these Debian packages stay missing: apt-get install ${missing.join(' ')}`);
    return missing;
  }
  options.say(`Debian packages: installing ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  runApt(['update', '-qq'], env);
  runApt(['install', '-y', '-qq', '--no-install-recommends', ...missing], env);
  const left = findMissing(missing) ?? [];
  if (left.length > 0) throw new SetupError(`apt-get ended well, but these packages are not there: ${left.join(' ')}`);
  return [];
}
