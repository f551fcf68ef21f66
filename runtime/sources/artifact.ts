import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { formatArtifact, type Manifest, makeManifest } from '../../compiler/artifact/manifest.ts';
import { makeMaps } from '../../compiler/artifact/maps.ts';
import { packTable } from '../../compiler/artifact/prefixes.ts';
import { carriesIpv6 } from '../../compiler/diagram/ipv6.ts';
import { emitPolicy } from '../../compiler/ebpf/emit.ts';
import { layoutText, readLayout } from '../../compiler/ebpf/layout.ts';
import { KEY_SIZE } from '../../compiler/ebpf/policy-maps.ts';
import { type Datapath, readDatapath } from '../apply/datapath.ts';
import type { Io } from '../cli/io.ts';
import { refuseInput } from '../cli/refusal.ts';
import { compileOrExplain, type Sound } from './compile-file.ts';

/** What `masqc build` writes, and what plan and apply work with. */
export interface Artifact {
  readonly manifest: Manifest;
  /** manifest.json and maps.json as they stand in files. */
  readonly manifestText: string;
  readonly mapsText: string;
  /** policy.o */
  readonly policy: Uint8Array;
  /** sets.bin in its parts: the packed keys of each set of the manifest. */
  readonly sets: readonly Uint8Array[];
}

export const FILES = {
  manifest: 'manifest.json',
  maps: 'maps.json',
  policy: 'policy.o',
  linked: 'linked.o',
  sets: 'sets.bin',
} as const;
/** A policy of 100,000 rules is about 20 MB. */
const MAX_ARTIFACT_BYTES = 256 * 1024 * 1024;

/** Compiles a gateway file, or reads a built directory. @returns null when the file has errors, which are said then */
export async function loadArtifact(path: string, io: Io): Promise<Artifact | null> {
  if (isDirectory(path)) return await readArtifact(path);
  const compiled = await compileOrExplain(path, io);
  if (compiled === null) return null;
  return makeArtifact(compiled, readDatapath());
}

export function makeArtifact(compiled: Sound, datapath: Datapath): Artifact {
  const { model, diagram, sources } = compiled;
  const layout = readLayout(datapath.miss);
  const policy = emitPolicy(model, diagram, layout, sources);
  const objects = [datapath.datapath, datapath.miss, datapath.datapath6, datapath.miss6];
  const sets = model.tables.map(({ addresses, follows }) =>
    follows === null ? packTable(addresses) : new Uint8Array(0),
  );
  const ipv6 = carriesIpv6(diagram);
  const manifest = makeManifest({ model, sources, ipv6, policy, sets, layout, datapath: objects, digest });
  return { manifest, manifestText: formatArtifact(manifest), mapsText: formatArtifact(makeMaps(model)), policy, sets };
}

/** @throws Refusal (exit 1) when the directory is not one that `masqc build` wrote */
export async function readArtifact(directory: string): Promise<Artifact> {
  const manifestText = Buffer.from(readPart(directory, FILES.manifest)).toString('utf8');
  const mapsText = Buffer.from(readPart(directory, FILES.maps)).toString('utf8');
  const policy = readPart(directory, FILES.policy);
  const manifest = parseManifest(manifestText, directory);
  const { findSchemaErrors } = await import('./schema.ts');
  const errors = findSchemaErrors('manifest', manifest);
  if (errors !== null) throw refuseInput(`${directory}/${FILES.manifest} is not a manifest: ${errors}.`, BUILD_AGAIN);
  if (digest(policy) !== manifest.hashes.policy) {
    throw refuseInput(`${directory}/${FILES.policy} is not the object that its manifest speaks of.`, BUILD_AGAIN);
  }
  return { manifest, manifestText, mapsText, policy, sets: readSets(manifest, directory) };
}

function readSets({ sets }: Manifest, directory: string): Uint8Array[] {
  if (sets.length === 0) return [];
  const all = readPart(directory, FILES.sets);
  let at = 0;
  return sets.map(({ name, prefixes, sha256, follows }) => {
    if (follows !== null) return new Uint8Array(0);
    const keys = all.subarray(at, at + prefixes * KEY_SIZE);
    at += keys.length;
    if (digest(keys) === sha256) return keys;
    throw refuseInput(
      `${directory}/${FILES.sets} does not hold the set ${name} that its manifest speaks of.`,
      BUILD_AGAIN,
    );
  });
}

/** Refuses an artifact that was built for another datapath than this package brings. */
export function checkLayout({ manifest }: Artifact, datapath: Datapath): void {
  if (manifest.hashes.layout === digest(layoutText(readLayout(datapath.miss)))) return;
  throw refuseInput(
    'This directory was built for another version of masqc: what the policy is asked looks otherwise here.',
    'Build it again with this version.',
  );
}

const BUILD_AGAIN = 'Build it again: masqc build FILE -o DIR';

function readPart(directory: string, name: string): Uint8Array {
  const path = `${directory}/${name}`;
  try {
    const { size } = statSync(path);
    if (size > MAX_ARTIFACT_BYTES) throw refuseInput(`${path} is too large to be an artifact of masqc.`);
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code === 'ENOENT') {
      throw refuseInput(
        `${directory} is a directory that \`masqc build\` did not write: it has no ${name}.`,
        BUILD_AGAIN,
      );
    }
    throw refuseInput(`${path} cannot be read: ${code}.`);
  }
}

function parseManifest(text: string, directory: string): Manifest {
  try {
    return JSON.parse(text) as Manifest;
  } catch {
    throw refuseInput(`${directory}/${FILES.manifest} is not JSON.`, BUILD_AGAIN);
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function digest(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}
