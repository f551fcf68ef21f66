import { until } from '../../lab/until.ts';
import { must } from '../failure.ts';
import { addresses } from '../network.ts';
import type { Scene } from '../row.ts';

/** Runs coturn's client behind the gateway against its server, which answers from two addresses (RFC 5780). */
export async function checkNatDiscovery({ network }: Scene, question: '-m' | '-f', wanted: RegExp): Promise<void> {
  const [internet, inside] = [network.at('internet'), network.at('inside')];
  const server = internet.start(
    ...[
      'turnserver',
      '-n',
      '--no-auth',
      '--no-tls',
      '--no-dtls',
      '--no-cli',
      '--log-file=stdout',
      '--pidfile=/dev/null',
    ],
    ...[`--listening-ip=${addresses.internet}`, `--listening-ip=${addresses.internet2}`, '--relay-threads=1'],
    ...['--listening-port=3478', '--alt-listening-port=3479'],
  );
  try {
    await until('turnserver listens', async () => {
      const bound = await internet.ask('ss', '-Hlun');
      return [3478, 3479].every((port) => bound.includes(`${addresses.internet2}:${port} `));
    });
    const argv = ['turnutils_natdiscovery', question, '-p', '3478', addresses.internet];
    const { out, err } = await inside.run(argv, { limit: 20_000 });
    const said = /NAT with [^!]*/.exec(out)?.[0] ?? (out + err).trim().split('\n').slice(-3).join(' / ');
    must(wanted.test(said), `the STUN client says: ${said}`);
  } finally {
    await server.stop('SIGKILL');
  }
}
