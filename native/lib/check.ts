/** Checks of arguments: what is wrong is said before the addon sees it. */

export function checkUint32(value: unknown, what: string, least = 0, most = 0xffff_ffff): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new TypeError(`${what} must be a whole number`);
  if (value < least || value > most) throw new RangeError(`${what} must be ${least} to ${most}, not ${value}`);
  return value;
}

export function checkIfindex(value: unknown): number {
  return checkUint32(value, 'ifindex', 1, 0x7fff_ffff);
}

export function checkBytes(value: unknown, what: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${what} must be a Uint8Array`);
  return value;
}

export function checkSize(value: unknown, size: number, what: string): Uint8Array {
  const bytes = checkBytes(value, what);
  if (bytes.byteLength !== size) throw new RangeError(`${what} has ${bytes.byteLength} bytes, ${size} are expected`);
  return bytes;
}

export function checkText(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${what} must be a string that is not empty`);
  if (value.includes('\0')) throw new TypeError(`${what} must not contain a NUL`);
  return value;
}
