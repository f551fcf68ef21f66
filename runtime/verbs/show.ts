import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';

/** `masqc show connections|status|drops|rules|accounts`: only reads. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const asJson = options.json === true;
  const filters = ['host', 'state', 'by'].filter((name) => options[name] !== undefined);
  if (args[0] !== 'connections' && filters.length > 0) {
    io.err(`\`--${filters[0]}\` chooses connections: masqc show connections --${filters[0]} …\n`);
    return EXIT.errors;
  }
  switch (args[0]) {
    case 'connections':
      {
        const { makeFilter } = await import('../show/filter.ts');
        await (await import('../show/connections.ts')).showConnections(asJson, makeFilter(options), io);
      }
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
