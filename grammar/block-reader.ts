/**
 * Puts sentences together to declarations and blocks. What is wrong with a sentence stays with that sentence: its block
 * goes on with the next line.
 */
import type { IToken } from 'chevrotain';
import type * as ast from './ast.ts';
import { codes } from './codes.ts';
import type { Head } from './declaration-parser.ts';
import { isOf } from './expectations.ts';
import { explain } from './explain.ts';
import { explainFirstWord, type Previous } from './explain-first-word.ts';
import { OpenBlock } from './open-block.ts';
import type { Piece, Sentence } from './reader.ts';
import type { Reporter } from './reporter.ts';
import { getParser } from './sentence-parser.ts';
import { spanAfter, spanOf } from './source-spans.ts';
import { AnyWord, Equals, KInterface, Name, Text } from './tokens.ts';
import { type BlockKind, declarations, isBlockKind, sentences } from './words.ts';

const END = 'the end of the line';

export class BlockReader {
  readonly declarations: ast.Declaration[] = [];
  readonly broken: ast.Name[] = [];
  readonly #file: string;
  readonly #reporter: Reporter;
  readonly #parser = getParser();
  #open: OpenBlock | null = null;
  /** The last `}`: the line must end after it. */
  #closed: IToken | null = null;
  /** The declaration on the line before. */
  #previous: Previous | null = null;

  constructor(file: string, reporter: Reporter) {
    this.#file = file;
    this.#reporter = reporter;
  }

  take(piece: Piece): void {
    if (piece.kind === 'close') this.#close(piece.token);
    else this.#sentence(piece);
  }

  /** The end of the text. */
  end(): void {
    if (this.#open !== null) this.#closeUnclosed(this.#open, null);
  }

  #sentence(sentence: Sentence): void {
    const [first] = sentence.tokens;
    const open = this.#open;
    if (first !== undefined && this.#closed?.startLine === first.startLine) {
      const span = spanOf(this.#file, first);
      const fixes = [
        { title: 'begin a new line', span: { ...span, end: span.start }, replacement: '\n', certain: true },
      ];
      this.#reporter.report(codes.newLine, {}, span, { expected: 'the end of the line after `}`', fixes });
    }
    this.#closed = null;
    if (open !== null && (first === undefined || !beginsDeclaration(sentence, open))) {
      open.take(sentence);
      return;
    }
    if (open !== null) this.#closeUnclosed(open, first ?? null);
    this.#declare(sentence);
  }

  #close(token: IToken): void {
    const open = this.#open;
    const span = spanOf(this.#file, token);
    this.#closed = token;
    if (open === null) {
      const fixes = [{ title: 'remove it', span, replacement: '' }];
      this.#reporter.report(codes.loneClose, {}, span, { expected: 'a declaration', fixes });
    } else if (open.nested > 0) open.nested--;
    else this.#finish(open, span);
  }

  #closeUnclosed(open: OpenBlock, by: IToken | null): void {
    const span = by === null ? spanAfter(this.#file, open.last) : spanOf(this.#file, by);
    const before = { ...span, end: span.start };
    if (open.brace !== null) {
      const where = by === null ? 'at the end of the file' : `before \`${by.image}\``;
      this.#reporter.report(codes.unclosed, { block: open.title, by: where }, span, {
        expected: '`}` on a line of its own',
        related: [{ span: open.span, message: `\`${open.title}\` is opened here` }],
        fixes: [{ title: 'close the block', span: before, replacement: by === null ? '\n}' : '}\n', certain: true }],
      });
      open.incomplete = true;
    }
    this.#finish(open, spanAfter(this.#file, open.last));
  }

  #finish(open: OpenBlock, end: ast.PolicyDecl['end']): void {
    this.#open = null;
    this.#previous = null;
    const declaration = open.build(end);
    if (declaration !== null) this.declarations.push(declaration);
  }

  #declare(sentence: Sentence): void {
    const [first] = sentence.tokens;
    if (first === undefined) {
      const { opens } = sentence;
      const expected = 'a block begins on the line that names it, such as `gateway home {`';
      this.#reporter.report(codes.loneOpen, { because: '' }, spanOf(this.#file, opens!), { expected });
      this.#begin(null, null, sentence);
      return;
    }
    const takes = declarations.get(first.image);
    if (takes === undefined && sentences.interface.includes(first.image) && this.#openInterface(sentence)) return;
    if (takes === undefined) {
      const guess = explainFirstWord(this.#file, this.#parser, sentence, null, this.#previous, this.#reporter);
      this.#breakName(sentence);
      if (sentence.opens !== null) this.#begin(isBlockKind(guess) ? guess : null, null, sentence);
      return;
    }
    this.#previous = { rule: 'declaration', sentence };
    const parser = this.#parser;
    const head = parser.read(this.#file, sentence.tokens, parser.declaration);
    if (head === null) explain(this.#file, parser, 'declaration', sentence, this.#reporter);
    const whole = sentence.wrong ? null : head;
    if (whole === null) this.#breakName(sentence);
    if (takes === 'block' || (takes === 'perhaps' && sentence.opens !== null)) {
      this.#begin(first.image as BlockKind, whole, sentence);
      if (sentence.opens === null) this.#reportMissingOpen(sentence);
    } else if (sentence.opens !== null) {
      const because = `: \`${first.image}\` has no block`;
      this.#reporter.report(codes.loneOpen, { because }, spanOf(this.#file, sentence.opens), { expected: END });
      this.#begin(null, null, sentence);
    } else if (whole !== null) this.declarations.push(whole as ast.Declaration);
  }

  /** `mss` or `xdp` on the line after an interface: that line lacks its `{`. */
  #openInterface(sentence: Sentence): boolean {
    const before = this.#previous?.sentence;
    if (before?.opens !== null || before.tokens[0]!.tokenType !== KInterface) return false;
    if (this.declarations.at(-1)?.kind === 'interface') this.declarations.pop();
    this.#breakName(before);
    this.#begin('interface', null, before);
    this.#reportMissingOpen(before);
    this.#open?.take(sentence);
    return true;
  }

  #begin(kind: BlockKind | null, head: Head | null, sentence: Sentence): void {
    this.#open = new OpenBlock(this.#file, this.#reporter, this.#parser, kind, head, sentence);
  }

  #reportMissingOpen(sentence: Sentence): void {
    const span = spanAfter(this.#file, sentence.tokens.at(-1)!);
    const fixes = [{ title: 'open the block', span, replacement: ' {', certain: true }];
    const block = sentence.tokens[0]!.image;
    this.#reporter.report(codes.missingOpen, { block }, span, { expected: '`{`', fixes });
  }

  #breakName(sentence: Sentence): void {
    const name = sentence.tokens[1];
    if (name === undefined || !isOf(name.tokenType, AnyWord)) return;
    this.broken.push({ text: name.image, span: spanOf(this.#file, name) });
  }
}

/** Whether a sentence in a block begins a declaration, so that the block must have been left open. */
function beginsDeclaration(sentence: Sentence, open: OpenBlock): boolean {
  const [first, second, third] = sentence.tokens;
  if (!declarations.has(first!.image)) return false;
  const line = open.kind !== null && sentences[open.kind].includes(first!.image);
  if (line) return first!.startColumn === 1 && third?.tokenType === Equals;
  if (first!.startColumn === 1) return true;
  return sentence.opens !== null && (second?.tokenType === Name || second?.tokenType === Text);
}
