import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { readDatapath } from '../apply/datapath.ts';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import { Refusal, refuseInput } from '../cli/refusal.ts';
import { type Options, textOption } from '../cli/verb.ts';
import { writeAtomically } from '../machine/atomic.ts';
import { type Artifact, FILES, makeArtifact } from '../sources/artifact.ts';
import { compileOrExplain } from '../sources/compile-file.ts';

/** `masqc build FILE`: the artifact for eBPF, with the linked object where it can be made, or a ruleset for nftables. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const directory = textOption(options, 'output', '');
  if (options.target === 'nftables') {
    const { buildRuleset } = await import('./build-ruleset.ts');
    return await buildRuleset(args[0] ?? '', directory, io);
  }
  if (directory === '') throw refuseInput('`masqc build` writes a directory, and none is named.', 'Name one with -o.');
  const compiled = await compileOrExplain(args[0] ?? '', io);
  if (compiled === null) return EXIT.errors;
  const datapath = readDatapath();
  const artifact = makeArtifact(compiled, datapath);
  const linked = await link(artifact, datapath.miss);
  const files: [string, string | Uint8Array][] = [
    [FILES.policy, artifact.policy],
    [FILES.maps, artifact.mapsText],
    [FILES.manifest, artifact.manifestText],
  ];
  if (artifact.sets.length > 0) files.push([FILES.sets, Buffer.concat(artifact.sets)]);
  if (linked.object !== null) files.push([FILES.linked, linked.object]);
  write(directory, files);
  const sizes = files.map(([name, content]) => `${name} (${Buffer.byteLength(content)} bytes)`);
  io.out(`${io.colours.bold(artifact.manifest.gateway)}: ${directory} has ${sizes.join(', ')}\n`);
  if (linked.problem !== null) io.err(`${io.errColours.cyan('note:')} no ${FILES.linked}: ${linked.problem}\n`);
  return EXIT.fine;
}

/** linked.o, or why there is none here: libbpf's linker is in the addon, and that is for Linux. */
async function link(artifact: Artifact, miss: Uint8Array) {
  const { linkToBytes, whyNoAddon } = await import('../../native/lib/libbpf.ts');
  const reason = whyNoAddon();
  if (reason !== null)
    return { object: null, problem: "masqc's native part is not here; `masqc apply` links it itself" };
  return { object: await linkToBytes([artifact.policy, miss]), problem: null };
}

/** mkdir -p. (Node's own never comes back where mkdir says ENOENT although the parent is there, as in /proc.) */
function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(resolve(path));
  if (!existsSync(parent)) makeDirectory(parent);
  mkdirSync(path);
}

function write(directory: string, files: readonly (readonly [string, string | Uint8Array])[]): void {
  try {
    makeDirectory(directory);
    for (const [name, content] of files) writeAtomically(`${directory}/${name}`, content, 0o644);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Refusal(`${directory} cannot be written: ${message}.`, 'Choose another directory with -o.');
  }
}
