/**
 * One TCP connection to an echo server, kept open: tcp-client.ts HOST PORT [LOCALPORT]
 *
 * Prints `seen as ADDRESS:PORT`, then sends each line of its standard input and prints what comes back, and
 * `ended: WHY` when the connection ends.
 */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [host, port, localPort] = process.argv.slice(2);
const socket = connect({
  host: host!,
  port: Number(port),
  ...(localPort === undefined ? {} : { localPort: Number(localPort) }),
});
let greeted = false;
createInterface(socket).on('line', (line) => {
  console.log(greeted ? line : `seen as ${line}`);
  greeted = true;
});
socket.on('error', (error) => console.log(`ended: ${(error as NodeJS.ErrnoException).code ?? error.message}`));
socket.on('close', () => {
  console.log('ended: closed');
  process.exit();
});
createInterface(process.stdin).on('line', (line) => socket.write(`${line}\n`));
