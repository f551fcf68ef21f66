/** A block whose lines are being read. */
import type { IToken } from 'chevrotain';
import type * as ast from './ast.ts';
import { codes } from './codes.ts';
import type { Head } from './declaration-parser.ts';
import { explain } from './explain.ts';
import { explainFirstWord, type Previous } from './explain-first-word.ts';
import type { Sentence } from './reader.ts';
import type { Reporter } from './reporter.ts';
import { lineRules, type PolicyDefault, type SentenceParser } from './sentence-parser.ts';
import { spanBetween, spanOf } from './source-spans.ts';
import type { Span } from './span.ts';
import { type BlockKind, properties, sentences } from './words.ts';

type Line = ast.GatewayLine | ast.Property | ast.Step | PolicyDefault | ast.InterfaceLine;

export class OpenBlock {
  /** null: nobody knows what this block is; its lines are passed over. */
  readonly kind: BlockKind | null;
  /** What is said of it: `policy lan-out`. */
  readonly title: string;
  readonly span: Span;
  brace: IToken | null;
  incomplete: boolean;
  /** Braces opened in it, where none can stand. */
  nested = 0;
  last: IToken;
  readonly #file: string;
  readonly #reporter: Reporter;
  readonly #parser: SentenceParser;
  readonly #head: Head | null;
  readonly #lines: Line[] = [];
  #default: PolicyDefault | null = null;
  /** The line before. */
  #previous: Previous | null = null;

  constructor(
    file: string,
    reporter: Reporter,
    parser: SentenceParser,
    kind: BlockKind | null,
    head: Head | null,
    sentence: Sentence,
  ) {
    const { tokens, opens } = sentence;
    this.kind = kind;
    this.brace = opens;
    this.incomplete = opens === null;
    this.last = opens ?? tokens.at(-1)!;
    const first = tokens[0] ?? this.last;
    this.title = tokens.length === 0 ? '{' : `${first.image} ${tokens[1]?.image ?? ''}`.trimEnd();
    this.span = spanBetween(file, first, tokens.at(-1) ?? first, tokens);
    this.#file = file;
    this.#reporter = reporter;
    this.#parser = parser;
    this.#head = head;
  }

  take(sentence: Sentence): void {
    const { tokens, opens } = sentence;
    const [first] = tokens;
    this.last = opens ?? tokens.at(-1)!;
    if (first === undefined && this.brace === null && this.#lines.length === 0) {
      this.brace = opens; // Its absence on the line before was reported.
      return;
    }
    if (this.nested > 0 || this.kind === null) {
      if (opens !== null) this.nested++;
      return;
    }
    if (first !== undefined) this.#line(sentence, first, this.kind);
    if (opens === null) return;
    this.nested++;
    this.incomplete = true;
    this.#reporter.report(codes.loneOpen, { because: ': a block holds no block' }, spanOf(this.#file, opens), {
      expected: 'the end of the line',
    });
  }

  #line(sentence: Sentence, first: IToken, kind: BlockKind): void {
    const alike = kind === 'masquerade' || kind === 'redirect' || kind === 'autofw' || kind === 'map';
    const known = alike ? properties.has(first.image) : sentences[kind].includes(first.image);
    if (!known) explainFirstWord(this.#file, this.#parser, sentence, kind, this.#previous, this.#reporter);
    const line = known ? this.#read(sentence, kind) : null;
    if (line === null || sentence.wrong) this.incomplete = true;
    else this.#add(line, kind, spanOf(this.#file, first));
  }

  #read(sentence: Sentence, kind: BlockKind): Line | null {
    const parser = this.#parser;
    const rule = lineRules[kind];
    this.#previous = { rule, sentence };
    const line = parser.read<Line>(this.#file, sentence.tokens, parser[rule]);
    if (line === null) explain(this.#file, parser, rule, sentence, this.#reporter);
    return line;
  }

  #add(line: Line, kind: BlockKind, first: Span): void {
    if (kind === 'interface' && this.#lines.some((other) => other.kind === line.kind)) {
      this.#reporter.report(codes.repeatedClause, { clause: line.kind }, first, { expected: `one \`${line.kind}\`` });
      return;
    }
    if (kind !== 'policy') {
      this.#lines.push(line);
      return;
    }
    const { span } = line as ast.Rule | PolicyDefault;
    if (this.#default !== null) {
      const related = [{ span: this.#default.span, message: 'the default' }];
      this.#reporter.report(codes.afterDefault, {}, span, { expected: '`}`', related });
      this.incomplete = true;
    } else if (line.kind === 'default') {
      this.#default = line as PolicyDefault;
      const { action } = this.#default;
      if (['allow', 'deny', 'reject'].includes(action.text)) return;
      const expected = '`default allow`, `default deny` or `default reject`';
      this.#reporter.report(codes.defaultAction, { word: action.text }, action.span, { expected });
      this.incomplete = true;
    } else this.#lines.push(line);
  }

  /** null: its head was not understood. */
  build(end: Span): ast.Declaration | null {
    const head = this.#head;
    const { incomplete } = this;
    if (head === null) return null;
    switch (head.kind) {
      case 'gateway':
        return { ...head, kind: 'gateway', lines: this.#lines as ast.GatewayLine[], incomplete };
      case 'interface': {
        const lines = this.#lines as ast.InterfaceLine[];
        if (lines.length === 0 && !incomplete) {
          this.#reporter.report(codes.unfinished, { after: 'after `{`' }, end, { expected: '`mss` or `xdp`' });
        }
        const mss = lines.find((line) => line.kind === 'mss')?.of ?? null;
        return { ...head, mss, xdp: !lines.some((line) => line.kind === 'xdp') };
      }
      case 'policy':
        return { ...head, rules: this.#lines as ast.Rule[], default: this.#policyDefault(), incomplete, end };
      case 'expect':
        return { ...head, steps: this.#lines as ast.Step[], incomplete };
      case 'masquerade':
      case 'redirect':
      case 'autofw':
      case 'map':
        return { ...head, kind: head.kind, properties: this.#lines as ast.Property[], incomplete, end };
      default:
        return head;
    }
  }

  #policyDefault(): ast.PolicyDecl['default'] {
    const line = this.#default;
    if (line === null) return null;
    const { action, log, span } = line;
    return { action: action.text as ast.Action, actionSpan: action.span, log, span };
  }
}
