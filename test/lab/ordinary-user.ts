import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/**
 * The command as an ordinary user gives it, without any right of root's. The clone, which may lie in a folder that only
 * root may enter, is seen at /mnt; the command's words that are paths in it are changed to that.
 */
export function asOrdinaryUser(argv: readonly string[]): string[] {
  const words = argv.map((word) => (word.startsWith(`${root}/`) ? `/mnt${word.slice(root.length)}` : word));
  const drop = 'setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all';
  const script = `mount --bind "$0" /mnt && cd /mnt && exec ${drop} "$@"`;
  return ['unshare', '--mount', 'sh', '-c', script, root, ...words];
}
