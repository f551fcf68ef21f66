/** The hooks of a device: links of XDP and TCX, filters of clsact. */
import { existsSync, rmSync } from 'node:fs';
import type { BpfProgram } from '../../native/lib/libbpf.ts';
import { CLSACT, linkPin, PROGRAMS, programPin } from '../machine/pins.ts';
import { runTool } from '../machine/tool.ts';
import type { Place } from '../plan/types.ts';
import { pinPath, type Work } from './work.ts';

/** Attaches our pinned program and pins the link. A link that lost its device under the same name is replaced. */
export async function attach(work: Work, place: Place): Promise<() => Promise<void>> {
  const { BpfProgram, attachXdp, attachTcx } = work.libbpf;
  using program = BpfProgram.openPinned(pinPath(work, programPin(PROGRAMS[place.hook])));
  if (place.mode === 'clsact') {
    await attachFilter(work, program, place, false);
  } else {
    const path = pinPath(work, linkPin(place.hook, place.ifindex));
    rmSync(path, { force: true });
    using link =
      place.hook === 'xdp'
        ? await attachXdp(program, place.ifindex, { mode: place.mode === 'generic' ? 'generic' : 'native' })
        : await attachTcx(program, place.ifindex, place.hook === 'tc-ingress' ? 'ingress' : 'egress');
    link.pin(path);
  }
  return () => detach(work, place);
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
