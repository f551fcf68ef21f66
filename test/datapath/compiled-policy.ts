/** Policies from texts, for the datapath without the runtime. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../../compiler/compile.ts';
import type { PolicyDiagram } from '../../compiler/diagram/diagram.ts';
import { emitPolicy } from '../../compiler/ebpf/emit.ts';
import { readLayout } from '../../compiler/ebpf/layout.ts';
import type { Model } from '../../compiler/model.ts';

const MISS = new URL('../../native/prebuilt/datapath/miss4.bpf.o', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'masqc-policies-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let count = 0;

export interface CompiledPolicy {
  /** Path of the policy object; it lives as long as this process. */
  readonly object: string;
  readonly model: Model;
  readonly diagram: PolicyDiagram;
}

/** @throws with the errors of the text */
export function compilePolicy(text: string): CompiledPolicy {
  const compiled = compile('test.masq', () => ({ text }));
  const { model, diagram, diagnostics, sources } = compiled;
  if (model === null) throw new Error(diagnostics.map(({ code, message }) => `${code} ${message}`).join('\n'));
  const object = join(folder, `policy-${count++}.o`);
  writeFileSync(object, emitPolicy(model, diagram, readLayout(readFileSync(MISS)), sources));
  return { object, model, diagram };
}
