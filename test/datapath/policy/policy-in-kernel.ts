/**
 * Loads a generated policy beside harness.bpf.c, as the datapath's miss path would have it, and asks it about packets
 * by test run. Everything lives in a temporary directory with a bpffs of its own.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execaSync } from 'execa';
import { compareOutlines, drawOutline } from '../../../compiler/artifact/outline.ts';
import { packTable } from '../../../compiler/artifact/prefixes.ts';
import { fillTable, fillValue, type Now } from '../../../compiler/dynamic.ts';
import { compareLayout, type DatapathLayout, readLayout } from '../../../compiler/ebpf/layout.ts';
import {
  FOLLOWED,
  KEY_SIZE,
  LIVE,
  mapName,
  outlineName,
  TABLE_SHIFT,
  VIEW_SHIFT,
} from '../../../compiler/ebpf/policy-maps.ts';
import { findUnresolved } from '../../../compiler/ebpf/unresolved.ts';
import type { Model, Table } from '../../../compiler/model.ts';
import { BpfMap } from '../../../native/lib/libbpf.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const PER_RUN = 32; // harness.bpf.c

/** Members by name; an address as its first word or all four. What is not named is 0. */
export type Members = Readonly<Record<string, number | readonly number[]>>;
export type Stage = 'ingress' | 'forward';

export class PolicyInKernel {
  readonly layout: DatapathLayout;
  readonly #directory = mkdtempSync(join(tmpdir(), 'masqc-policy-'));
  readonly #pins = join(this.#directory, 'bpf');
  readonly #harness = join(this.#directory, 'harness.o');

  constructor() {
    const include = [
      '-I',
      here('../../../native/datapath'),
      '-I',
      `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
    ];
    execaSync('clang', ['-O2', '-g', '-target', 'bpf', ...include, '-c', here('harness.bpf.c'), '-o', this.#harness]);
    this.layout = readLayout(readFileSync(this.#harness));
    execaSync('mkdir', [this.#pins]);
    execaSync('mount', ['-t', 'bpf', 'bpffs', this.#pins]);
    process.on('exit', () => this.close());
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
  }

  /** Links and loads, in place of what was loaded before. Answers with the milliseconds that the load took. */
  load(policy: Uint8Array): number {
    const differences = compareLayout(readLayout(policy), this.layout);
    if (differences.length > 0) throw new Error(differences.join('\n'));
    const policyPath = join(this.#directory, 'policy.o');
    const linked = join(this.#directory, 'linked.o');
    writeFileSync(policyPath, policy);
    execaSync('bpftool', ['gen', 'object', linked, policyPath, this.#harness]);
    const open = findUnresolved(readFileSync(linked));
    if (open.length > 0) throw new Error(`unresolved: ${open.join(', ')}`);
    this.#unload();
    const start = performance.now();
    execaSync('bpftool', ['prog', 'loadall', linked, join(this.#pins, 'p'), 'pinmaps', join(this.#pins, 'm')]);
    return performance.now() - start;
  }

  /** Puts addresses into a table of what is loaded. */
  async fill({ id, addresses }: Table): Promise<void> {
    using map = BpfMap.openPinned(join(this.#pins, 'm', mapName(id)));
    const keys = packTable(addresses);
    await map.setPacked(keys, new Uint8Array(keys.length / KEY_SIZE));
    const path = join(this.#pins, 'm', outlineName(id));
    if (!existsSync(path)) return;
    using outline = BpfMap.openPinned(path);
    const words = compareOutlines(drawOutline(), drawOutline(keys));
    await outline.setPacked(words.keys, words.values);
  }

  /** Writes a view of what follows the machine's prefixes, beside those that there are. */
  async fillView({ tables, values }: Pick<Model, 'tables' | 'values'>, view: number, now: Now): Promise<void> {
    using followed = BpfMap.openPinned(join(this.#pins, 'm', FOLLOWED));
    for (const { id, follows } of tables) {
      if (follows === null) continue;
      const keys = packTable(fillTable(follows, now), (id << TABLE_SHIFT) | (view << VIEW_SHIFT));
      await followed.setPacked(keys, new Uint8Array(keys.length / KEY_SIZE));
    }
    using live = BpfMap.openPinned(join(this.#pins, 'm', LIVE));
    for (const [index, value] of values.entries()) {
      const filled = fillValue(value, now);
      if (filled === null) continue;
      const words = [...filled.words, 0, 0, 0].slice(0, 4);
      const bytes = new Uint8Array(new Uint32Array([...words, filled.out, filled.in]).buffer);
      live.set((view << VIEW_SHIFT) | (index + 1), bytes);
    }
  }

  /** The view that counts from now on. */
  chooseView(view: number): void {
    using live = BpfMap.openPinned(join(this.#pins, 'm', LIVE));
    live.set(0, new Uint8Array(new Uint32Array([view, 0, 0, 0, 0, 0]).buffer));
  }

  #unload(): void {
    for (const name of ['p', 'm']) rmSync(join(this.#pins, name), { recursive: true, force: true });
  }

  /** What the policy makes of each packet. */
  ask(stage: Stage, packets: readonly Members[]): Members[] {
    const answers: Members[] = [];
    for (let from = 0; from < packets.length; from += PER_RUN) {
      answers.push(...this.#run(stage, packets.slice(from, from + PER_RUN)));
    }
    return answers;
  }

  #run(stage: Stage, packets: readonly Members[]): Members[] {
    const input = new Uint8Array(PER_RUN * this.layout.size);
    for (const [index, packet] of packets.entries()) this.#write(input, index * this.layout.size, packet);
    const paths = { in: join(this.#directory, 'in'), out: join(this.#directory, 'out') };
    writeFileSync(paths.in, input);
    const pin = join(this.#pins, 'p', `ask_${stage}`);
    const args = ['-j', 'prog', 'run', 'pinned', pin, 'data_in', paths.in, 'data_out', paths.out, 'repeat', '1'];
    const { retval } = JSON.parse(execaSync('bpftool', args).stdout);
    if (retval !== 2) throw new Error(`the harness ended with ${retval}`);
    const output = readFileSync(paths.out);
    return packets.map((_, index) => this.#read(output, index * this.layout.size));
  }

  #write(to: Uint8Array, at: number, packet: Members): void {
    const view = new DataView(to.buffer, to.byteOffset);
    for (const [name, value] of Object.entries(packet)) {
      const member = this.layout.members.find((one) => one.name === name);
      if (!member) throw new Error(`no member ${name}`);
      const size = member.size / member.count;
      const words = typeof value === 'number' ? [value] : value;
      for (const [index, word] of words.entries()) {
        const place = at + member.offset + index * size;
        if (size === 4) view.setUint32(place, word, true);
        else if (size === 2) view.setUint16(place, word, true);
        else view.setUint8(place, word);
      }
    }
  }

  #read(from: Uint8Array, at: number): Members {
    const view = new DataView(from.buffer, from.byteOffset);
    const read = (size: number, place: number) =>
      size === 4 ? view.getUint32(place, true) : size === 2 ? view.getUint16(place, true) : view.getUint8(place);
    const values = this.layout.members.map(({ name, offset, size, count }) => {
      const words = Array.from({ length: count }, (_, index) =>
        read(size / count, at + offset + (index * size) / count),
      );
      return [name, count === 1 ? (words[0] as number) : words] as const;
    });
    return Object.fromEntries(values);
  }

  /** `bpftool prog dump xlated linum` of what is loaded. */
  dump(stage: Stage): string {
    return execaSync('bpftool', ['prog', 'dump', 'xlated', 'pinned', join(this.#pins, 'p', `ask_${stage}`), 'linum'])
      .stdout;
  }

  /** Also called when the process ends. */
  close(): void {
    if (!existsSync(this.#directory)) return;
    execaSync('umount', [this.#pins]);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
