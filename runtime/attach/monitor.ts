import { execa } from 'execa';
import { TOOL_ENVIRONMENT } from '../machine/tool.ts';

/** `5: ppp0: <POINTOPOINT,UP> mtu 1492 …`, `Deleted 5: eth0@if4: …`, `2: eth0    inet 192.0.2.1/24 …` → the device. */
export function readEventDevice(line: string): string | null {
  return /^(?:\[\w+\])?(?:Deleted )?\d+: ([^\s:@]+)/.exec(line)?.[1] ?? null;
}

/**
 * Names of the devices of this network namespace that change (made, gone, up, down, another MTU or address), as the
 * kernel tells them (rtnetlink, by `ip monitor`). Ends with `signal`, and when ip ends, as it does when it was too slow
 * for the kernel: then something has been missed.
 */
export async function* watchDevices(signal: AbortSignal): AsyncGenerator<string> {
  const monitor = execa('ip', ['-o', 'monitor', 'link', 'address'], {
    env: TOOL_ENVIRONMENT,
    reject: false,
    detached: true, // Ctrl-C is for us: we end it
    cleanup: true,
    stdin: 'ignore',
    buffer: false,
    cancelSignal: signal,
    forceKillAfterDelay: 1000,
  });
  try {
    for await (const line of monitor.iterable({ from: 'stdout' })) {
      const device = readEventDevice(line);
      if (device !== null) yield device;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
