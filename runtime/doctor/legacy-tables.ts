import type { ForeignTable } from './facts.ts';
import { OWNERS } from './netfilter.ts';

/** Chains that forwarded packets, or the gateway's answers about them, come by. */
const BASES = new Set(['PREROUTING', 'FORWARD', 'POSTROUTING']);
const DROPS = new Set(['DROP', 'REJECT']);
const NAT = new Set(['MASQUERADE', 'SNAT', 'DNAT', 'REDIRECT', 'NETMAP']);

/** `iptables-legacy-save` → its tables, which nft does not show. Pure. */
export function parseLegacy(family: 'ip' | 'ip6', text: string): ForeignTable[] {
  return [...text.matchAll(/^\*(\S+)\n([\s\S]*?)^COMMIT$/gm)].map(([, name = '', body = '']) => {
    const chains = [...body.matchAll(/^:(\S+) (\S+)/gm)].map(([, chain = '', policy]) => ({ chain, policy }));
    const rules = [...body.matchAll(/^-A (\S+) .*?-[jg] (\S+)/gm)].map(([, chain = '', target = '']) => ({
      chain,
      target,
    }));
    const bases = chains.filter(({ chain }) => BASES.has(chain));
    const met = new Set(bases.map(({ chain }) => chain));
    for (const chain of met) for (const rule of rules) if (rule.chain === chain) met.add(rule.target); // grows under way
    const isShut = (policy: string | undefined) => policy === 'DROP';
    return {
      family,
      name,
      legacy: true,
      owner: OWNERS.find(([pattern]) => chains.some(({ chain }) => pattern.test(chain)))?.[1] ?? null,
      drops: bases.some(({ policy }) => isShut(policy)) || [...met].some((target) => DROPS.has(target)),
      translates: [...met].some((target) => NAT.has(target)),
      chains: bases.map(({ chain, policy }) => `${chain}${isShut(policy) ? ' (policy drop)' : ''}`),
    };
  });
}
