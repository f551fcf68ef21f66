/** Cuts a line into words: what they are, what their literals say, and what is wrong with them. */
import type { IToken } from 'chevrotain';
import { codes } from './codes.ts';
import { explainJunk } from './junk.ts';
import { type Complain, isClosed, readLiteral } from './literals.ts';
import type { Reporter } from './reporter.ts';
import { spanOf } from './source-spans.ts';
import type { SourceText, Span } from './span.ts';
import {
  Device,
  Equals,
  Ipv4,
  Junk,
  KInside,
  KInterface,
  KNetwork,
  KOutside,
  keywordOf,
  lexer,
  Name,
  Open,
  Semicolon,
  Text,
  Time,
} from './tokens.ts';

/** Longer lines are not read (UTF-16 units). */
export const LONGEST_LINE = 1_000_000;

interface Line {
  readonly tokens: readonly IToken[];
  readonly wrong: boolean;
}

/** `line.text` begins at `offset` of the file. */
export function readLine(line: SourceText, offset: number, number: number, reporter: Reporter): Line {
  const { file, text } = line;
  const spanAt = (from: number, length: number): Span => ({
    file,
    start: offset + from,
    end: offset + from + length,
    line: number,
    column: from + 1,
  });
  if (text.length > LONGEST_LINE) {
    reporter.report(codes.lineTooLong, { size: text.length, limit: LONGEST_LINE }, spanAt(0, 1), {
      expected: 'a shorter line',
    });
    return { tokens: [], wrong: true };
  }
  const tokens: IToken[] = [];
  let wrong = reportHidden(text, spanAt, reporter);
  const complain: Complain = (code, params, token, { mend, expected }) => {
    const span = spanOf(file, token);
    const certain = isCertain(code, tokens[0]);
    const fixes = mend === undefined ? [] : [{ title: `write \`${mend}\``, span, replacement: mend, certain }];
    reporter.report(code, params, span, { expected, fixes });
    wrong = true;
  };
  const found = lexer.tokenize(text).tokens;
  for (const [i, token] of found.entries()) {
    token.startColumn = token.startOffset + 1;
    token.startLine = number;
    token.startOffset += offset;
    if (token.tokenType === Name) retype(token, keywordOf(token.image));
    else if (isDevice(token, tokens)) retype(token, Device);
    else if (token.tokenType === Semicolon) {
      const span = spanOf(file, token);
      const fixes = [{ title: 'remove it', span, replacement: '', certain: true }];
      reporter.report(codes.semicolon, {}, span, { expected: 'the end of the line', fixes });
      wrong = true;
      continue;
    } else if (token.image.startsWith('//')) {
      const span = { ...spanOf(file, token), end: spanOf(file, token).start + 2 };
      const fixes = [{ title: 'a comment begins with `#`', span, replacement: '#', certain: true }];
      reporter.report(codes.foreignComment, {}, span, { expected: '`#`', fixes });
      return { tokens, wrong: true };
    }
    const brace = token.tokenType === Text ? shortenOpenText(token) : null;
    if (token.tokenType === Junk) {
      reportJunk(file, token, tokens.at(-1), found[i + 1], reporter, offset);
      wrong = true;
    } else {
      readLiteral(token, complain);
    }
    tokens.push(token);
    if (brace !== null) tokens.push(brace);
  }
  return { tokens, wrong };
}

/**
 * Whether the mend of a literal is what was meant. An address is never guessed, and of `198.51.100.7/24` only where a
 * network is declared: in a rule it may be a machine, and others would be let in.
 */
function isCertain(code: { readonly code: string }, first: IToken | undefined): boolean {
  if (code === codes.hostBits) return [KNetwork, KInside, KOutside].some((type) => first?.tokenType === type);
  return [codes.badRange, codes.badRate, codes.badTime, codes.badNumber].some((one) => one === code);
}

function retype(token: IToken, type: IToken['tokenType']): void {
  token.tokenType = type;
  token.tokenTypeIdx = type.tokenTypeIdx!;
}

/** Names of devices may look like anything (`6in4-wan`): after `interface x =` a word of their signs is one. */
function isDevice(token: IToken, before: readonly IToken[]): boolean {
  return (
    before.length === 3 &&
    (before[0]!.tokenType === KInterface || before[0]!.tokenType === Name) &&
    before[2]!.tokenType === Equals &&
    (token.tokenType === Time ||
      token.tokenType === Junk ||
      (token.tokenType === Ipv4 && /[a-z]/i.test(token.image))) &&
    /^[\w.@-]+$/.test(token.image)
  );
}

/** A text that is not closed ends before the line's comment and its last `{`, which is returned. */
function shortenOpenText(token: IToken): IToken | null {
  const { image } = token;
  if (isClosed(image)) return null;
  const rest = /[ \t]*(?:\{[ \t]*)?(?:[ \t]#.*)?$/.exec(image)!;
  token.image = image.slice(0, rest.index);
  const at = rest[0].indexOf('{');
  if (at < 0) return null;
  const shift = rest.index + at;
  return {
    image: '{',
    tokenType: Open,
    tokenTypeIdx: Open.tokenTypeIdx!,
    startOffset: token.startOffset + shift,
    startLine: token.startLine!,
    startColumn: token.startColumn! + shift,
  };
}

function reportJunk(
  file: string,
  token: IToken,
  before: IToken | undefined,
  after: IToken | undefined,
  reporter: Reporter,
  offset: number,
): void {
  if (reporter.has(token.startLine!)) return;
  const { because, expected, mend } = explainJunk(token, before, after);
  const span = spanOf(file, token);
  const fixes = [];
  if (mend !== undefined) {
    const from = mend.from === 0 ? span : spanOf(file, before!);
    // What follows has not been given its place yet.
    const end = mend.to === 0 ? span.end : offset + after!.startOffset + after!.image.length;
    fixes.push({ title: `write \`${mend.text}\``, span: { ...from, end }, replacement: mend.text, certain: true });
  }
  reporter.report(codes.unknownWord, { word: token.image, because }, span, { expected, fixes });
}

const HIDDEN = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069\uFEFF\uFFFD]/;

/** Characters that hide what a line says, also in comments: control characters, directions (CVE-2021-42574). */
function reportHidden(text: string, spanAt: (from: number, length: number) => Span, reporter: Reporter): boolean {
  const at = text.search(HIDDEN);
  if (at < 0) return false;
  const sign = text.charCodeAt(at);
  if (sign === 0xfffd) reporter.report(codes.notUtf8, {}, spanAt(at, 1), { expected: 'a text in UTF-8' });
  else {
    const name = sign === 0x0d ? 'a carriage return' : `U+${sign.toString(16).toUpperCase().padStart(4, '0')}`;
    const span = spanAt(at, 1);
    const fixes = [{ title: 'remove it', span, replacement: '', certain: true }];
    reporter.report(codes.hiddenCharacter, { name }, span, { expected: 'characters that can be seen', fixes });
  }
  return true;
}
