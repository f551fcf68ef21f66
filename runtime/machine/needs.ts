import { Refusal } from '../cli/refusal.ts';

type Libbpf = typeof import('../../native/lib/libbpf.ts');

/**
 * The addon, or the reason why this machine can't do it, in one sentence: asked before anything is touched.
 * @param deed what needs it, e.g. `apply`
 */
export async function requireBpf(deed: string): Promise<Libbpf> {
  requireRoot(deed);
  const libbpf = await import('../../native/lib/libbpf.ts');
  const missing = libbpf.whyNoAddon();
  if (missing !== null) {
    throw new Refusal(
      "masqc's native part is not there, or can't be loaded on this machine.",
      'In a clone run `npm run setup`; an installed package brings it for Linux on x86-64 and arm64.',
      3,
      missing.message,
    );
  }
  if (!libbpf.hasKernelBtf()) {
    throw new Refusal(
      'This kernel has no BTF (/sys/kernel/btf/vmlinux), and masqc needs it.',
      'Use a kernel with CONFIG_DEBUG_INFO_BTF=y, as Debian 12 and later, Ubuntu 22.04 and later and Fedora have.',
    );
  }
  try {
    libbpf.hasTcx();
  } catch (error) {
    throw explainBpf(error, libbpf);
  }
  return libbpf;
}

const CHANGING: ReadonlySet<string> = new Set(['apply', 'down', 'attach', 'watch']);

/** @throws Refusal on other systems than Linux and for ordinary users */
export function requireRoot(deed: string): void {
  if (process.platform !== 'linux') {
    throw new Refusal(`\`masqc ${deed}\` runs on Linux only.`, 'check, test, build and plan --against run everywhere.');
  }
  if (process.geteuid?.() !== 0) {
    throw new Refusal(
      `\`masqc ${deed}\` needs root: it ${CHANGING.has(deed) ? 'changes' : 'reads'} the kernel's packet path.`,
      `Run: sudo masqc ${deed} …   (check, test, build and plan --against need no root)`,
    );
  }
}

/** A BpfError in the admin's words; anything else as it is. */
export function explainBpf(error: unknown, { BpfError }: Libbpf): unknown {
  if (!(error instanceof BpfError)) return error;
  const detail = error.message;
  switch (error.code) {
    case 'EPERM':
    case 'EACCES':
      if (error.lines.length > 0) break;
      return new Refusal(
        'The kernel does not let this process use BPF.',
        'In a container it needs CAP_BPF and CAP_NET_ADMIN (or --privileged); kernel lockdown forbids it too.',
        3,
        detail,
      );
    case 'ENOSYS':
      return new Refusal(
        'This kernel is built without BPF.',
        'Use a kernel from 6.1 on with CONFIG_BPF_SYSCALL=y.',
        3,
        detail,
      );
    case 'ENOMEM':
    case 'E2BIG':
      return new Refusal(
        'The kernel has not the memory for the tables.',
        'Ask for fewer flows: the line `flows` of the gateway block; `masqc plan` prints what they cost.',
        3,
        detail,
      );
    case 'EBUSY':
      return new Refusal('Another program holds that place.', 'See `ip -d link` and `bpftool net`.', 3, detail);
  }
  return new Refusal(
    'The kernel refused a BPF object.',
    'Please report it with the lines above and `uname -a`.',
    3,
    detail,
  );
}
