/** What is measured side by side. */
import { join } from 'node:path';
import { nftBlockList, nftRules, withBlockList, withoutXdp, withRules } from './rules.ts';
import type { Stage } from './stage.ts';

export type RowKind = 'established' | 'first' | 'many' | 'latency' | 'connections';

export interface Gateway {
  readonly name: string;
  readonly what: string;
  /**
   * established: 1, 1,000 and 100,000 flows; first: every packet starts a flow; many: first packets, and 1,000
   * established flows, behind many lines or addresses; latency: one way of a packet, paced; connections: real sockets.
   */
  readonly rows: readonly RowKind[];
  readonly translates: boolean;
  /** The checksums of its established packets are left to hardware. */
  readonly partial?: true;
  /** It takes only frames as they go on a wire: checksums made, no longer than the MTU. */
  readonly frames?: 'whole';
  setUp(stage: Stage, flows: number): Promise<void>;
  takeDown(stage: Stage): Promise<void>;
}

export const MASQC = [process.execPath, join(import.meta.dirname, '../../runtime/cli/masqc.ts')];
export const nftMasquerade = ({ set, rules } = { set: '', rules: '' }) => `
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan1" ip saddr 192.168.1.0/24 masquerade
  }
}
table ip filter {
${set}
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
${rules}
    iifname "lan1" oifname "wan1" accept
  }
}
`;

function bare(program: string, what: string, rows: Gateway['rows']): Gateway {
  return {
    name: program.replace('_', ' '),
    what,
    rows,
    translates: true,
    setUp: (stage, flows) => stage.bare(program, flows),
    takeDown: (stage) => stage.detach(),
  };
}

async function applyMasqc(stage: Stage, file = join(import.meta.dirname, 'gateway.masq')): Promise<void> {
  await stage.gateway.ask(...MASQC, 'apply', file);
}
async function downMasqc(stage: Stage): Promise<void> {
  await stage.gateway.ask(...MASQC, 'down');
}

function nft(
  name: string,
  what: string,
  rows: Gateway['rows'],
  before?: () => { set: string; rules: string },
): Gateway {
  return {
    name,
    what,
    rows,
    translates: true,
    async setUp(stage) {
      const input = nftMasquerade(before?.());
      const { code, err } = await stage.gateway.run(['nft', '-f', '-'], { input, limit: 120_000 });
      if (code !== 0) throw new Error(`nft: ${err}`);
    },
    async takeDown(stage) {
      await stage.gateway.ask('nft', 'flush', 'ruleset');
      await stage.gateway.run(['conntrack', '-F']);
    },
  };
}

function masqc(name: string, what: string, rows: Gateway['rows'], file?: () => string): Gateway {
  return { name, what, rows, translates: true, setUp: (stage) => applyMasqc(stage, file?.()), takeDown: downMasqc };
}

export const FLOOR: Gateway = {
  name: 'floor',
  what: 'drops every packet: generator and veth alone, taken off the others',
  rows: ['established'],
  translates: false,
  setUp: (stage) => stage.dropAll(),
  takeDown: (stage) => stage.detach(),
};

export const GATEWAYS: readonly Gateway[] = [
  {
    name: 'forward',
    what: 'the kernel forwards, no netfilter, no translation',
    rows: ['established', 'first', 'latency', 'connections'],
    translates: false,
    setUp: (stage) => stage.route(true),
    takeDown: (stage) => stage.route(false),
  },
  nft('nft', 'nftables masquerade with a stateful forward chain', ['established', 'first', 'latency', 'connections']),
  bare('bare_kept', 'XDP: one look-up and a rewrite, next hop known', ['established', 'latency']),
  bare('bare_fib', 'XDP: the same with a FIB look-up', ['established']),
  bare('bare_first', 'XDP: two inserts and a FIB look-up for each flow', ['first']),
  bare('bare_tc', 'TC: one look-up and a rewrite, the neighbour by the kernel', ['established']),
  {
    name: 'bare cable',
    what: 'XDP hands frames from side to side: no look-up, no translation',
    rows: ['connections'],
    translates: false,
    frames: 'whole',
    async setUp(stage) {
      await stage.route(true);
      await stage.cable();
    },
    async takeDown(stage) {
      for (const device of ['lan1', 'wan1'] as const) await stage.detach(device);
      await stage.route(false);
    },
  },
  masqc('masqc', 'masqc, eBPF on XDP', ['established', 'first', 'latency', 'connections']),
  {
    name: 'masqc partial',
    what: 'masqc on XDP, where checksums are left to hardware that is not there (CHECKSUM_PARTIAL): XDP hands them to TC',
    rows: ['established'],
    translates: true,
    partial: true,
    setUp: (stage) => applyMasqc(stage),
    takeDown: downMasqc,
  },
  masqc('masqc tc', 'masqc, `xdp off`', ['established', 'first', 'latency', 'connections'], withoutXdp),
  masqc('masqc 10 rules', 'with 10 lines before the one that allows', ['many'], () => withRules(10)),
  masqc('masqc 10,000 rules', 'with 10,000 lines', ['many'], () => withRules(10_000)),
  nft('nft 10 rules', 'nftables with the same lines', ['many'], () => ({ set: '', rules: nftRules(10) })),
  nft('nft 10,000 rules', '', ['many'], () => ({ set: '', rules: nftRules(10_000) })),
  masqc('masqc 100,000 blocked', 'both ends looked up in a set from a file', ['many'], () => withBlockList(100_000)),
  nft('nft 10,000 blocked', 'the same in an interval set of nftables', ['many'], () => nftBlockList(10_000)),
];
