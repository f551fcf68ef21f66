import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory for one test file, with a bpffs of its own; everything goes with close(). */
export type Workshop = {
  readonly directory: string;
  /** A private bpffs. */
  readonly pins: string;
  /** Compiles BPF C (the headers are included already) to an object file and returns its path. */
  compile(name: string, source: string): string;
  close(): void;
};

const HEADERS = `
#include <linux/bpf.h>
#include <linux/types.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
`;

export function openWorkshop(): Workshop {
  const directory = mkdtempSync(join(tmpdir(), 'libbpf-ts-'));
  const pins = join(directory, 'bpf');
  execFileSync('mkdir', [pins]);
  execFileSync('mount', ['-t', 'bpf', 'bpf', pins]);
  const multiarch = execFileSync('gcc', ['-print-multiarch'], { encoding: 'utf8' }).trim();
  return {
    directory,
    pins,
    compile(name, source) {
      const from = join(directory, `${name}.bpf.c`);
      const to = join(directory, `${name}.bpf.o`);
      writeFileSync(from, HEADERS + source);
      execFileSync('clang', [
        ...['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-Wall', '-Werror'],
        ...['-isystem', `/usr/include/${multiarch}`, '-c', from, '-o', to],
      ]);
      return to;
    },
    close() {
      execFileSync('umount', [pins]);
      rmSync(directory, { recursive: true });
    },
  };
}

/** Of maps, programs, links and BTF only: Node opens and closes others as it likes. */
export function countBpfFds(): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return targets.filter((target) => /anon_inode:.*(bpf|btf)/.test(target)).length;
}

/** kB, of VmRSS. */
export function residentSize(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

/** What the promise or function was refused with; fails when it was not. */
export async function refusal<E extends Error>(
  type: new (...parameters: never[]) => E,
  action: () => unknown,
): Promise<E> {
  let result: unknown;
  try {
    result = await action();
  } catch (error) {
    if (error instanceof type) return error;
    throw error;
  }
  throw new Error(`it was not refused, but gave ${String(result)}`);
}
