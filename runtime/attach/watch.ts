import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../cli/refusal.ts';
import { type Attached, attachDevices } from './attach.ts';
import { watchDevices } from './monitor.ts';
import { recallApplied } from './recall.ts';

/** A device comes with a handful of messages: its flags, its addresses. */
const SETTLE_MS = 30;
const LOCK_WAIT_MS = 10_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

export interface WatchReports {
  /** The kernel is being listened to, and every device that is here has been looked at. */
  readonly ready: () => void;
  readonly attached: (what: Attached) => void;
  /** It will be tried again; said once as long as it stays the same. */
  readonly failed: (error: Refusal) => void;
}

/**
 * Attaches devices of the applied gateway as they come, until `signal`. What is applied is read anew each time, so that
 * it may start before the first apply and outlive any number of them.
 */
export async function watch(signal: AbortSignal, reports: WatchReports): Promise<void> {
  const work = new Work(signal, reports);
  while (!signal.aborted) {
    const listening = new AbortController();
    const stop = () => listening.abort();
    signal.addEventListener('abort', stop);
    const events = listen(listening.signal, work);
    await sleep(SETTLE_MS * 3); // ip is listening by then; what it missed is seen by looking at everything
    work.ask();
    await events;
    signal.removeEventListener('abort', stop);
    if (!signal.aborted) await sleep(FIRST_RETRY_MS);
  }
  await work.end();
}

async function listen(signal: AbortSignal, work: Work): Promise<void> {
  for await (const device of watchDevices(signal)) if (isDeclared(device)) work.ask();
}

function isDeclared(device: string): boolean {
  try {
    return recallApplied()?.manifest.interfaces.some((one) => one.device === device) ?? false;
  } catch {
    return true; // attach says what is wrong
  }
}

/** One attach at a time; asked meanwhile, one more follows. */
class Work {
  #asked = false;
  #running: Promise<void> | null = null;
  #said = '';
  #ready = false;
  readonly #signal: AbortSignal;
  readonly #reports: WatchReports;

  constructor(signal: AbortSignal, reports: WatchReports) {
    this.#signal = signal;
    this.#reports = reports;
  }

  ask(): void {
    this.#asked = true;
    this.#running ??= this.#run();
  }
  async end(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    let pause = FIRST_RETRY_MS;
    while (this.#asked && !this.#signal.aborted) {
      await sleep(SETTLE_MS);
      this.#asked = false;
      try {
        const attached = await attachDevices('watch', LOCK_WAIT_MS);
        this.#said = '';
        pause = FIRST_RETRY_MS;
        if (attached !== null && attached.steps.length > 0) this.#reports.attached(attached);
        if (!this.#ready) this.#reports.ready();
        this.#ready = true;
      } catch (error) {
        if (this.#signal.aborted) break;
        const refusal = error instanceof Refusal ? error : new Refusal(String(error)); // a device that went meanwhile
        if (this.#said !== refusal.message) this.#reports.failed(refusal);
        this.#said = refusal.message;
        await sleep(pause, undefined, { signal: this.#signal }).catch(() => undefined);
        pause = Math.min(pause * 2, LAST_RETRY_MS);
        this.#asked = true;
      }
    }
    this.#running = null;
  }
}
