import { fileURLToPath } from 'node:url';
import { buildProgram } from './build-program.ts';

/** The path of tunlink, built. */
export function buildTunlink(): Promise<string> {
  return buildProgram(fileURLToPath(new URL('tunlink.c', import.meta.url)));
}
