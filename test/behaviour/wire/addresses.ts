/** Addresses as bytes of the wire, and back: dotted IPv4, IPv6 as RFC 5952 writes it. */
import ipaddr from 'ipaddr.js';

export const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

export function toBytes(address: string): number[] {
  return ipaddr.parse(address).toByteArray();
}

export function fromBytes(bytes: Uint8Array): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}
