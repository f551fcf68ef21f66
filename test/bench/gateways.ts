/** What is measured side by side. */
import { join } from 'node:path';
import type { Stage } from './stage.ts';

export interface Gateway {
  readonly name: string;
  readonly what: string;
  /** established: 1, 1,000 and 100,000 flows; first: every packet starts a flow. */
  readonly rows: readonly ('established' | 'first')[];
  readonly translates: boolean;
  setUp(stage: Stage, flows: number): Promise<void>;
  takeDown(stage: Stage): Promise<void>;
}

const MASQC = [process.execPath, join(import.meta.dirname, '../../runtime/cli/masqc.ts')];
const NFT_MASQUERADE = `
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan1" ip saddr 192.168.1.0/24 masquerade
  }
}
table ip filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
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

async function applyMasqc(stage: Stage, ...options: string[]): Promise<void> {
  await stage.gateway.ask(...MASQC, 'apply', join(import.meta.dirname, 'gateway.masq'), ...options);
}
/** Takes the XDP programs off again: TC then does all the work, as on ppp0 and tun. */
async function leaveToTc(stage: Stage): Promise<void> {
  await stage.gateway.ask('bash', '-c', 'rm /run/masqc/bpf/bench-*/link_xdp_*');
}
async function downMasqc(stage: Stage): Promise<void> {
  await stage.gateway.ask(...MASQC, 'down');
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
    rows: ['established', 'first'],
    translates: false,
    setUp: (stage) => stage.route(true),
    takeDown: (stage) => stage.route(false),
  },
  {
    name: 'nft',
    what: 'nftables masquerade with a stateful forward chain',
    rows: ['established', 'first'],
    translates: true,
    async setUp(stage) {
      const { code, err } = await stage.gateway.run(['nft', '-f', '-'], { input: NFT_MASQUERADE });
      if (code !== 0) throw new Error(`nft: ${err}`);
    },
    async takeDown(stage) {
      await stage.gateway.ask('nft', 'flush', 'ruleset');
      await stage.gateway.run(['conntrack', '-F']);
    },
  },
  bare('bare_kept', 'XDP: one look-up and a rewrite, next hop known', ['established']),
  bare('bare_fib', 'XDP: the same with a FIB look-up', ['established']),
  bare('bare_first', 'XDP: two inserts and a FIB look-up for each flow', ['first']),
  bare('bare_tc', 'TC: one look-up and a rewrite, the neighbour by the kernel', ['established']),
  {
    name: 'masqc',
    what: 'masqc, eBPF on XDP',
    rows: ['established', 'first'],
    translates: true,
    setUp: (stage) => applyMasqc(stage),
    takeDown: downMasqc,
  },
  {
    name: 'masqc tc',
    what: 'masqc, eBPF on TC alone',
    rows: ['established', 'first'],
    translates: true,
    async setUp(stage) {
      await applyMasqc(stage);
      await leaveToTc(stage);
    },
    takeDown: downMasqc,
  },
];
