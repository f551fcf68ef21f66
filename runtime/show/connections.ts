import type { Io } from '../cli/io.ts';
import { findRunning } from './find.ts';
import { renderConnection, renderConnectionJson, renderHeader, TITLE } from './listing.ts';
import { readConnections } from './read-connections.ts';

/** How much text is written at once, in characters. */
const CHUNK = 64 * 1024;

/** Lists the connections as they are read: a line each, as JSON an object a line. */
export async function showConnections(asJson: boolean, io: Io): Promise<void> {
  const running = await findRunning(true);
  let text = '';
  let some = false;
  if (!asJson) await io.out(`${io.colours.bold(TITLE)}\n`);
  for await (const page of readConnections(running)) {
    for (const connection of page) {
      if (!some && !asJson) text += renderHeader(io.colours);
      some = true;
      text += asJson ? renderConnectionJson(connection) : renderConnection(connection, io.colours);
      if (text.length < CHUNK) continue;
      await io.out(text);
      if (!io.isRead()) return;
      text = '';
    }
    await io.out(text);
    text = '';
  }
  await io.out(text);
}
