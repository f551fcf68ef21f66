/** Ordinary programs through the gateway: what an admin tries first. */
import { Failure, must } from '../failure.ts';
import { addresses } from '../network.ts';
import type { Row, Scene } from '../row.ts';

const { internet, gateway: near } = addresses;

async function ask({ network }: Scene, argv: readonly string[], limit = 20_000): Promise<string> {
  const { code, out, err } = await network.at('inside').run(argv, { limit });
  if (code !== 0)
    throw new Failure(`${argv[0]} ends with ${code}: ${(out + err).trim().split('\n').slice(-3).join(' / ')}`);
  return out;
}

/** The hops that a program names, in order. */
function mustShowHops(out: string, program: string): void {
  for (const [hop, address] of [
    [1, near],
    [2, addresses.isp],
    [3, internet],
  ] as const) {
    const lines = out.split('\n').filter((text) => new RegExp(`^ *${hop}[.: ?|]`).test(text));
    const line = lines.find((text) => text.includes(address)) ?? lines.at(-1) ?? '';
    must(line.includes(address), `${program} shows as hop ${hop}: ${line.trim() || 'nothing'}`);
  }
}

const loseTimeExceeded = {
  how: 'a rule of nft in the provider drops ICMP time exceeded',
  in: 'isp',
  commands: [
    'nft add table ip spoil',
    'nft add chain ip spoil out { type filter hook output priority filter ; }',
    'nft add rule ip spoil out icmp type time-exceeded drop',
  ],
} as const;

export const programRows: readonly Row[] = [
  ...(['-U', '-I', '-T'] as const).map(
    (mode): Row => ({
      id: `icmp-9-traceroute${mode === '-U' ? '' : mode === '-I' ? '-icmp' : '-tcp'}`,
      rfc: 'RFC 5508 REQ-9, REQ-4',
      level: 'must',
      text: `traceroute ${mode} shows the gateway, the provider and the server`,
      programs: ['traceroute'],
      async check(scene) {
        mustShowHops(
          await ask(scene, [
            'traceroute',
            '-n',
            mode,
            '-q1',
            '-w2',
            '-m5',
            ...(mode === '-T' ? ['-p', '9'] : []),
            internet,
          ]),
          'traceroute',
        );
      },
      broken: loseTimeExceeded,
    }),
  ),
  {
    id: 'icmp-9-tracepath',
    rfc: 'RFC 5508 REQ-9, RFC 1191',
    level: 'must',
    text: 'tracepath shows the hops, and the MTU of a narrow wan',
    programs: ['tracepath'],
    setting: { wanMtu: 1400 },
    async check(scene) {
      const out = await ask(scene, ['tracepath', '-n', '-m6', internet], 30_000);
      must(/pmtu 1400/.test(out), `it finds ${/pmtu \d+/.exec(out)?.[0] ?? 'no MTU'}`);
      mustShowHops(out, 'tracepath');
    },
    broken: loseTimeExceeded,
  },
  {
    id: 'icmp-9-mtr',
    rfc: 'RFC 5508 REQ-9, REQ-1',
    level: 'must',
    text: 'mtr shows the hops and loses nothing',
    programs: ['mtr'],
    async check(scene) {
      const out = await ask(scene, ['mtr', '-n', '-r', '-c3', '-i0.2', '-G2', internet], 30_000);
      mustShowHops(out.replaceAll('|--', ''), 'mtr');
      must(!/ (?!0\.0%)\d+\.\d%/.test(out), `it loses packets: ${out}`);
    },
    broken: loseTimeExceeded,
  },
];
