/**
 * One UDP socket that speaks to an echo server: udp-client.ts HOST PORT [LOCALPORT]
 *
 * Sends each line of its standard input and prints what comes back.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';

const [host, port, localPort] = process.argv.slice(2);
const socket = createSocket('udp4');
socket.on('message', (text) => console.log(`${text}`));
socket.on('error', (error) => console.log(`error: ${error.message}`));
socket.bind(Number(localPort ?? 0), () => {
  console.log('ready');
  createInterface(process.stdin).on('line', (line) => socket.send(line, Number(port), host));
});
