import type { Io } from '../cli/io.ts';
import type { Filter } from './filter.ts';
import { findRunning } from './find.ts';
import { renderHeader, TITLE, writeConnection, writeConnectionJson } from './listing.ts';
import { readConnections } from './read-connections.ts';
import { TextBuffer } from './text-buffer.ts';

/** Lists the connections that fit as they are read: a line each, as JSON an object a line. */
export async function showConnections(asJson: boolean, fits: Filter, io: Io): Promise<void> {
  const running = await findRunning(true);
  const text = new TextBuffer();
  const give = async () => await io.out(text.take());
  let some = false;
  if (!asJson) await io.out(`${io.colours.bold(TITLE)}\n`);
  for await (const page of readConnections(running)) {
    for (const connection of page) {
      if (!fits(connection)) continue;
      if (!some && !asJson) await io.out(renderHeader(io.colours));
      some = true;
      if (asJson) writeConnectionJson(text, connection);
      else writeConnection(text, connection, io.colours);
      if (text.isFull) await give();
      if (!io.isRead()) return;
    }
    if (!text.isEmpty) await give();
  }
}
