import type { ProgramType } from './kinds.ts';

/** Fields of the context that a test run may set; which ones, the kernel says (EINVAL). */
export type TestContext = {
  readonly ingressIfindex?: number;
  /** XDP. */
  readonly rxQueueIndex?: number;
  readonly egressIfindex?: number;
  /** TC. */
  readonly mark?: number;
  readonly priority?: number;
  readonly ifindex?: number;
  readonly cb?: readonly number[];
  readonly tstamp?: bigint;
  readonly wireLen?: number;
  readonly gsoSegs?: number;
  readonly gsoSize?: number;
};

/** Byte offsets in struct xdp_md (24 bytes) and struct __sk_buff (192 bytes) of linux/bpf.h, a stable ABI. */
const XDP_MD = { ingressIfindex: 12, rxQueueIndex: 16, egressIfindex: 20 } as const;
const SK_BUFF = {
  mark: 8,
  priority: 32,
  ingressIfindex: 36,
  ifindex: 40,
  wireLen: 160,
  gsoSegs: 164,
  gsoSize: 176,
} as const;
const SK_BUFF_CB = 48;
const SK_BUFF_TSTAMP = 152;

/** The context struct of a program type; the packet of `length` bytes starts at 0. */
export function writeTestContext(type: ProgramType, context: TestContext, length: number): Uint8Array {
  const isXdp = type === 'xdp';
  const view = new DataView(new ArrayBuffer(isXdp ? 24 : 192));
  if (isXdp) view.setUint32(4, length, true);
  const offsets: Readonly<Record<string, number>> = isXdp ? XDP_MD : SK_BUFF;
  for (const [field, value] of Object.entries(context)) {
    if (value === undefined) continue;
    if (!isXdp && field === 'cb') {
      (value as readonly number[]).forEach((word, index) => {
        if (index < 5) view.setUint32(SK_BUFF_CB + 4 * index, word, true);
      });
    } else if (!isXdp && field === 'tstamp') view.setBigUint64(SK_BUFF_TSTAMP, value as bigint, true);
    else {
      const offset = offsets[field];
      if (offset === undefined) throw new TypeError(`the context of a program of type ${type} has no ${field}`);
      view.setUint32(offset, value as number, true);
    }
  }
  return new Uint8Array(view.buffer);
}
