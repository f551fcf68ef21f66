import { watch } from '../attach/watch.ts';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';
import { requireBpf } from '../machine/needs.ts';
import { describeStep } from '../plan/render.ts';

/** `masqc watch`: attaches devices as the kernel reports them, until it is told to end. */
export async function run(_args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  await requireBpf('watch');
  const ending = new AbortController();
  const end = () => ending.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  const asJson = options.json === true;
  const say = (event: string, details: object, text: string) =>
    io.out(asJson ? `${JSON.stringify({ schema: 'masqc/watch@1', event, ...details })}\n` : text);
  await watch(ending.signal, {
    ready: () => void say('ready', {}, 'Watching the devices of this network namespace.\n'),
    attached: ({ gateway, steps, waiting }) => {
      const texts = steps.map(describeStep);
      const lines = texts.map(({ sign, text }) => `${gateway}: ${sign} ${text}\n`);
      lines.push(...waiting.map(({ name, device }) => `${gateway}: waiting for ${name} = ${device}\n`));
      say('attached', { gateway, steps: steps.map((step, i) => ({ ...texts[i], ...step })), waiting }, lines.join(''));
    },
    failed: ({ message, advice }) => {
      if (asJson) say('failed', { message, advice }, '');
      else io.err(`masqc: ${message}${advice === null ? '' : ` ${advice}`} (It is tried again.)\n`);
    },
  });
  return EXIT.fine;
}
