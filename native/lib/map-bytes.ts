/** The kernel rounds the values of per-CPU maps up to 8 bytes. */
export function roundUp(size: number): number {
  return Math.ceil(size / 8) * 8;
}

/** 4 bytes in the machine's byte order. */
export function word(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
