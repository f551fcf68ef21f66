/**
 * Asks for a lease on a device, through ordinary sockets as an admin's client does for renewals: dhcp-client.ts DEVICE
 *
 * Prints `offered ADDRESS by SERVER` (RFC 2131: DISCOVER with the broadcast flag, to 255.255.255.255 port 67 from
 * port 68), then the same for the REQUEST: `leased ADDRESS by SERVER`.
 */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';

const device = process.argv[2] ?? 'eth0';
const hardware = Buffer.from(
  readFileSync(`/sys/class/net/${device}/address`, 'utf8').trim().replaceAll(':', ''),
  'hex',
);
const transaction = process.pid >>> 0;

type Option = readonly [code: number, ...bytes: number[]];

function build(...options: Option[]): Buffer {
  const message = Buffer.alloc(300);
  message.set([1, 1, 6, 0]); // BOOTREQUEST, Ethernet
  message.writeUInt32BE(transaction, 4);
  message.writeUInt16BE(0x8000, 10); // answer by broadcast
  hardware.copy(message, 28);
  message.writeUInt32BE(0x63825363, 236);
  let at = 240;
  for (const [code, ...bytes] of options) {
    message.set([code, bytes.length, ...bytes], at);
    at += 2 + bytes.length;
  }
  message[at] = 255;
  return message;
}

function readOption(message: Buffer, code: number): Buffer | null {
  for (let at = 240; at < message.length && message[at] !== 255; ) {
    if (message[at] === 0) at += 1;
    else if (message[at] === code) return message.subarray(at + 2, at + 2 + (message[at + 1] ?? 0));
    else at += 2 + (message[at + 1] ?? 0);
  }
  return null;
}

const socket = createSocket({ type: 'udp4', reuseAddr: true });
const send = (message: Buffer) => socket.send(message, 67, '255.255.255.255');
socket.on('message', (message, { address }) => {
  if (message.readUInt32BE(4) !== transaction) return;
  const offered = [...message.subarray(16, 20)];
  const kind = readOption(message, 53)?.[0];
  if (kind === 2) {
    console.log(`offered ${offered.join('.')} by ${address}`);
    send(build([53, 3], [50, ...offered], [54, ...(readOption(message, 54) ?? [])]));
  }
  if (kind === 5) {
    console.log(`leased ${offered.join('.')} by ${address}`);
    process.exit(0);
  }
});
socket.bind(68, '0.0.0.0', () => {
  socket.setBroadcast(true);
  send(build([53, 1]));
});
setTimeout(() => {
  console.log('no answer');
  process.exit(1);
}, 4000);
