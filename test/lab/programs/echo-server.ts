/**
 * Echoes on TCP and UDP: echo-server.ts PORT [HOST]
 *
 * A TCP client is greeted with a line that says as whom the server sees it; each UDP datagram is answered with that
 * and its own text.
 */
import { createSocket } from 'node:dgram';
import { createServer, isIPv6 } from 'node:net';

const port = Number(process.argv[2]);
const host = process.argv[3] ?? '0.0.0.0';

const datagrams = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
datagrams.on('message', (text, { address, port }) => datagrams.send(`${address}:${port} ${text}`, port, address));
datagrams.bind(port, host, () => {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(`${socket.remoteAddress}:${socket.remotePort}\n`);
    socket.pipe(socket);
  });
  server.listen({ port, host, backlog: 4096 }, () => console.log('ready'));
});
