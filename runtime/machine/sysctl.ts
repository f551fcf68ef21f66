import { readFileSync, writeFileSync } from 'node:fs';
import { Refusal } from '../cli/refusal.ts';

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';

/** `0` or `1`, of this network namespace (/proc/sys/net is the reader's). */
export function readIpForward(): string {
  return readFileSync(IP_FORWARD, 'utf8').trim();
}

export function writeIpForward(value: string): void {
  try {
    writeFileSync(IP_FORWARD, `${value}\n`);
  } catch (error) {
    throw new Refusal(
      'net.ipv4.ip_forward cannot be written here.',
      'Is /proc/sys read-only, as in an unprivileged container?',
      3,
      String(error),
    );
  }
}

const IPV6_FORWARD = '/proc/sys/net/ipv6/conf/all/forwarding';

/** `0` or `1`; null: the kernel has no IPv6. */
export function readIpv6Forward(): string | null {
  try {
    return readFileSync(IPV6_FORWARD, 'utf8').trim();
  } catch {
    return null;
  }
}

export function writeIpv6Forward(value: string): void {
  try {
    writeFileSync(IPV6_FORWARD, `${value}\n`);
  } catch (error) {
    throw new Refusal(
      'net.ipv6.conf.all.forwarding cannot be written here.',
      'Is /proc/sys read-only, as in an unprivileged container?',
      3,
      String(error),
    );
  }
}

/** Router advertisements are taken as long as the machine is no router: accept_ra 1. */
export function losesAdvertisements(device: string): boolean {
  try {
    return readFileSync(`/proc/sys/net/ipv6/conf/${device}/accept_ra`, 'utf8').trim() === '1';
  } catch {
    return false;
  }
}

/** net.ipv4.ip_local_port_range, inclusive. */
export function readLocalPorts(): [number, number] {
  const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
  return [first ?? 32768, last ?? 60999];
}
