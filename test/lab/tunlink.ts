import { mkdirSync, renameSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const source = fileURLToPath(new URL('tunlink.c', import.meta.url));
const folder = fileURLToPath(new URL('../../build/lab', import.meta.url));
const program = `${folder}/tunlink`;

/** Compiles tunlink.c where that has not been done yet, and returns the program's path. */
export async function buildTunlink(): Promise<string> {
  const built = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built > statSync(source).mtimeMs) return program;
  mkdirSync(folder, { recursive: true });
  const draft = `${program}.${process.pid}`;
  await execa('cc', ['-O2', '-Wall', '-Wextra', '-o', draft, source]);
  renameSync(draft, program); // two laboratories may build at once
  return program;
}
