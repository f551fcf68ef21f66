import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';

/** `masqc show connections|status|drops|rules|accounts`: only reads. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const asJson = options.json === true;
  switch (args[0]) {
    case 'connections':
      await (await import('../show/connections.ts')).showConnections(asJson, io);
      break;
    case 'drops':
      await (await import('../show/drops.ts')).showDrops(asJson, io);
      break;
    case 'rules':
      await (await import('../show/rules.ts')).showRules(asJson, io);
      break;
    case 'accounts':
      await (await import('../show/accounts.ts')).showAccounts(asJson, io);
      break;
    default:
      await (await import('../show/status.ts')).showStatus(asJson, io);
  }
  return EXIT.fine;
}
