/** Sends a datagram to each of many ports, one connection each: udp-spread.ts HOST FIRST COUNT. Says `sent`. */
import { createSocket } from 'node:dgram';
import { setTimeout } from 'node:timers/promises';

const [host = '', first, count] = process.argv.slice(2);
const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
for (let i = 0; i < Number(count); i += 1) {
  await new Promise((resolve) => socket.send('x', Number(first) + i, host, resolve));
  if (i % 100 === 99) await setTimeout(1); // no queue on the way overflows
}
console.log('sent');
socket.close();
