#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { EXIT, type ExitCode } from './exit.ts';
import { createIo, type Io } from './io.ts';
import { runProgram } from './program.ts';
import { Refusal } from './refusal.ts';
import { VERBS } from './verbs.ts';

const io = createIo();
process.exitCode = await runProgram(process.argv.slice(2), VERBS, readVersion(), io).catch((error: unknown) =>
  explain(error, io),
);

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Says why a verb gave up. A Refusal is said in its own words, anything else is a bug and asks to be reported. */
function explain(error: unknown, { err, errColours: c }: Io): ExitCode {
  if (error instanceof Refusal) {
    err(`${c.red('masqc:')} ${error.message}\n`);
    if (error.detail !== null) err(`${error.detail.replace(/^/gm, '  | ').trimEnd()}\n`);
    if (error.advice !== null) err(`  ${error.advice}\n`);
    return error.exit;
  }
  const system = readSystemError(error);
  if (system !== null) {
    err(`${c.red('masqc:')} ${system.path} cannot be used: ${system.reason}.\n`);
    err('  masqc keeps its state and its lock in /run/masqc: root must be able to write there.\n');
    return EXIT.refused;
  }
  err(`${c.red('masqc: this is a bug:')} ${error instanceof Error ? error.message : String(error)}\n`);
  if (process.env.MASQC_DEBUG && error instanceof Error) err(`${error.stack}\n`);
  else err('  Please report it with the file that shows it. MASQC_DEBUG=1 prints where it happened.\n');
  return EXIT.refused;
}

/** A file that the system does not let us use is no bug: `EROFS: read-only file system, open '/run/masqc/x'`. */
function readSystemError(error: unknown): { path: string; reason: string } | null {
  if (!(error instanceof Error)) return null;
  const { code, path, message, syscall } = error as NodeJS.ErrnoException;
  if (path === undefined) return null;
  // What Node says where a directory and its parents can't be made because the file system is read-only.
  if (code === 'ENOENT' && syscall === 'mkdir') return { path, reason: 'it can’t be made' };
  if (!['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENOTDIR'].includes(code ?? '')) return null;
  return { path, reason: /^\w+: ([^,]+)/.exec(message)?.[1] ?? message };
}
