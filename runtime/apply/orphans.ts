import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { findBpffs } from '../machine/bpffs.ts';
import { RUN } from '../machine/paths.ts';
import { parseLinkPin } from '../machine/pins.ts';

type Libbpf = typeof import('../../native/lib/libbpf.ts');

/**
 * Removes what gateways of network namespaces that are no more left here: their maps take memory for as long as they
 * are pinned. A namespace counts as gone only if no process is in it, no mount holds it, and every program of the
 * gateway has lost its device.
 * @returns names of the directories that were removed
 */
export function removeOrphans(libbpf: Libbpf): string[] {
  const root = findBpffs();
  const alive = listNamespaces();
  const names = new Set([...listDirectories(RUN), ...(root === null ? [] : listDirectories(root))]);
  const removed: string[] = [];
  for (const name of names) {
    const inode = /-(\d+)$/.exec(name)?.[1];
    if (inode === undefined || alive.has(Number(inode))) continue;
    const pins = root === null ? null : `${root}/${name}`;
    if (pins !== null && existsSync(pins) && !areLinksDead(pins, libbpf)) continue;
    if (pins !== null) rmSync(pins, { recursive: true, force: true });
    rmSync(`${RUN}/${name}`, { recursive: true, force: true });
    removed.push(name);
  }
  return removed;
}

/** No link at all is not enough: clsact filters leave none, and an apply may be at work. */
function areLinksDead(pins: string, { BpfLink }: Libbpf): boolean {
  const links = readdirSync(pins).filter((name) => parseLinkPin(name) !== null);
  if (links.length === 0) return false;
  return links.every((name) => {
    using link = BpfLink.openPinned(`${pins}/${name}`);
    return link.info().ifindex === 0;
  });
}

/** Inodes of the network namespaces that processes are in, or that are mounted somewhere (`ip netns`). */
function listNamespaces(): Set<number> {
  const inodes = new Set<number>();
  const note = (text: string) => {
    for (const match of text.matchAll(/net:\[(\d+)\]/g)) inodes.add(Number(match[1]));
  };
  note(tolerate(() => readFileSync('/proc/self/mountinfo', 'utf8')));
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    note(tolerate(() => readlinkSync(`/proc/${pid}/ns/net`)));
    note(tolerate(() => readFileSync(`/proc/${pid}/mountinfo`, 'utf8')));
  }
  return inodes;
}

function tolerate(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

function listDirectories(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}
