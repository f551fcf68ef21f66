/** What `masqc diff` compares: files, directories that `masqc build` wrote, revisions of git. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { ReadSource } from '../../compiler/load.ts';
import { refuseInput } from '../cli/refusal.ts';
import { MAX_SOURCE_BYTES, readSource } from '../sources/read-source.ts';

export interface Opened {
  readonly entry: string;
  readonly read: ReadSource;
  /** As it is named in a report. */
  readonly name: string;
  /** '': it is none of git's. */
  readonly revision: string;
}

export function open(said: string): Opened {
  const colon = said.indexOf(':');
  if (existsSync(said)) {
    if (statSync(said).isDirectory()) return openBuilt(said);
  } else if (colon > 0 && !said.startsWith('-')) {
    const [revision, path] = [said.slice(0, colon), said.slice(colon + 1)];
    return { entry: path, read: (one) => readRevision(revision, one, '.'), name: said, revision };
  }
  return { entry: said, read: readSource, name: said, revision: '' };
}

/** The file as HEAD has it. */
export function openHead(file: string): Opened {
  const directory = dirname(file);
  const read: ReadSource = (path) => readRevision('HEAD', path.startsWith('../') ? path : `./${path}`, directory);
  return { entry: basename(file), read, name: `HEAD:${file}`, revision: 'HEAD' };
}

/** `git cat-file` runs no filter and no pager. */
function readRevision(revision: string, path: string, cwd: string): ReturnType<ReadSource> {
  if (path.startsWith('/')) return { problem: `is no file of revision ${revision}: its path is absolute` };
  try {
    const bytes = execFileSync('git', ['cat-file', 'blob', `${revision}:${path}`], {
      cwd,
      maxBuffer: MAX_SOURCE_BYTES,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { readonly stderr?: Buffer };
    if (code === 'ENOENT') return { problem: 'cannot be read: git is not installed' };
    const why = stderr?.toString('utf8').trim().split('\n')[0] ?? `${(error as Error).message}`;
    return { problem: `cannot be read from revision ${revision}: ${why}` };
  }
}

/** An artifact holds no sources: those that it was built from are read if they are still the same. */
function openBuilt(directory: string): Opened {
  const sources = readSources(directory);
  for (const { file, sha256 } of sources) {
    const text = existsSync(file) ? readFileSync(file) : null;
    if (text !== null && createHash('sha256').update(text).digest('hex') === sha256) continue;
    throw refuseInput(
      `${directory} was built from ${file}, which is ${text === null ? 'not here' : 'another text now'}.`,
      'Compare with the revision that it was built from: masqc diff REVISION:FILE …',
    );
  }
  return { entry: sources[0]!.file, read: readSource, name: directory, revision: '' };
}

function readSources(directory: string): readonly { readonly file: string; readonly sha256: string }[] {
  try {
    const { sources } = JSON.parse(readFileSync(`${directory}/manifest.json`, 'utf8'));
    if (Array.isArray(sources) && typeof sources[0]?.file === 'string') return sources;
  } catch {}
  throw refuseInput(`${directory} is no directory that masqc build wrote.`, 'Name a gateway file, or build it again.');
}
