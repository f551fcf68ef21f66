/**
 * The two ends of an X11 connection's first exchange: a display that lets nobody draw, but says so politely, and a
 * client that asks it.
 *
 *   x-display.ts serve PORT
 *   x-display.ts ask HOST PORT
 */
import { connect, createServer } from 'node:net';

const [role, first, second] = process.argv.slice(2);

/** Connection setup, X11 protocol 11.0: little endian, no authorization. */
const request = Buffer.from([0x6c, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** Setup refused: 0, length of the reason, 11.0, length of what follows in units of four bytes, the reason. */
function refuse(reason: string): Buffer {
  const padded = Buffer.alloc(Math.ceil(reason.length / 4) * 4);
  padded.write(reason);
  return Buffer.concat([Buffer.from([0, reason.length, 11, 0, 0, 0, padded.length / 4, 0]), padded]);
}

if (role === 'serve') {
  createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => socket.end(refuse(`the display of han sees you, ${socket.remoteAddress}`)));
  }).listen(Number(first), '0.0.0.0', () => console.log('ready'));
} else {
  const socket = connect({ host: first!, port: Number(second), timeout: 3000 });
  const fail = (why: string) => {
    console.error(why);
    process.exit(1);
  };
  socket.on('error', (error) => fail(error.message));
  socket.on('timeout', () => fail('no answer'));
  socket.on('connect', () => socket.write(request));
  socket.once('data', (reply) => {
    console.log(reply.toString('latin1', 8, 8 + (reply[1] ?? 0)));
    process.exit(0);
  });
}
