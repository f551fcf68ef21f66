/** Gateways of the bench that are left to TC, or with many lines or many addresses before the line that decides, beside nft of the same meaning. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'masqc-bench-rules-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const PLAIN = join(import.meta.dirname, 'gateway.masq');

/** Line i denies one port at one address of 10.0.0.0/8; no packet of the bench goes there. */
const addressOf = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
const portOf = (i: number) => 1024 + ((i * 7) % 60_000);
/** Networks spread over all addresses, so that a search goes deep; those of the bench are not among them. */
const prefixOf = (i: number, count: number) => {
  const net = 37 + i * Math.floor(16_000_000 / count);
  return `${net >> 16}.${(net >> 8) & 255}.${net & 255}.0/24`;
};
const prefixes = (count: number) => times(count, (i) => prefixOf(i, count));

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** The bench's gateway with `count` lines before the one that allows; its path. */
export function withRules(count: number): string {
  const lines = times(count, (i) => `  deny tcp ${portOf(i)} to ${addressOf(i)}\n  deny udp 9000 to ${addressOf(i)}`);
  const text = readFileSync(PLAIN, 'utf8').replace(
    '  default allow',
    `${lines.slice(0, count / 2).join('\n')}\n  default allow`,
  );
  const path = join(folder, `rules-${count}.masq`);
  writeFileSync(path, text);
  return path;
}

/** The bench's gateway with `xdp off` on both interfaces: TC does all the work, as on ppp0 and tun. */
export function withoutXdp(): string {
  const path = join(folder, 'without-xdp.masq');
  writeFileSync(path, readFileSync(PLAIN, 'utf8').replace(/^interface .*$/gm, '$& { xdp off }'));
  return path;
}

/** The bench's gateway with a block list of `count` prefixes from a file, asked for both ends of each connection. */
export function withBlockList(count: number): string {
  const path = join(folder, `blocked-${count}.masq`);
  writeFileSync(join(folder, `blocked-${count}.txt`), prefixes(count).join('\n'));
  const own = '  flows   1000000\n  deny from blocked\n  deny to blocked';
  const text = readFileSync(PLAIN, 'utf8').replace('  flows   1000000', own);
  writeFileSync(path, `${text}\nset blocked = file "blocked-${count}.txt"\n`);
  return path;
}

/** nft: what stands before the line that allows, in the forward chain. */
export function nftRules(count: number): string {
  return times(count / 2, (i) => [
    `    ip daddr ${addressOf(i)} tcp dport ${portOf(i)} drop`,
    `    ip daddr ${addressOf(i)} udp dport 9000 drop`,
  ])
    .flat()
    .join('\n');
}

export function nftBlockList(count: number): { readonly set: string; readonly rules: string } {
  return {
    set: `  set blocked {\n    type ipv4_addr\n    flags interval\n    elements = { ${prefixes(count).join(', ')} }\n  }`,
    rules: '    ip saddr @blocked drop\n    ip daddr @blocked drop',
  };
}
