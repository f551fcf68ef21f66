import { addon, type Bytes, type FdHandle } from './addon.ts';

export type RecordOptions = {
  /** Wait for more where nothing is left (the default). */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
};

const BATCH = 64;
/** A worker waits no longer at a time, so that a process that exits is not kept. */
const WAIT_MS = 500;

export async function* readRecords(
  map: FdHandle,
  { follow = true, signal }: RecordOptions,
): AsyncGenerator<Bytes, void, undefined> {
  const ring = addon().ringOpen(map);
  const isOver = () => signal?.aborted === true || !addon().fdIsOpen(map);
  const close = () => addon().ringClose(ring);
  signal?.addEventListener('abort', close, { once: true });
  try {
    while (!isOver()) {
      const { bytes, ends } = addon().ringRead(ring, BATCH);
      let from = 0;
      for (const end of ends) {
        yield bytes.subarray(from, end);
        if (isOver()) return;
        from = end;
      }
      if (ends.length > 0) continue;
      if (!follow) return;
      await addon().ringWait(ring, WAIT_MS);
    }
  } finally {
    signal?.removeEventListener('abort', close);
    close();
  }
}
