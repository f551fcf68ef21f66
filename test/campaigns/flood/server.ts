/**
 * The internet of the campaigns: server.ts PORT…
 *
 * At each port a TCP client is told as whom it is seen, and hears what it says; a datagram comes back with that in front.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

for (const port of process.argv.slice(2).map(Number)) {
  const datagrams = createSocket({ type: 'udp4', recvBufferSize: 8 << 20 });
  datagrams.on('message', (text, from) =>
    datagrams.send(`${from.address}:${from.port} ${text}`, from.port, from.address),
  );
  datagrams.on('error', () => undefined);
  datagrams.bind(port, '0.0.0.0');
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(`${socket.remoteAddress}:${socket.remotePort} ${port}\n`);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen({ port, host: '0.0.0.0', backlog: 4096 }, resolve));
}
console.log('ready');
