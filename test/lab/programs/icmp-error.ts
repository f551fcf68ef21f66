/**
 * Sends one ICMP port unreachable about a UDP packet that was never sent: icmp-error.ts SOURCE SPORT DESTINATION DPORT
 *
 * It goes to SOURCE, through socat: Node has no raw sockets.
 */
import { execFileSync } from 'node:child_process';

const [source, sport, destination, dport] = process.argv.slice(2);
const octets = (address: string) => address.split('.').map(Number);

/** RFC 1071, over an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

const quoted = Buffer.alloc(28);
quoted.set([0x45, 0, 0, 28, 0, 1, 0x40, 0, 60, 17, 0, 0, ...octets(source!), ...octets(destination!)]);
quoted.writeUInt16BE(checksum(quoted.subarray(0, 20)), 10);
quoted.writeUInt16BE(Number(sport), 20);
quoted.writeUInt16BE(Number(dport), 22);
quoted.writeUInt16BE(8, 24);

const message = Buffer.concat([Buffer.from([3, 3, 0, 0, 0, 0, 0, 0]), quoted]);
message.writeUInt16BE(checksum(message), 2);
execFileSync('socat', ['-u', 'STDIN', `IP4-SENDTO:${source}:1`], { input: message });
