/** masqc as the admin of the laboratory's gateway runs it. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { findBpffs } from '../../runtime/machine/bpffs.ts';
import type { Ended, Namespace } from './namespace.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const example = join(root, 'examples/deathstar.masq');

export const masqcCommand: readonly string[] = [process.execPath, join(root, 'runtime/cli/masqc.ts')];

export function masqc(gateway: Namespace, ...args: string[]): Promise<Ended> {
  return gateway.run([...masqcCommand, ...args], { limit: 240_000 });
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

/** What the tests read of a line of `masqc show connections --json`. */
export interface ShownConnection {
  readonly protocol: string;
  readonly source: { readonly address: string; readonly port: number };
  readonly destination: { readonly address: string; readonly port: number };
  readonly masqueraded: { readonly address: string; readonly port: number } | null;
  readonly redirected: { readonly address: string; readonly port: number } | null;
  readonly own: 'sent' | 'received' | null;
  readonly state: string;
  readonly rule: { readonly line: number; readonly owner: string; readonly text: string } | null;
}

export async function listConnections(gateway: Namespace): Promise<ShownConnection[]> {
  const shown = await mustMasqc(gateway, 'show', 'connections', '--json');
  return shown
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ShownConnection);
}

/** Dropped packets by reason; 0 for a reason that has dropped none. */
export async function countDrops(gateway: Namespace): Promise<(reason: string) => number> {
  const shown = JSON.parse(await mustMasqc(gateway, 'show', 'drops', '--json')) as {
    drops: { reason: string; packets: number }[];
  };
  return (reason) => {
    const found = shown.drops.find((drop) => drop.reason === reason);
    if (found === undefined) throw new Error(`masqc show drops knows no reason ${reason}`);
    return found.packets;
  };
}

/** Where the gateway in this namespace has its pins (or would have them), for bpftool. */
export function pinsOf(gateway: Namespace, name = 'deathstar'): string {
  return `${findBpffs() ?? '/run/masqc/bpf'}/${name}-${statSync(`/run/netns/${gateway.id}`).ino}`;
}

/** How many entries the flow table has: two for each connection. Asks the kernel, not masqc. */
export async function countFlowEntries(gateway: Namespace): Promise<number> {
  const { stdout } = await execa('bpftool', ['-j', 'map', 'dump', 'pinned', `${pinsOf(gateway)}/flows4`]);
  return (JSON.parse(stdout) as unknown[]).length;
}
