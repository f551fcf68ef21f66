import { Failure } from './failure.ts';
import type { Started } from './gateways/gateway.ts';
import type { Scene } from './row.ts';

/** When a connection will end if nothing more is heard: not before, not after, in milliseconds of performance.now(). */
export interface Deadline {
  readonly earliest: number;
  readonly latest: number;
}

/** Asks the gateway. Asking takes its time, so the answer is two bounds. @throws Failure when it knows of no such connection */
export async function readDeadline({ network, gateway }: Scene, started: Started): Promise<Deadline> {
  const before = performance.now();
  const left = await gateway.lifetime(network, started);
  if (left === null) throw new Failure(`the gateway knows of no ${started.protocol} connection of ${started.src}`);
  return { earliest: before + left * 1000, latest: performance.now() + left * 1000 };
}

/** Seconds from the packet that was sent last to the connection's end: at least, at most. */
export async function readLifetime(scene: Scene, started: Started): Promise<{ least: number; most: number }> {
  const { earliest, latest } = await readDeadline(scene, started);
  const { lastSent } = scene.network;
  return { least: (earliest - lastSent) / 1000, most: (latest - lastSent) / 1000 };
}
