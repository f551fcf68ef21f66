import { closeSync, fchmodSync, fchownSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes a file so that a crash at any instant leaves the old text or the new one, whole: a temporary file beside it,
 * fsync, rename, fsync of the directory. `owner` gets the file, with exactly that mode, whatever the umask.
 */
export function writeAtomically(path: string, text: string | Uint8Array, mode = 0o600, owner?: Owner): void {
  const temporary = `${path}.${process.pid}.tmp`;
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const fd = openSync(temporary, 'w', owner === undefined ? mode : 0o600);
  try {
    if (owner !== undefined) {
      if (owner.uid !== process.geteuid?.() || owner.gid !== process.getegid?.()) fchownSync(fd, owner.uid, owner.gid);
      fchmodSync(fd, mode);
    }
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    fsyncSync(fd);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
  syncDirectory(dirname(path));
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
