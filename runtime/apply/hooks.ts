/** The hooks of a device: links of XDP and TCX, filters of clsact. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { BpfLink, BpfProgram } from '../../native/lib/libbpf.ts';
import { Refusal } from '../cli/refusal.ts';
import { CLSACT, linkPin, PROGRAMS, programPin } from '../machine/pins.ts';
import { runTool } from '../machine/tool.ts';
import type { Place } from '../plan/types.ts';
import { pinPath, type Work } from './work.ts';

/** Attaches our pinned program and pins the link. A link that lost its device under the same name is replaced. */
export async function attach(work: Work, place: Place): Promise<() => Promise<void>> {
  const { BpfProgram, attachTcx } = work.libbpf;
  using program = BpfProgram.openPinned(pinPath(work, programPin(PROGRAMS[place.hook])));
  if (place.mode === 'clsact') {
    await attachFilter(work, program, place, false);
  } else {
    const path = pinPath(work, linkPin(place.hook, place.ifindex));
    rmSync(path, { force: true });
    using link =
      place.hook === 'xdp'
        ? await attachToDriver(work, program, place)
        : await attachTcx(program, place.ifindex, place.hook === 'tc-ingress' ? 'ingress' : 'egress');
    link.pin(path);
  }
  return () => detach(work, place);
}

/**
 * A driver may have XDP and yet not take it as it is set up: EINVAL, EOPNOTSUPP, ENOMEM (no page, no queue), ERANGE, EBUSY; its
 * reason stays in the kernel, for a link has no way to tell it.
 */
async function attachToDriver({ libbpf, wanted }: Work, program: BpfProgram, place: Place): Promise<BpfLink> {
  const { attachXdp, BpfError } = libbpf;
  try {
    return await attachXdp(program, place.ifindex, { mode: place.mode === 'generic' ? 'generic' : 'native' });
  } catch (error) {
    if (!(error instanceof BpfError) || error.code === 'ENODEV') throw error;
    const { device } = place;
    const name = wanted.interfaces.find((one) => one.device === device)?.name ?? device;
    throw new Refusal(
      `the driver of ${device} does not take XDP as the device is set up (${error.code}).`,
      [
        `Drivers ask for an MTU that fits a page, mostly up to about 3,500 (it is ${readMtu(device)}), for no large receive offload`,
        `(\`ethtool -K ${device} lro off rx-gro-hw off\`), some for spare queues (\`ethtool -L ${device} combined 1\`).`,
        `Or leave it to TC, at about three times the cost: \`interface ${name} = ${device} { xdp off }\`.`,
      ].join('\n  '),
      undefined,
      error.message,
    );
  }
}

function readMtu(device: string): string {
  try {
    return readFileSync(`/sys/class/net/${device}/mtu`, 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

export async function attachFilter(work: Work, program: BpfProgram, place: Place, replace: boolean): Promise<void> {
  const direction = place.hook === 'tc-ingress' ? 'ingress' : 'egress';
  if (replace) {
    const { ClsactAttachment } = work.libbpf;
    await new ClsactAttachment({ ifindex: place.ifindex, direction, ...CLSACT }, 0, false).update(program);
  } else {
    await work.libbpf.attachClsact(program, place.ifindex, direction, CLSACT);
  }
}

/** Takes our program off; a place that is bare already is fine. */
export async function detach(work: Pick<Work, 'libbpf' | 'pins' | 'state'>, place: Place): Promise<void> {
  const { BpfLink, BpfError, detachClsact } = work.libbpf;
  if (place.mode === 'clsact') {
    const known = work.state.interfaces.find((one) => one.ifindex === place.ifindex);
    const direction = place.hook === 'tc-ingress' ? 'ingress' : 'egress';
    try {
      await detachClsact({ ifindex: place.ifindex, direction, ...CLSACT }, { removeQdisc: known?.ownsQdisc === true });
    } catch (error) {
      if (!(error instanceof BpfError) || !['ENOENT', 'ENODEV', 'EINVAL'].includes(error.code)) throw error;
    }
    return;
  }
  const path = `${work.pins}/${linkPin(place.hook, place.ifindex)}`;
  if (!existsSync(path)) return;
  using link = BpfLink.openPinned(path);
  rmSync(path, { force: true });
  try {
    await link.detach();
  } catch (error) {
    // The device went, and its link with it.
    if (!(error instanceof BpfError) || !['ENOLINK', 'ENODEV', 'ENOENT', 'EINVAL'].includes(error.code)) throw error;
  }
}

/** Whether a device has a clsact qdisc, ours or another's. */
export async function hasClsact(device: string): Promise<boolean> {
  const { ok, stdout } = await runTool('tc', ['qdisc', 'show', 'dev', device]);
  return ok && /\bclsact\b/.test(stdout);
}
