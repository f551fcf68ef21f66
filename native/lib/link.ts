import { addon, type FdHandle } from './addon.ts';
import { BpfError } from './bpf-error.ts';
import { checkIfindex, checkText, checkUint32 } from './check.ts';
import { interfaceName, type XdpMode, xdpQuery } from './interface.ts';
import type { BpfProgram } from './program.ts';

export type Direction = 'ingress' | 'egress';
export type LinkInfo = {
  readonly type: 'xdp' | 'tcx' | 'other';
  readonly id: number;
  readonly programId: number;
  /** 0 when the device has gone. */
  readonly ifindex: number;
  /** Of an XDP link whose device is still there. */
  readonly mode: XdpMode | null;
  /** Of a TCX link. */
  readonly direction: Direction | null;
};

const LINK_TYPE_XDP = 6;
const LINK_TYPE_TCX = 11;
const ATTACH_XDP = 37;
const ATTACH_TCX = { ingress: 46, egress: 47 } as const;
const XDP_FLAGS = { generic: 2, native: 4 } as const;
/** Errors of native XDP that generic XDP would meet as well. */
const HOPELESS = new Set(['EBUSY', 'EEXIST', 'EPERM', 'ENODEV', 'EBADF', 'ECLOSED']);

/** An attachment. It ends with detach(), or when its last handle and pin have gone. */
export class BpfLink {
  readonly #fd: FdHandle;
  /** Why it is generic XDP although 'auto' would have had native; else null. */
  readonly fallback: BpfError | null;

  /** For this package: use attachXdp, attachTcx, openPinned or byId. */
  constructor(fd: FdHandle, fallback: BpfError | null = null) {
    this.#fd = fd;
    this.fallback = fallback;
  }

  static openPinned(path: string): BpfLink {
    return BpfLink.#fromFd(addon().fdOpenPinned(checkText(path, 'path'), 0), path);
  }
  static byId(id: number): BpfLink {
    return BpfLink.#fromFd(addon().fdById('link', checkUint32(id, 'id')), `link ${id}`);
  }
  static #fromFd(fd: FdHandle, label: string): BpfLink {
    if (addon().fdKind(fd) === 'link') return new BpfLink(fd);
    addon().fdClose(fd);
    throw new BpfError('open_pinned', 22, label, 'it is not a link');
  }

  /** The XDP mode in use; null for other links. */
  get mode(): XdpMode | null {
    return this.info().mode;
  }

  info(): LinkInfo {
    const { type, id, programId, ifindex, attachType } = addon().linkInfo(this.#fd);
    if (type === LINK_TYPE_XDP)
      return { type: 'xdp', id, programId, ifindex, mode: modeOf(ifindex, programId), direction: null };
    if (type !== LINK_TYPE_TCX) return { type: 'other', id, programId, ifindex: 0, mode: null, direction: null };
    const direction = attachType === ATTACH_TCX.ingress ? 'ingress' : 'egress';
    return { type: 'tcx', id, programId, ifindex, mode: null, direction };
  }

  /** Another program from the next packet on; with `old`, only if that is the present one (EPERM). */
  async update(program: BpfProgram, old?: BpfProgram): Promise<void> {
    await addon().linkUpdate(this.#fd, program.handle(), old?.handle() ?? null);
  }

  pin(path: string): void {
    addon().fdPin(this.#fd, checkText(path, 'path'));
  }

  /** Takes the program off at once; pins of the link remain, without effect. */
  async detach(): Promise<void> {
    await addon().linkDetach(this.#fd);
  }

  /** Lets go of the handle; without a pin, that detaches. */
  close(): void {
    addon().fdClose(this.#fd);
  }
  [Symbol.dispose](): void {
    this.close();
  }
}

function modeOf(ifindex: number, programId: number): XdpMode | null {
  if (ifindex === 0) return null;
  try {
    const attached = xdpQuery(ifindex);
    return attached.find((entry) => entry.programId === programId)?.mode ?? null;
  } catch {
    return null; // the device went, or is in another network namespace
  }
}

/** The kernel says EINVAL of a device that is not there: say it better. */
async function createLink(
  program: BpfProgram,
  ifindex: number,
  type: number,
  flags: number,
  hook: string,
): Promise<FdHandle> {
  const label = `${program.name} (${hook}) on ifindex ${ifindex}`;
  if (interfaceName(ifindex) === null) throw new BpfError('attach', 19, label, '');
  return await addon().linkCreate(program.handle(), ifindex, type, flags, label);
}

/**
 * 'native' runs in the driver, 'generic' in the stack, after an skb was made (slow); 'auto' takes native where it can,
 * and the link's `fallback` says why not. EBUSY: another XDP program is there.
 */
export async function attachXdp(
  program: BpfProgram,
  ifindex: number,
  options: { readonly mode?: 'native' | 'generic' | 'auto' } = {},
): Promise<BpfLink> {
  const { mode = 'auto' } = options;
  const create = (flags: number): Promise<FdHandle> => createLink(program, ifindex, ATTACH_XDP, flags, 'XDP');
  if (mode !== 'auto') return new BpfLink(await create(XDP_FLAGS[mode]));
  try {
    return new BpfLink(await create(XDP_FLAGS.native));
  } catch (error) {
    if (!(error instanceof BpfError) || HOPELESS.has(error.code)) throw error;
    return new BpfLink(await create(XDP_FLAGS.generic), error);
  }
}

/** EINVAL on kernels before 6.6 (hasTcx says). */
export async function attachTcx(program: BpfProgram, ifindex: number, direction: Direction): Promise<BpfLink> {
  return new BpfLink(await createLink(program, ifindex, ATTACH_TCX[direction], 0, `TCX ${direction}`));
}

/** In the order they run; linkId 0 where it was attached without a link. EINVAL before 6.6. */
export function tcxQuery(ifindex: number, direction: Direction): readonly { programId: number; linkId: number }[] {
  return addon().tcxQuery(checkIfindex(ifindex), ATTACH_TCX[direction]);
}
