import { addon, type Bytes } from './addon.ts';
import { checkText } from './check.ts';

function checkInputs(inputs: readonly (string | Uint8Array)[]): readonly (string | Uint8Array)[] {
  if (inputs.length === 0) throw new RangeError('there is nothing to link');
  for (const input of inputs) if (!(input instanceof Uint8Array)) checkText(input, 'an input');
  return inputs;
}

/**
 * Links objects (paths or bytes) to one, on a worker; `out` is replaced as a whole or not at all. An extern that
 * nobody defines is no error here: opening the result says so.
 */
export async function linkObjects(out: string, inputs: readonly (string | Uint8Array)[]): Promise<void> {
  await addon().linkObjects(checkText(out, 'out'), checkInputs(inputs));
}

export async function linkToBytes(inputs: readonly (string | Uint8Array)[]): Promise<Bytes> {
  return await addon().linkObjects(null, checkInputs(inputs));
}
