/** Address literals: single addresses, networks `10.0.0.0/8` and ranges `10.0.0.1-10.0.0.9`, of both families. */
import type { IToken } from 'chevrotain';
import { addressBits, hostMask, readAddress, readIpv4, writeAddress } from './address.ts';
import type { Family } from './ast.ts';
import { codes } from './codes.ts';
import type { AddressValue, Complain } from './literals.ts';
import { Bracketed, Ipv4 } from './tokens.ts';

/** Reads a token of the shape Ipv4, Ipv6 or Bracketed. */
export function readAddressToken(token: IToken, complain: Complain): AddressValue {
  if (token.tokenType === Bracketed) return readBracketed(token, complain);
  const family: Family = token.tokenType === Ipv4 ? 4 : 6;
  const text = token.image;
  const slash = text.indexOf('/');
  if (slash >= 0) return readNetwork(token, family, text.slice(0, slash), text.slice(slash + 1), complain);
  const dash = text.indexOf('-');
  if (dash >= 0) return readAddressRange(token, family, text.slice(0, dash), text.slice(dash + 1), complain);
  const address = readAddress(text, family) ?? refuse(token, family, text, complain);
  return { form: 'address', family, first: address, last: address };
}

function readBracketed(token: IToken, complain: Complain): AddressValue {
  const text = token.image.slice(1).replace(/\]$/, '');
  const address = readAddress(text, 6);
  if (address === null) {
    const because = readIpv4(text) === null ? whyNotIpv6(text) : 'brackets are for IPv6 addresses';
    const mend = readIpv4(text) === null ? {} : { mend: text };
    complain(codes.badAddress, { text: token.image, because }, token, { expected: 'such as `[2001:db8::1]`', ...mend });
  } else if (!token.image.endsWith(']')) {
    complain(codes.badAddress, { text: token.image, because: 'its `]` is missing' }, token, {
      expected: '`]`',
      mend: `${token.image}]`,
    });
  }
  return { form: 'address', family: 6, first: address ?? 0n, last: address ?? 0n };
}

function readNetwork(token: IToken, family: Family, base: string, suffix: string, complain: Complain): AddressValue {
  const bits = addressBits(family);
  const broken = readAddress(base, family) === null;
  const address = readAddress(base, family) ?? refuse(token, family, base, complain);
  let length = /^\d{1,3}$/.test(suffix) ? Number(suffix) : -1;
  if (length < 0 || length > bits || (suffix.length > 1 && suffix[0] === '0')) {
    const masked = family === 4 ? maskLength(suffix) : null;
    const more = masked === null ? {} : { mend: `${base}/${masked}` };
    complain(codes.prefixLength, { length: suffix, most: bits }, token, {
      expected: `a number from 0 to ${bits}`,
      ...more,
    });
    length = masked ?? bits;
  }
  const host = hostMask(family, length);
  const first = address & ~host;
  if (!broken && first !== address) {
    const network = `${writeAddress(first, family)}/${length}`;
    const expected = `the network ${network}, or the address ${base} alone`;
    complain(codes.hostBits, { text: token.image, network }, token, { expected, mend: network });
  }
  return { form: 'network', family, first, last: first | host };
}

function readAddressRange(token: IToken, family: Family, from: string, to: string, complain: Complain): AddressValue {
  const first = readAddress(from, family) ?? refuse(token, family, from, complain);
  let last = readAddress(to, family);
  if (last === null) {
    const short = family === 4 && /^\d{1,3}$/.test(to) ? `${from.slice(0, from.lastIndexOf('.') + 1)}${to}` : '';
    const expected = 'two whole addresses of one family, such as `10.0.0.1-10.0.0.9`';
    if (readIpv4(short) === null) {
      complain(codes.badRange, { text: token.image, because: `\`${to}\` is no IPv${family} address` }, token, {
        expected,
      });
    } else {
      const mend = `${from}-${short}`;
      complain(codes.badRange, { text: token.image, because: 'its end is no whole address' }, token, {
        expected,
        mend,
      });
    }
    last = first;
  }
  if (first <= last) return { form: 'range', family, first, last };
  complain(codes.reversedRange, { text: token.image }, token, {
    expected: 'the lower address first',
    mend: `${to}-${from}`,
  });
  return { form: 'range', family, first: last, last: first };
}

/** Says why `text` is no address. */
function refuse(token: IToken, family: Family, text: string, complain: Complain): bigint {
  if (family === 6) {
    complain(codes.badAddress, { text, because: whyNotIpv6(text) }, token, { expected: 'such as `2001:db8::1`' });
    return 0n;
  }
  const expected = 'four numbers from 0 to 255, such as `192.168.1.20`';
  const octets = text.split('.');
  const large = octets.find((octet) => /^\d+$/.test(octet) && Number(octet) > 255);
  const plain = octets.map((octet) => octet.replace(/^0+(?=\d)/, '')).join('.');
  const digits = text.replace(/[lI]/g, '1').replace(/[oO]/g, '0');
  const replace = (right: string) => (readIpv4(right) === null ? {} : { mend: token.image.replace(text, right) });
  if (/[A-Za-z_]/.test(text)) {
    const letter = /[A-Za-z_]+/.exec(text)![0];
    const because = `there is a letter in it (\`${letter}\`)`;
    complain(codes.badAddress, { text, because }, token, { expected, ...replace(digits) });
  } else if (large !== undefined) {
    complain(codes.octet, { octet: large }, token, { expected });
  } else if (octets.length !== 4 || octets.includes('')) {
    const count = octets.filter((octet) => octet !== '').length;
    complain(codes.badAddress, { text, because: `it has ${count} numbers, not 4` }, token, { expected });
  } else {
    complain(codes.badAddress, { text, because: 'a number in it begins with 0' }, token, {
      expected,
      ...replace(plain),
    });
  }
  return 0n;
}

function whyNotIpv6(text: string): string {
  if (text.includes('%')) return 'a zone (`%`) is not written; `on` says where a network lives';
  const foreign = /[^0-9A-Fa-f:.]/.exec(text);
  if (foreign !== null) return `\`${foreign[0]}\` can't stand in an IPv6 address`;
  const long = /[0-9A-Fa-f]{5,}/.exec(text);
  if (long !== null) return `its group \`${long[0]}\` has more than 4 digits`;
  if (text.split('::').length > 2) return '`::` can stand in it once';
  if (text.includes(':::')) return '`:::` means nothing';
  return 'an IPv6 address has 8 groups, or fewer around one `::`';
}

/** The prefix length that a dotted mask such as 255.255.255.0 stands for. */
function maskLength(mask: string): number | null {
  const value = readIpv4(mask);
  if (value === null) return null;
  const ones = value.toString(2).padStart(32, '0');
  return /^1*0*$/.test(ones) ? ones.replaceAll('0', '').length : null;
}
