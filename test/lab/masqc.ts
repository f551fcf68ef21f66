/** masqc as the admin of the laboratory's gateway runs it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ended, Namespace } from './namespace.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const example = join(root, 'examples/deathstar.masq');

export const masqcCommand: readonly string[] = [process.execPath, join(root, 'runtime/cli/masqc.ts')];

export function masqc(gateway: Namespace, ...args: string[]): Promise<Ended> {
  return gateway.run([...masqcCommand, ...args], { limit: 60_000 });
}

/** Runs a verb that must end with 0 and returns what it prints. */
export async function mustMasqc(gateway: Namespace, ...args: string[]): Promise<string> {
  const { code, out, err } = await masqc(gateway, ...args);
  if (code !== 0) throw new Error(`masqc ${args.join(' ')} ended with ${code}\n${out}${err}`);
  return out;
}

const folder = mkdtempSync(join(tmpdir(), 'masqc-lab-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/** Writes a gateway file that lives as long as this process, and returns its path. */
export function writeGatewayFile(text: string): string {
  files += 1;
  const path = join(folder, `gateway-${files}.masq`);
  writeFileSync(path, text);
  return path;
}

/** The example with some of its text exchanged; it is an error when what should go is not there. */
export function editExample(...changes: readonly (readonly [from: string | RegExp, to: string])[]): string {
  let text = readFileSync(example, 'utf8');
  for (const [from, to] of changes) {
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`examples/deathstar.masq does not contain ${from}`);
    text = changed;
  }
  return text;
}
