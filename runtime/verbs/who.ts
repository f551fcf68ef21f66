import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import { Refusal } from '../cli/refusal.ts';
import type { Options } from '../cli/verb.ts';
import { type Asked, findHolders, readAsked, renderHolder } from '../show/who.ts';
import type { LiveHolder } from '../show/who-live.ts';
import { compileOrExplain } from '../sources/compile-file.ts';

/** `masqc who FILE ADDRESS[:PORT]`: who it is, by the file, and by the tables of its gateway where that is applied. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const [file = '', text = ''] = args;
  const asked = readAsked(text);
  if (asked === null) {
    io.err(`\`${text}\` is no address; write one like 203.0.113.7:4711, 192.168.1.20 or [2001:db8::7]:80\n`);
    return EXIT.errors;
  }
  const compiled = await compileOrExplain(file, io);
  if (compiled === null || compiled.model === null) return EXIT.errors;
  const holders = findHolders(compiled.model, asked);
  const { live, reason } = await askGateway(compiled.model.gateway.name, asked);
  const found = holders.length + (live?.length ?? 0) > 0;
  if (options.json) {
    io.out(`${JSON.stringify({ schema: 'masqc/who@1', asked: text, holders, live, reason }, null, 2)}\n`);
    return found ? EXIT.fine : EXIT.errors;
  }
  const { renderLive } = await import('../show/who-live.ts');
  for (const holder of holders) io.out(renderHolder(holder));
  for (const holder of live ?? []) io.out(renderLive(holder));
  if (!found) {
    io.err(`no map and no \`share\` of ${file} says whose ${text} is`);
    io.err(
      live === null
        ? '\n'
        : ', and no connection has it now; who had it before is in the log of a masquerade with `log`\n',
    );
  }
  if (reason !== null) io.err(`only ${file} was asked, not a running gateway: ${reason}\n`);
  return found ? EXIT.fine : EXIT.errors;
}

/** What the tables of the gateway say; null, and the reason, where they can't be asked. */
async function askGateway(
  name: string,
  asked: Asked,
): Promise<{ readonly live: LiveHolder[]; readonly reason: null } | { readonly live: null; readonly reason: string }> {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0)
    return { live: null, reason: 'that needs root on Linux' };
  const [{ findRunning }, { findLive }] = await Promise.all([import('../show/find.ts'), import('../show/who-live.ts')]);
  try {
    const running = await findRunning(true);
    if (running.state.gateway !== name) {
      return {
        live: null,
        reason: `the one that is applied here is "${running.state.gateway}", and this file is of "${name}"`,
      };
    }
    return { live: await findLive(running, asked), reason: null };
  } catch (error) {
    if (error instanceof Refusal) return { live: null, reason: error.message };
    throw error;
  }
}
