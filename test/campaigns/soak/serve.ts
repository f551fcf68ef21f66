/**
 * The ends of the soak's flows: serve.ts PORT DATAGRAMS ADDRESS…. Echoes what comes by TCP to PORT and by UDP to DATAGRAMS of
 * each address (a socket each, or the answers might have another one); prints `ready`.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const [port = '', datagrams = '', ...addresses] = process.argv.slice(2);
for (const address of addresses) {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
  socket.on('error', () => undefined);
  socket.bind(Number(datagrams), address);
  await once(socket, 'listening');
}
const server = createServer((connection) => {
  connection.on('error', () => connection.destroy());
  connection.pipe(connection);
});
server.listen({ port: Number(port), host: '::', backlog: 4096 }, () => console.log('ready'));
