/** Text on a terminal: how wide it is, and what of it may be printed. */

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Columns of one code point: wide ones take two, combining ones none (after UAX #11). */
export function widthOf(sign: string): number {
  if (sign < '\u0300') return 1;
  if (/\p{M}|\p{Cf}/u.test(sign)) return 0;
  return WIDE.test(sign) ? 2 : 1;
}

export const TAB = 4;

/** A sign as it is shown: nothing of a file ever reaches the terminal as a control character. */
export function show(sign: string, column: number): string {
  if (sign === '\t') return ' '.repeat(TAB - (column % TAB));
  const code = sign.codePointAt(0)!;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return '␡';
  return /[\u0080-\u009f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]/.test(sign) && sign.length === 1 ? '�' : sign;
}

/** The whole text, shown; line ends become blanks. */
export function showText(text: string): string {
  return Array.from(text, (sign) => (sign === '\n' ? ' ' : show(sign, 0))).join('');
}
