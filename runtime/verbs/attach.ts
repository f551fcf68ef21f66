import { type Attached, attachDevices } from '../attach/attach.ts';
import { recallApplied } from '../attach/recall.ts';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';
import { requireRoot } from '../machine/needs.ts';
import { describeStep } from '../plan/render.ts';
import { readWait } from './apply.ts';

/** `masqc attach [DEVICE]`: puts the programs on devices that have come. For hooks, which call it for any device. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const [device] = args;
  const waitMs = readWait(options);
  requireRoot('attach');
  const say = (text: string, attached: Attached | null = null): ExitCode => {
    io.out(options.json === true ? renderAttachedJson(attached) : text);
    return EXIT.fine;
  };
  const applied = recallApplied();
  if (applied === null) return say('Nothing is applied in this network namespace: nothing to attach.\n');
  if (device !== undefined && !applied.manifest.interfaces.some((one) => one.device === device)) {
    return say(`${device} is no interface of ${applied.state.gateway}: left alone.\n`);
  }
  const attached = await attachDevices('attach', waitMs);
  return say(attached === null ? 'Nothing is applied here any more.\n' : renderAttached(attached, io), attached);
}

export function renderAttached({ gateway, steps, waiting }: Attached, { colours: c }: Pick<Io, 'colours'>): string {
  const lines = steps.map((step) => {
    const { sign, text, why } = describeStep(step);
    return `  ${c.green('✓')} ${sign} ${text}${why === '' ? '' : `  ${c.dim(why)}`}`;
  });
  if (steps.length === 0) lines.push(`${c.bold(gateway)}: every device that is here is attached.`);
  for (const { name, device } of waiting) lines.push(`  ${c.yellow('waiting:')} ${name} = ${device} is not there`);
  return `${lines.join('\n')}\n`;
}

export function renderAttachedJson(attached: Attached | null): string {
  const schema = 'masqc/attach@1';
  if (attached === null) return `${JSON.stringify({ schema, gateway: null, steps: [], waiting: [] }, null, 2)}\n`;
  const steps = attached.steps.map((step) => ({ ...describeStep(step), ...step }));
  return `${JSON.stringify({ schema, ...attached, steps }, null, 2)}\n`;
}
