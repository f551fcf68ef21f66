import { formatBytes, loadBytes } from '../plan/memory.ts';
import { groups } from '../plan/render.ts';
import type { Facts, Finding } from './facts.ts';

const AREA = { area: 'kernel' } as const;
/** The oldest kernel that masqc is tried on. */
const OLDEST = [6, 1] as const;

export function* checkKernel(facts: Facts): Generator<Finding> {
  const { kernel, obstacle } = facts;
  const { release, btf, jit, loads, tcx, lockdown, unprivilegedBpf } = kernel;
  if (obstacle !== null) {
    yield { ...AREA, id: 'unreadable', severity: 'error', text: obstacle.text, why: '', mend: obstacle.advice };
  }
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  if (loads?.ok === false) {
    yield {
      ...AREA,
      id: 'datapath-refused',
      severity: 'error',
      text: `Linux ${release} does not take the datapath: ${loads.said}.`,
      why: 'apply would be refused, and would change nothing.',
      mend: isOld
        ? 'a kernel from 6.1 on'
        : 'CONFIG_BPF_SYSCALL, CONFIG_BPF_JIT, CONFIG_NET_CLS_ACT, CONFIG_DEBUG_INFO_BTF',
    };
  } else {
    const tried =
      loads === null ? '' : ': its verifier takes every program, for known and for new flows of both families';
    yield {
      ...AREA,
      id: 'kernel',
      severity: isOld ? 'warning' : 'fine',
      text: `Linux ${release}${tried}`,
      why: isOld ? 'masqc is tried on 6.1 and later.' : '',
      mend: isOld ? 'a kernel from 6.1 on' : null,
    };
  }
  if (!btf) {
    yield {
      ...AREA,
      id: 'btf',
      severity: 'error',
      text: 'This kernel has no BTF (/sys/kernel/btf/vmlinux).',
      why: 'The programs can’t be loaded without it.',
      mend: 'a kernel with CONFIG_DEBUG_INFO_BTF=y',
    };
  }
  if (jit === 0) {
    yield {
      ...AREA,
      id: 'jit',
      severity: 'warning',
      text: 'The BPF JIT is off: the programs are interpreted.',
      why: 'Each packet costs several times as much.',
      mend: 'sysctl -w net.core.bpf_jit_enable=1',
    };
  }
  if (tcx === false) {
    yield {
      ...AREA,
      id: 'no-tcx',
      severity: 'note',
      text: 'No TCX in this kernel (6.6): TC programs are clsact filters.',
      why: 'They work as well; `tc qdisc del` by another program takes them off, which the guard notices.',
      mend: null,
    };
  }
  if (lockdown === 'confidentiality') {
    yield {
      ...AREA,
      id: 'lockdown',
      severity: 'error',
      text: 'The kernel is locked down (confidentiality).',
      why: 'It lets nobody load programs that read packets’ memory.',
      mend: 'boot with lockdown=integrity, or without',
    };
  }
  if (unprivilegedBpf === 0) {
    yield {
      ...AREA,
      id: 'unprivileged-bpf',
      severity: 'warning',
      text: 'Ordinary users may load BPF programs.',
      why: 'masqc does not need it, and it has been a way to become root.',
      mend: 'sysctl -w kernel.unprivileged_bpf_disabled=1',
    };
  }
  yield* checkMemory(facts);
}

/** Tables are taken whole when they are made, and counted to the memory cgroup of whoever makes them. */
function* checkMemory({ kernel: { memory, memoryGroup }, wanted, snapshot }: Facts): Generator<Finding> {
  if (wanted === null || memory === null) return;
  const { flows, ipv6 } = wanted;
  const bytes = loadBytes(flows, ipv6);
  const what = `${groups(flows)} flows take ${formatBytes(bytes)} of kernel memory`;
  if (snapshot?.table?.flows === flows) {
    yield { ...AREA, id: 'memory', severity: 'fine', text: `${what}, and have it`, why: '', mend: null };
    return;
  }
  const group = memoryGroup !== null && memoryGroup.room < memory ? memoryGroup : null;
  const room = group?.room ?? memory;
  const short = bytes > room * 0.8;
  const fewer = 'fewer `flows` in the gateway block';
  yield {
    ...AREA,
    id: 'memory',
    severity: short ? 'error' : 'fine',
    text: `${what}; ${formatBytes(room)} can be had${group === null ? '' : ` in the memory cgroup ${group.path}`}`,
    why: short ? 'The table is taken whole when it is made.' : '',
    mend: !short
      ? null
      : group === null
        ? fewer
        : `${fewer}, or a larger limit of that cgroup (MemoryMax= of the service)`,
  };
}
