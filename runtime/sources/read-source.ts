import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** The largest text that is read, in bytes; a file of 100,000 rules is about 5 MiB. */
export const MAX_SOURCE_BYTES = 16 * 1024 * 1024;

export type SourceRead = { readonly text: string } | { readonly problem: string };

/**
 * Reads one text for the loader: a regular file or a pipe, UTF-8, no larger than MAX_SOURCE_BYTES (a larger file is
 * refused by its size, before any of it is read). Never throws: what is wrong comes back as a sentence without a
 * subject, e.g. `is a directory`.
 */
export function readSource(path: string): SourceRead {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return { problem: describeError(error) };
  }
  try {
    const stat = fstatSync(fd);
    if (stat.isDirectory()) return { problem: 'is a directory, not a file' };
    if (stat.isFile() && stat.size > MAX_SOURCE_BYTES) return { problem: describeSize(stat.size) };
    return decode(readBounded(fd));
  } catch (error) {
    return { problem: describeError(error) };
  } finally {
    closeSync(fd);
  }
}

/** The same for standard input. */
export async function readStandardInput(): Promise<SourceRead> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    total += chunk.length;
    if (total > MAX_SOURCE_BYTES) break;
  }
  return decode(Buffer.concat(chunks));
}

/** Reads at most one byte more than allowed, so that an endless pipe ends. */
function readBounded(fd: number): Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  while (total <= MAX_SOURCE_BYTES) {
    const chunk = Buffer.allocUnsafe(256 * 1024);
    const count = readSync(fd, chunk, 0, chunk.length, null);
    if (count === 0) break;
    chunks.push(chunk.subarray(0, count));
    total += count;
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Buffer): SourceRead {
  if (bytes.length > MAX_SOURCE_BYTES) return { problem: describeSize(bytes.length) };
  const nul = bytes.indexOf(0);
  if (nul >= 0) return { problem: `is not a text: it holds a zero byte at offset ${nul}` };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { problem: 'is not a UTF-8 text; save it as UTF-8' };
  }
}

function describeSize(size: number): string {
  const mebibytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`;
  return `is too large: ${mebibytes(size)}, at most ${mebibytes(MAX_SOURCE_BYTES)} are read`;
}

function describeError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this user';
    case 'ENOTDIR':
      return 'does not exist: a part of its path is not a directory';
    case 'ELOOP':
      return 'is a link that leads back to itself';
    case 'ENAMETOOLONG':
      return 'has a name that is too long';
    default:
      return `cannot be read: ${message}`;
  }
}
