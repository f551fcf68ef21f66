import { mkdirSync, renameSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const folder = fileURLToPath(new URL('../../build/lab', import.meta.url));
const builds = new Map<string, Promise<string>>();

/** Compiles a C program of the laboratory where that has not been done yet, and returns the program's path. */
export function buildProgram(source: string): Promise<string> {
  const build = builds.get(source) ?? compile(source);
  builds.set(source, build);
  return build;
}

async function compile(source: string): Promise<string> {
  const program = `${folder}/${basename(source, '.c')}`;
  const built = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built > statSync(source).mtimeMs) return program;
  mkdirSync(folder, { recursive: true });
  const draft = `${program}.${process.pid}`;
  await execa('cc', ['-O2', '-Wall', '-Wextra', '-o', draft, source]);
  renameSync(draft, program); // two processes may build at once
  return program;
}
