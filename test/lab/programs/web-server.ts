/**
 * A web server: web-server.ts PORT NAME [ADDRESS]
 *
 *   GET /             who answers, and whom it sees
 *   GET /bytes/N      N random bytes, their SHA-256 in the header x-sha256; with ?rate=R at most R bytes a second
 *   PUT /anything     answers with the SHA-256 of what it was sent
 */
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const [port, name, host = '0.0.0.0'] = process.argv.slice(2);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function sendBytes(response: ServerResponse, count: number, rate: number): Promise<void> {
  const bytes = randomBytes(count);
  response.writeHead(200, { 'content-length': count, 'x-sha256': sha256(bytes) });
  const step = rate === Number.POSITIVE_INFINITY ? count : Math.ceil(rate / 20);
  for (let sent = 0; sent < count && !response.destroyed; sent += step) {
    response.write(bytes.subarray(sent, sent + step));
    if (sent + step < count) await pause(50);
  }
  response.end();
}

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha256');
  for await (const piece of request) hash.update(piece as Buffer);
  response.end(`${hash.digest('hex')}\n`);
}

createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://lab');
  const bytes = /^\/bytes\/(\d+)$/.exec(url.pathname);
  const done =
    request.method === 'PUT'
      ? receive(request, response)
      : bytes !== null
        ? sendBytes(response, Number(bytes[1]), Number(url.searchParams.get('rate') ?? Number.POSITIVE_INFINITY))
        : response.end(`${name} greets ${request.socket.remoteAddress}:${request.socket.remotePort}\n`);
  Promise.resolve(done).catch(() => response.destroy());
}).listen(Number(port), host, () => console.log('ready'));
