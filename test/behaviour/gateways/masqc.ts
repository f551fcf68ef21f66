import { listConnections, masqcCommand, mustMasqc, writeGatewayFile } from '../../lab/masqc.ts';
import type { Program } from '../../lab/program.ts';
import { Failure } from '../failure.ts';
import type { Setting } from '../setting.ts';
import type { Gateway } from './gateway.ts';

const seconds = (value: number): string => (Number.isInteger(value) ? `${value}s` : `${value * 1000}ms`);

const outside6 = ({ ipv6 }: Setting): string => (ipv6 === 'npt-followed' ? 'dynamic' : '2001:db8:fffe::/64');

const writePorts = ({ ports, choice }: Setting): string =>
  ['ports', ...(ports === undefined ? [] : [ports.join('-')]), ...(choice === undefined ? [] : [choice])].join(' ');

/** The gateway file that means the setting. */
export function writeMasqc(setting: Setting): string {
  const { timeouts, limit, redirects = [], blocked = [], open = [] } = setting;
  const times = Object.entries(timeouts ?? {}).map(([name, value]) => `${name} ${seconds(value)}`);
  const lines = (condition: unknown, line: string): string[] => (condition ? [`  ${line}`] : []);
  return [
    'gateway behaviour {',
    '  default deny',
    ...lines(setting.flows, `flows ${setting.flows}`),
    ...lines(times.length, `timeout ${times.join(', ')}`),
    ...lines(blocked.length, `deny to ${blocked.join(', ')}`),
    ...lines(setting.rejected, `reject to ${setting.rejected?.join(', ')}`),
    ...lines(blocked.length, `deny from ${blocked.join(', ')}`),
    '}',
    setting.clampMss ? 'interface wan = wan0 {\n  mss clamp\n}' : 'interface wan = wan0',
    'interface lan = eth0',
    'network home = 192.168.0.0/16 on lan',
    ...(setting.ipv6 ? ['network home6 = 2001:db8:1::/64 on lan'] : []),
    'policy out from lan to wan {',
    '  default allow',
    '}',
    'policy to-gateway from any to self {',
    '  allow icmp echo-request',
    ...open.map((port) => `  allow tcp ${port}`),
    '  default deny',
    '}',
    'masquerade home-out {',
    `  from ${setting.from ?? 'home'}`,
    '  interface wan',
    ...lines(setting.outside, `address ${setting.outside?.join(', ')}`),
    ...lines(setting.ports ?? setting.choice, writePorts(setting)),
    ...lines(setting.share, `share ${setting.share} ports per source`),
    ...lines(setting.mapping, `mapping ${setting.mapping}`),
    ...lines(setting.filtering, `filtering ${setting.filtering}`),
    ...lines(setting.refresh, `refresh ${setting.refresh}`),
    ...(limit === undefined
      ? []
      : 'flows' in limit
        ? [`  limit ${limit.flows} flows per source`]
        : 'ports' in limit
          ? [`  limit ${limit.ports} ports per source`]
          : [`  limit ${limit.rate}/second burst ${limit.burst} per source`]),
    ...lines(setting.log, 'log'),
    '}',
    ...(setting.ipv6 === 'masqueraded'
      ? ['masquerade home6-out {', '  from home6', '  interface wan', '  family ipv6', '}']
      : []),
    ...(setting.ipv6?.startsWith('npt')
      ? ['map six {', '  interface wan', '  inside 2001:db8:1::/64', `  outside ${outside6(setting)}`, '}']
      : []),
    ...redirects.flatMap(({ protocol, port, to, toPort }, i) => [
      `redirect r${i} {`,
      '  interface wan',
      `  listen ${protocol} ${port} to ${to}:${toPort}`,
      '  allow from any',
      '}',
    ]),
    '',
  ].join('\n');
}

/** Follows what changes, where the setting asks for it. */
let watcher: Program | null = null;

export const masqcGateway: Gateway = {
  name: 'masqc',
  async setUp({ gateway }, setting) {
    const argv = [...masqcCommand, 'apply', writeGatewayFile(writeMasqc(setting))];
    const { code, out, err } = await gateway.run(argv, { limit: 300_000 });
    if (code === 0) {
      if (setting.ipv6 !== 'npt-followed') return;
      watcher = gateway.start(...masqcCommand, 'watch');
      await watcher.says(/^Watching/m);
      return;
    }
    const said = `${err}${out}`;
    if (code === null) throw new Error(`masqc apply was not done after 300 s: ${said}`);
    const complaint = /error\[(MQ\d+\]: [^\n]*)/.exec(said)?.[1];
    if (complaint === undefined)
      throw new Failure(`masqc can't be applied: ${said.trim().split('\n').slice(-4).join(' / ')}`);
    throw new Failure(`masqc refuses the file: ${complaint.replace(']', '')}`);
  },
  async takeDown({ gateway }) {
    await watcher?.stop('SIGTERM');
    watcher = null;
    await mustMasqc(gateway, 'down');
  },
  async lifetime({ gateway }, { protocol, src, sport, dst }) {
    const shown = (await listConnections(gateway)) as (Awaited<ReturnType<typeof listConnections>>[number] & {
      expiresMs: number;
    })[];
    const found = shown.find(
      (c) =>
        c.protocol === protocol &&
        c.source.address === src &&
        (protocol === 'icmp' || c.source.port === sport) &&
        c.destination.address === dst,
    );
    return found === undefined ? null : found.expiresMs / 1000;
  },
  async drops({ gateway }) {
    const { drops } = JSON.parse(await mustMasqc(gateway, 'show', 'drops', '--json')) as {
      drops: { reason: string; packets: number }[];
    };
    return Object.fromEntries(drops.map(({ reason, packets }) => [reason, packets]));
  },
  async readLog({ gateway }) {
    return (await mustMasqc(gateway, 'log')).split('\n').filter((line) => line !== '');
  },
};
