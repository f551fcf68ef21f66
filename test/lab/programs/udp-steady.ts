/**
 * UDP sockets that speak to an echo server all the time: udp-steady.ts HOST PORT SOCKETS MILLISECONDS
 *
 * Each sends a numbered datagram every so many milliseconds, until a line comes in, and then waits a second for what is still
 * under way. Prints `ready`, and in the end as JSON: { sent, echoed, wrong, moved }: echoes of another text than was sent, and
 * sockets that the server has seen under more than one address and port.
 */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { createInterface } from 'node:readline';

const [host = '', port = '', sockets = '', every = ''] = process.argv.slice(2);
let [sent, echoed, wrong, going] = [0, 0, 0, true];
const seen = Array.from({ length: Number(sockets) }, () => new Set<string>());
const all = seen.map((names, index) => {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  let next = 0;
  socket.on('message', (text) => {
    const [name = '', mine, number] = `${text}`.split(' ');
    names.add(name);
    echoed += 1;
    if (mine !== `s${index}` || Number(number) >= next) wrong += 1;
  });
  socket.on('error', () => {
    wrong += 1;
  });
  return () => {
    sent += 1;
    socket.send(`s${index} ${next}`, Number(port), host);
    next += 1;
  };
});
const timer = setInterval(() => {
  if (going) for (const send of all) send();
}, Number(every));
console.log('ready');
createInterface(process.stdin).once('line', () => {
  going = false;
  clearInterval(timer);
  setTimeout(() => {
    const moved = seen.filter((names) => names.size !== 1).length;
    console.log(JSON.stringify({ sent, echoed, wrong, moved }));
    process.exit();
  }, 1000);
});
