/**
 * Cuts a text into sentences: a sentence is a line, goes on after a comma, and ends before `{` and `}`. Works line by
 * line, so that the memory it takes is that of the longest sentence.
 */
import type { IToken } from 'chevrotain';
import { codes } from './codes.ts';
import { isOf } from './expectations.ts';
import { explainJunk } from './junk.ts';
import { readLiteral } from './literals.ts';
import type { Reporter } from './reporter.ts';
import { spanOf } from './source-spans.ts';
import type { SourceText, Span } from './span.ts';
import {
  Close,
  Comma,
  Device,
  Equals,
  Ipv4,
  Junk,
  KInterface,
  keywordOf,
  lexer,
  Name,
  Open,
  Semicolon,
  Text,
  Time,
} from './tokens.ts';
import { declarations, sentenceWords } from './words.ts';

/** Tokens with their line and column filled in. `wrong`: a literal in it is wrong (reported already). */
export interface Sentence {
  readonly kind: 'sentence';
  readonly tokens: readonly IToken[];
  /** The `{` after it. */
  readonly opens: IToken | null;
  readonly wrong: boolean;
}
export type Piece = Sentence | { readonly kind: 'close'; readonly token: IToken; readonly startsLine: boolean };

/** Longer lines are not read (UTF-16 units). */
export const LONGEST_LINE = 1_000_000;

/** Longer sentences are not read (in words and signs). */
export const LONGEST_SENTENCE = 500_000;

export function* readPieces(source: SourceText, reporter: Reporter): Generator<Piece, void> {
  const { text, file } = source;
  let pending: IToken[] = [];
  let wrong = false;
  const complete = (opens: IToken | null): Sentence => {
    const sentence: Sentence = { kind: 'sentence', tokens: pending, opens, wrong };
    pending = [];
    return sentence;
  };
  let start = text.startsWith('\uFEFF') ? 1 : 0;
  for (let line = 1; start <= text.length && !reporter.full; line++) {
    const newline = text.indexOf('\n', start);
    const next = newline < 0 ? text.length : newline;
    const end = next > start && text[next - 1] === '\r' ? next - 1 : next;
    if (end === start) {
      start = next + 1;
      continue;
    }
    const read = readLine({ file, text: text.slice(start, end) }, start, line, reporter);
    start = next + 1;
    if (read.tokens.length > 0 && pending.length > 0 && beginsAnew(read.tokens, pending[0]!)) yield complete(null);
    wrong = read.wrong || (wrong && pending.length > 0);
    let first = true;
    for (const token of read.tokens) {
      if (token.tokenType === Open) yield complete(token);
      else if (token.tokenType === Close) {
        if (pending.length > 0) yield complete(null);
        yield { kind: 'close', token, startsLine: first };
      } else if (pending.length < LONGEST_SENTENCE) pending.push(token);
      else {
        const more = { expected: '`file "…"` for long lists of addresses' };
        reporter.report(codes.sentenceTooLong, { limit: LONGEST_SENTENCE }, spanOf(file, pending[0]!), more);
        wrong = true;
      }
      first = false;
    }
    if (pending.length > 0 && read.tokens.at(-1)?.tokenType !== Comma && read.tokens.length > 0) yield complete(null);
  }
  if (pending.length > 0) yield complete(null);
}

/**
 * After a comma the sentence goes on, but not with `host yoda` in the first column, nor with `interface wan` no further
 * to the right than the sentence's own beginning: then the comma is what is wrong.
 */
function beginsAnew([first, second]: readonly IToken[], beginning: IToken): boolean {
  if (second === undefined || second.tokenType === Comma) return false;
  if (first!.startColumn === 1 && declarations.has(first!.image)) {
    return second.tokenType === Text || isOf(second.tokenType, Name);
  }
  return first!.startColumn! <= beginning.startColumn! && sentenceWords.has(first!.image);
}

interface Line {
  readonly tokens: readonly IToken[];
  readonly wrong: boolean;
}

/** `line.text` begins at `offset` of the file. */
function readLine(line: SourceText, offset: number, number: number, reporter: Reporter): Line {
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
  let wrong = reportHidden(text, spanAt, reporter);
  const tokens: IToken[] = [];
  const found = lexer.tokenize(text).tokens;
  for (const [i, token] of found.entries()) {
    token.startColumn = token.startOffset + 1;
    token.startLine = number;
    token.startOffset += offset;
    if (token.tokenType === Name) retype(token, keywordOf(token.image));
    else if (isDevice(token, tokens)) retype(token, Device);
    else if (token.tokenType === Semicolon) {
      const span = spanOf(file, token);
      const fixes = [{ title: 'remove it', span, replacement: '' }];
      reporter.report(codes.semicolon, {}, span, { expected: 'the end of the line', fixes });
      wrong = true;
      continue;
    } else if (token.image.startsWith('//')) {
      const span = { ...spanOf(file, token), end: spanOf(file, token).start + 2 };
      const fixes = [{ title: 'a comment begins with `#`', span, replacement: '#' }];
      reporter.report(codes.foreignComment, {}, span, { expected: '`#`', fixes });
      return { tokens, wrong: true };
    }
    const brace = token.tokenType === Text ? shortenOpenText(token) : null;
    if (token.tokenType === Junk) {
      reportJunk(file, token, tokens.at(-1), found[i + 1], reporter, offset);
      wrong = true;
    } else {
      readLiteral(token, (code, params, at, more) => {
        const span = spanOf(file, at);
        const { mend, expected } = more;
        const fixes = mend === undefined ? [] : [{ title: `write \`${shorten(mend)}\``, span, replacement: mend }];
        reporter.report(code, params, span, { expected, fixes });
        wrong = true;
      });
    }
    tokens.push(token);
    if (brace !== null) tokens.push(brace);
  }
  return { tokens, wrong };
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
  if (image.length > 1 && image.endsWith('"')) return null;
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
  const { because, expected, mend } = explainJunk(token, before, after);
  const span = spanOf(file, token);
  const fixes = [];
  if (mend !== undefined) {
    const from = mend.from === 0 ? span : spanOf(file, before!);
    // What follows has not been given its place yet.
    const end = mend.to === 0 ? span.end : offset + after!.startOffset + after!.image.length;
    fixes.push({ title: `write \`${mend.text}\``, span: { ...from, end }, replacement: mend.text });
  }
  reporter.report(codes.unknownWord, { word: shorten(token.image), because }, span, { expected, fixes });
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}…` : text);

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
    const fixes = [{ title: 'remove it', span, replacement: '' }];
    reporter.report(codes.hiddenCharacter, { name }, span, { expected: 'characters that can be seen', fixes });
  }
  return true;
}
