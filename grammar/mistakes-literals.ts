/** Ports, addresses, times and texts that are written in another way. */
import type { IToken } from 'chevrotain';
import { codes } from './codes.ts';
import { fits } from './expectations.ts';
import { type Failure, goesOn, type Mistake, quote, replace } from './failure.ts';
import { spanAfter, spanBetween, spanOf } from './source-spans.ts';
import type { Span } from './span.ts';
import * as t from './tokens.ts';

export function reportNoPorts(failure: Failure, protocol: IToken, span: Span): true {
  const fixes = [{ title: 'every port', span: spanAfter(failure.file, protocol), replacement: ' 1-65535' }];
  const expected = `ports; every port is \`${protocol.image} 1-65535\``;
  return failure.report(codes.noProtocolPorts, { protocol: protocol.image }, span, { expected, fixes });
}

/** `10 per minute` */
export const spokenRate: Mistake = (failure) => {
  const { at, before, file, tokens, index } = failure;
  const unit = tokens[index + 1];
  if (
    at.tokenType !== t.KPer ||
    before?.tokenType !== t.Numeral ||
    !/^(?:second|minute|hour|day)$/.test(unit?.image ?? '')
  ) {
    return false;
  }
  const right = `${before.image}/${unit!.image}`;
  const span = spanBetween(file, before, unit!, tokens);
  const text = `${before.image} per ${unit!.image}`;
  const more = { expected: `\`${right}\``, fixes: replace(`write \`${right}\``, span, right, true) };
  return failure.report(codes.badRate, { text, because: 'a rate is written with `/`' }, span, more);
};

/** `from www.example.org`, `to yoda:80` in a rule: addresses alone stand there. */
export const noAddress: Mistake = (failure) => {
  const { at, before, expected, file, tokens } = failure;
  const span = spanOf(file, at);
  const after = before === null ? 'here' : `after ${quote(before)}`;
  if (at.tokenType === t.Device && (expected.includes(t.Literal) || expected.includes(t.Ipv4))) {
    const more = { expected: 'an address: names are not looked up, but `host` gives an address a name' };
    return failure.report(codes.unexpected, { what: quote(at), after }, span, more);
  }
  if (at.tokenType !== t.Colon || !fits(tokens[0]!.tokenType, [t.Action])) return false;
  const more = { expected: 'ports after their protocol, such as `allow tcp 80 to yoda`' };
  return failure.report(codes.unexpected, { what: '`:`', after }, span, more);
};

/** `tcp from lan`: a protocol without its ports. */
export const noPorts: Mistake = (failure) => {
  const { at, before, expected, file } = failure;
  if (before === null || !fits(before.tokenType, [t.PortProtocol]) || !expected.includes(t.Ports)) return false;
  if (fits(at.tokenType, [t.Name, t.Time])) {
    const more = { expected: 'port numbers: `tcp 80, 443`, `tcp 6000-6063`, or a service alone' };
    return failure.report(
      codes.unexpected,
      { what: quote(at), after: `after \`${before.image}\`` },
      spanOf(file, at),
      more,
    );
  }
  return reportNoPorts(failure, before, spanOf(file, at));
};

export const bareIpv6: Mistake = (failure) => {
  const { at, expected, file } = failure;
  if (at.tokenType !== t.Ipv6 || !expected.includes(t.Bracketed)) return false;
  const span = spanOf(file, at);
  const right = `[${at.image}]`;
  const more = { expected: '`[address]` or `[address]:port`', fixes: replace(`write \`${right}\``, span, right) };
  return failure.report(codes.bareIpv6, { text: at.image }, span, more);
};

export const brackets: Mistake = (failure) => {
  const { at, expected, file } = failure;
  if (at.tokenType !== t.Bracketed || !expected.includes(t.Literal)) return false;
  const span = spanOf(file, at);
  const bare = at.image.slice(1, -1);
  return failure.report(codes.brackets, {}, span, {
    expected: `\`${bare}\``,
    fixes: replace('remove them', span, bare, true),
  });
};

export const noUnit: Mistake = (failure) => {
  const { at, expected, file } = failure;
  if (at.tokenType !== t.Numeral || !expected.includes(t.Time)) return false;
  const span = spanOf(file, at);
  const more = { expected: 'a time such as `90s` or `2h4m`', fixes: replace('seconds', span, `${at.image}s`) };
  return failure.report(codes.noUnit, { text: at.image }, span, more);
};

export const quotes: Mistake = (failure) => {
  const { at, expected, file } = failure;
  const span = spanOf(file, at);
  if (at.tokenType === t.Text && fits(t.Name, expected)) {
    const text = at.payload as string;
    if (!/^[A-Za-z][\w-]*$/.test(text)) return false;
    const more = { expected: `\`${text}\``, fixes: replace('remove the quotes', span, text, true) };
    return failure.report(codes.quotes, { text: at.image, needed: false }, span, more);
  }
  if (!expected.includes(t.Text) || failure.end !== null) return false;
  if (!fits(at.tokenType, [t.Name]) || !goesOn(failure, t.Text)) return false;
  const text = `"${at.image}"`;
  return failure.report(codes.quotes, { text: at.image, needed: true }, span, {
    expected: text,
    fixes: replace('add quotes', span, text, true),
  });
};

/** `80:90`, `61000 65095`: a range is written with `-`. */
export const brokenRange: Mistake = (failure) => {
  const { at, before, file, tokens, index } = failure;
  const colon = at.tokenType === t.Colon;
  const last = colon ? tokens[index + 1] : at;
  if (before?.tokenType !== t.Numeral || last?.tokenType !== t.Numeral) return false;
  if (!failure.expectedBefore.includes(t.Ports) || (!colon && failure.expected.includes(t.Comma))) return false;
  const span = spanBetween(file, before, last, tokens);
  const right = `${before.image}-${last.image}`;
  const text = `${before.image}${colon ? ':' : ' '}${last.image}`;
  const more = { expected: `\`${right}\``, fixes: replace(`write \`${right}\``, span, right, true) };
  return failure.report(codes.badRange, { text, because: 'a range has a `-`' }, span, more);
};
