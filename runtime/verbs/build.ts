import type { ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import { Refusal } from '../cli/refusal.ts';
import type { Options } from '../cli/verb.ts';

export async function run(_args: readonly string[], _options: Options, _io: Io): Promise<ExitCode> {
  throw new Refusal('This verb is being built.');
}
