import ipaddr from 'ipaddr.js';

/** Addresses as the datapath's structs hold them: members of network byte order are plain integers to a codec. */

/** `192.168.1.1` → the integer whose little-endian bytes are 192, 168, 1, 1; null → 0. */
export function toBe32(address: string | null, littleEndian = true): number {
  if (address === null) return 0;
  const view = new DataView(new ArrayBuffer(4));
  address.split('.').forEach((part, index) => {
    view.setUint8(index, Number(part));
  });
  return view.getUint32(0, littleEndian);
}

/** `2001:db8::1` → 16 bytes; null → zeros. */
export function toBytes6(address: string | null): Uint8Array {
  return address === null ? new Uint8Array(16) : Uint8Array.from(ipaddr.IPv6.parse(address).toByteArray());
}

export function formatAddress6(bytes: Uint8Array): string {
  return writeGroups(Array.from({ length: 8 }, (_, index) => readBe16(bytes, 2 * index)));
}

/** Eight groups of 16 bits as RFC 5952 has them: the longest row of zeros, the first of such, is `::`. */
export function writeGroups(groups: readonly number[]): string {
  let [from, most] = [8, 1];
  for (let first = 0; first < 8; first += 1) {
    let size = 0;
    while (first + size < 8 && groups[first + size] === 0) size += 1;
    if (size > most) [from, most] = [first, size];
    if (size > 0) first += size;
  }
  let text = '';
  for (let index = 0; index < 8; index += 1) {
    if (index === from) {
      text += '::';
      index += most - 1;
    } else text += `${text === '' || text.endsWith(':') ? '' : ':'}${(groups[index] ?? 0).toString(16)}`;
  }
  return text;
}

/** `26:63:72:c9:6f:e2` → six bytes; null → zeros. */
export function toMac(mac: string | null): Uint8Array {
  const bytes = new Uint8Array(6);
  mac?.split(':').forEach((part, index) => {
    bytes[index] = Number.parseInt(part, 16);
  });
  return bytes;
}

export function readAddress(bytes: Uint8Array, offset: number): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** A 16-bit number in network order. */
export function readBe16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

/** A key or value of 4 bytes in the machine's own order. */
export function word(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}
export function readWord(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}
