/** Builds the world, compiles its file with the real compiler and lets the worker loose in it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../../../compiler/compile.ts';
import { emitPolicy } from '../../../compiler/ebpf/emit.ts';
import { readLayout } from '../../../compiler/ebpf/layout.ts';
import { Lab } from '../../lab/lab.ts';
import { mountBpffs } from '../network.ts';
import { buildWorld, FILE } from './world.ts';

export interface FuzzOptions {
  readonly family: 4 | 6;
  readonly seed: number;
  /** Test runs. */
  readonly packets: number;
  /** At most; 0: as long as it takes. */
  readonly seconds: number;
  readonly print?: (text: string) => void;
}
export interface FuzzResult {
  readonly packets: number;
  readonly perSecond: number;
  readonly findings: number;
  /** Disagreements of the hooks that were gone at the second look. */
  readonly transient: number;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, number>>;
  /** All that was printed. */
  readonly output: string;
}

const MISS = new URL('../../../native/prebuilt/datapath/miss4.bpf.o', import.meta.url);
const worker = fileURLToPath(new URL('worker.ts', import.meta.url));

function compilePolicy(): Uint8Array {
  const name = 'fuzzed.masq';
  const compiled = compile(name, () => ({ text: FILE }));
  if (compiled.model === null) throw new Error(compiled.diagnostics.map(({ message }) => message).join('\n'));
  return emitPolicy(compiled.model, compiled.diagram, readLayout(readFileSync(MISS)), compiled.sources);
}

export async function fuzz({ family, seed, packets, seconds, print }: FuzzOptions): Promise<FuzzResult> {
  const folder = mkdtempSync(join(tmpdir(), 'masqc-fuzz-'));
  const policy = join(folder, 'policy.o');
  const lab = new Lab();
  const bpffs = mountBpffs();
  try {
    writeFileSync(policy, compilePolicy());
    await buildWorld(lab);
    const task = JSON.stringify({ pin: bpffs.path, policy, family, seed, packets, seconds });
    const program = lab.at('gw').start(process.execPath, worker, task);
    let shown = 0;
    const show = setInterval(() => {
      print?.(program.output.slice(shown));
      shown = program.output.length;
    }, 200);
    try {
      await program.end(24 * 3_600_000);
    } finally {
      clearInterval(show);
    }
    print?.(program.output.slice(shown));
    const result = /^result (.*)$/m.exec(program.output);
    if (result?.[1] === undefined) throw new Error(`the fuzzer ended early:\n${program.output}`);
    return { ...(JSON.parse(result[1]) as FuzzResult), output: program.output };
  } finally {
    lab.close();
    bpffs.close();
    rmSync(folder, { recursive: true });
  }
}
