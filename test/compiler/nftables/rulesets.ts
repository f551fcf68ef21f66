/** Gateways whose rulesets are looked at: the examples that nftables can say, and those of `gateways/`. */
import { readdirSync, readFileSync } from 'node:fs';
import { compile } from '../../../compiler/compile.ts';
import type { Model } from '../../../compiler/model.ts';
import { complain } from '../../../compiler/nftables/complain.ts';
import { emitNftables } from '../../../compiler/nftables/emit.ts';

const EXAMPLES = new URL('../../../examples/', import.meta.url);
const GATEWAYS = new URL('gateways/', import.meta.url);

export interface Gateway {
  readonly name: string;
  readonly model: Model;
  /** Codes of the target that are errors. */
  readonly unsaid: readonly string[];
  readonly text: string;
}

export function listGateways(): Gateway[] {
  return [EXAMPLES, GATEWAYS].flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.masq'))
      .sort()
      .map((file) => readGateway(folder, file)),
  );
}

function readGateway(folder: URL, file: string): Gateway {
  return makeGateway(file, (path) => readFileSync(new URL(path, folder), 'utf8'));
}

/** @throws when the file has errors */
export function makeGateway(file: string, read: (path: string) => string): Gateway {
  const { model, documents, diagnostics } = compile(file, (path) => ({ text: read(path) }));
  if (model === null) throw new Error(diagnostics.map(({ span, message }) => `${span.line}: ${message}`).join('\n'));
  const said = complain(model, documents);
  const unsaid = said.filter(({ severity }) => severity === 'error').map(({ code }) => code);
  return { name: file.replace('.masq', ''), model, unsaid, text: emitNftables(model) };
}
