/** The policy by hand, compiled where that has not been done yet. */
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const source = path('stub-policy.bpf.c');
const contract = path('../../native/datapath/packet.h');
const folder = path('../../build/datapath');
const object = `${folder}/stub-policy.bpf.o`;

export async function buildStub(): Promise<string> {
  const built = statSync(object, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built > statSync(source).mtimeMs && built > statSync(contract).mtimeMs) return object;
  mkdirSync(folder, { recursive: true });
  const draft = `${object}.${process.pid}`;
  const { stdout: multiarch } = await execa('gcc', ['-print-multiarch']);
  const flags = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-Wall', '-isystem', `/usr/include/${multiarch}`];
  await execa('clang', [...flags, '-c', source, '-o', draft]);
  renameSync(draft, object); // two tests may build at once
  return object;
}
