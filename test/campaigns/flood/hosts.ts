/**
 * The other inside hosts, each with an address of its own: hosts.ts SERVER PORT EVERY FRESH ADDRESS…
 *
 * Each has a TCP and a UDP flow to SERVER:PORT, and sends by both every EVERY ms; and every FRESH ms one of them opens a new TCP
 * connection and asks once by a new UDP socket. Prints `ready` when all flows are there. A line that comes in ends it: what is under
 * way has three seconds, and it prints as JSON a Report. Its flows stay until it is stopped.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { Report, Tried } from './report.ts';

const [server = '', port = '', every = '', fresh = '', ...addresses] = process.argv.slice(2);
const PATIENCE_MS = 3000;
const report: Report = {
  udp: { sent: 0, echoed: 0 },
  tcp: { sent: 0, echoed: 0, ended: 0 },
  newTcp: tried(),
  newUdp: tried(),
};
let going = true;

function tried(): Tried {
  return { of: 0, done: 0 };
}

function keepTcp(localAddress: string): Promise<() => void> {
  return new Promise((resolve) => {
    const socket = connect({ host: server, port: Number(port), localAddress, noDelay: true });
    let [greeted, next, awaited] = [false, 0, 0];
    const end = () => {
      report.tcp.ended += 1;
    };
    socket.on('error', end);
    socket.on('end', end);
    createInterface(socket).on('line', (line) => {
      if (!greeted) {
        greeted = true;
        resolve(() => {
          report.tcp.sent += 1;
          socket.write(`${next++}\n`);
        });
      } else if (Number(line) === awaited) {
        awaited += 1;
        report.tcp.echoed += 1;
      }
    });
  });
}

function keepUdp(address: string): Promise<() => void> {
  return new Promise((resolve) => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
    const missing = new Set<string>();
    let next = 0;
    const send = (text: string) => socket.send(text, Number(port), server);
    socket.on('message', (text) => {
      const said = `${text}`.split(' ')[1] ?? '';
      if (said === 'hello') {
        resolve(() => {
          report.udp.sent += 1;
          missing.add(`${next}`);
          send(`${next++}`);
        });
      } else if (missing.delete(said)) {
        report.udp.echoed += 1;
      }
    });
    socket.on('error', () => undefined);
    socket.bind(0, address, () => send('hello'));
  });
}

/** Opens a connection, hears the greeting and closes it. */
function openTcp(localAddress: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: server, port: Number(port), localAddress });
    const end = (well: boolean) => {
      socket.destroy();
      resolve(well);
    };
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
    setTimeout(() => end(false), PATIENCE_MS);
  });
}

function openUdp(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const end = (well: boolean) => {
      clearTimeout(timer);
      socket.close();
      resolve(well);
    };
    const timer = setTimeout(end, PATIENCE_MS, false);
    socket.once('message', () => end(true));
    socket.on('error', () => undefined);
    socket.bind(0, address, () => socket.send('new', Number(port), server));
  });
}

async function count(tried: Tried, opens: Promise<boolean>): Promise<void> {
  tried.of += 1;
  if (await opens) tried.done += 1;
}

const flows = await Promise.all(addresses.flatMap((address) => [keepTcp(address), keepUdp(address)]));
console.log('ready');
const timers = [
  setInterval(() => {
    if (going) for (const send of flows) send();
  }, Number(every)),
  setInterval(() => {
    const address = addresses[report.newTcp.of % addresses.length] ?? '';
    void count(report.newTcp, openTcp(address));
    void count(report.newUdp, openUdp(address));
  }, Number(fresh)),
];
createInterface(process.stdin).once('line', () => {
  going = false;
  for (const timer of timers) clearInterval(timer);
  setTimeout(() => {
    console.log(JSON.stringify(report));
  }, PATIENCE_MS + 500);
});
