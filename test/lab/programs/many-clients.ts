/**
 * Many TCP connections to an echo server, all open at once: many-clients.ts HOST PORT COUNT
 *
 * When every one is open, each sends a text of its own and checks what comes back. Prints the outcome as JSON:
 * { connected, echoed, ports } (ports: how many different source ports the server saw).
 */
import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';

const [host, port, count] = process.argv.slice(2);

/** The next line that arrives; null when the connection ends or 20 s pass. */
function readLine(socket: Socket): Promise<string | null> {
  return new Promise((resolve) => {
    let text = '';
    const alarm = setTimeout(() => resolve(null), 20_000);
    const end = (line: string | null) => {
      clearTimeout(alarm);
      socket.removeListener('data', collect);
      resolve(line);
    };
    const collect = (piece: string) => {
      text += piece;
      if (text.endsWith('\n')) end(text.trimEnd());
    };
    socket.on('data', collect);
    socket.once('error', () => end(null));
    socket.once('close', () => end(null));
  });
}

async function open(): Promise<{ socket: Socket; greeting: string | null }> {
  const socket = connect({ host: host!, port: Number(port) });
  socket.setEncoding('utf8');
  return { socket, greeting: await readLine(socket) };
}

const clients = await Promise.all(Array.from({ length: Number(count) }, open));
const connected = clients.filter(({ greeting }) => greeting !== null);
const echoes = await Promise.all(
  connected.map(async ({ socket }) => {
    const text = randomUUID();
    socket.write(`${text}\n`);
    return (await readLine(socket)) === text;
  }),
);
console.log(
  JSON.stringify({
    connected: connected.length,
    echoed: echoes.filter(Boolean).length,
    ports: new Set(connected.map(({ greeting }) => greeting)).size,
  }),
);
process.exit(0);
