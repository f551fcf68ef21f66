import { realpathSync, statSync } from 'node:fs';
import { Refusal, refuseInput } from '../cli/refusal.ts';
import { writeAtomically } from '../machine/atomic.ts';

/**
 * Writes another text into a source: at any instant the old one or the new one is there, whole, with the mode and the owner that
 * the file has. A link stays one: the file that it leads to is written.
 * @throws Refusal when the path is no regular file (exit 1), or can't be written (exit 3)
 */
export function replaceSource(path: string, text: string): void {
  try {
    const like = statSync(path);
    if (!like.isFile()) throw refuseInput(`${path} is no regular file, and can't be written.`);
    writeAtomically(realpathSync(path), text, like.mode & 0o7777, like);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || error instanceof Refusal) throw error;
    const reason = code === 'ENOSPC' ? 'there is no room' : code === 'EROFS' ? 'it is read-only' : code;
    const advice = 'A new file is made beside it and takes its place: the directory must be writable, too.';
    throw new Refusal(`${path} can't be written: ${reason}. It is as it was.`, advice);
  }
}
