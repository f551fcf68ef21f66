/** The lines of each kind of block, and how a sentence is parsed. */
import type { IToken } from 'chevrotain';
import type * as ast from './ast.ts';
import { codes } from './codes.ts';
import { DeclarationParser } from './declaration-parser.ts';
import { didYouMean } from './failure.ts';
import { findNearest, isOnlyNearest } from './nearest.ts';
import type { Span } from './span.ts';
import * as t from './tokens.ts';
import { type BlockKind, foreignWords } from './words.ts';

export interface PolicyDefault {
  readonly kind: 'default';
  readonly action: ast.Name;
  readonly log: ast.Log | null;
  readonly span: Span;
}

export class SentenceParser extends DeclarationParser {
  constructor(skipValidations = true) {
    super(skipValidations);
    this.performSelfAnalysis();
  }

  // ---- lines of interface, policy and gateway ----------------------------------------------------------------------

  protected mss = this.RULE('mss', (): ast.InterfaceLine => {
    this.CONSUME(t.KMss);
    return this.OR([
      {
        ALT: (): ast.InterfaceLine => {
          this.CONSUME(t.KClamp);
          return { kind: 'mss', of: { kind: 'clamp' } };
        },
      },
      {
        ALT: (): ast.InterfaceLine => ({ kind: 'mss', of: { kind: 'bytes', bytes: this.SUBRULE(this.count) } }),
      },
    ]);
  });
  interfaceLine = this.RULE(
    'interfaceLine',
    (): ast.InterfaceLine =>
      this.OR([
        { ALT: (): ast.InterfaceLine => this.SUBRULE(this.mss) },
        {
          ALT: (): ast.InterfaceLine => {
            this.CONSUME(t.KXdp);
            this.CONSUME(t.KOff);
            return { kind: 'xdp' };
          },
        },
      ]),
  );
  protected default = this.RULE('default', (): PolicyDefault => {
    const first = this.CONSUME(t.KDefault);
    const action = this.SUBRULE(this.word);
    const log = this.OPTION(() => this.SUBRULE(this.log));
    this.ACTION(() => this.checkDefault(action));
    return this.ACTION(() => ({ kind: 'default', action, log: log ?? null, span: this.spanFrom(first) }));
  });
  /** `masquerade` is a mistake of its own, told apart from words that mean nothing. */
  private checkDefault({ text, span }: ast.Name): void {
    const words = ['allow', 'deny', 'reject'];
    if (words.includes(text) || text === 'masquerade') return;
    const right = foreignWords.get(text.toLowerCase()) ?? findNearest(text, words) ?? '';
    const certain = foreignWords.has(text.toLowerCase()) || isOnlyNearest(text, right, words);
    const fixes = words.includes(right) ? didYouMean(span, right, certain) : [];
    const more = { expected: '`default allow`, `default deny` or `default reject`', fixes };
    this.complain(span, codes.defaultAction, { word: text }, more);
  }
  policyLine = this.RULE('policyLine', (): ast.Rule | PolicyDefault =>
    this.OR([
      { ALT: (): ast.Rule | PolicyDefault => this.SUBRULE(this.rule) },
      { ALT: (): ast.Rule | PolicyDefault => this.SUBRULE(this.default) },
    ]),
  );
  protected confirm = this.RULE('confirm', (): ast.GatewayLine => {
    const first = this.CONSUME(t.KConfirm);
    return this.OR([
      {
        ALT: (): ast.GatewayLine => {
          this.CONSUME(t.KWithin);
          const time = this.SUBRULE(this.time);
          return this.ACTION(() => ({ kind: 'confirm-within', time, span: this.spanFrom(first) }));
        },
      },
      {
        ALT: (): ast.GatewayLine => {
          this.CONSUME(t.KBy);
          const token = this.CONSUME(t.Protocol);
          const endpoint = this.SUBRULE(this.endpoint);
          return this.ACTION(() => {
            const protocol = this.nameOf(token);
            return { kind: 'confirm-by', protocol, endpoint, span: this.spanFrom(first) };
          });
        },
      },
    ]);
  });
  gatewayLine = this.RULE('gatewayLine', (): ast.GatewayLine => {
    const first = this.LA(1);
    return this.OR([
      {
        ALT: (): ast.GatewayLine => {
          const token = this.OR2([
            { ALT: () => this.CONSUME(t.KDatapath) },
            { ALT: () => this.CONSUME(t.KEstablished) },
          ]);
          const value = this.SUBRULE(this.word);
          return this.ACTION(() => {
            const kind = token.image as 'datapath' | 'established';
            return { kind, value, span: this.spanFrom(first) };
          });
        },
      },
      { ALT: (): ast.GatewayLine => this.SUBRULE(this.default) },
      {
        ALT: (): ast.GatewayLine => {
          this.CONSUME(t.KFlows);
          const count = this.SUBRULE(this.count);
          return this.ACTION(() => ({ kind: 'flows', count, span: this.spanFrom(first) }));
        },
      },
      { ALT: (): ast.GatewayLine => this.SUBRULE(this.timeout) },
      { ALT: (): ast.GatewayLine => this.SUBRULE(this.confirm) },
      {
        ALT: (): ast.GatewayLine => {
          this.CONSUME(t.KAccount);
          const addresses = this.SUBRULE(this.addresses);
          return this.ACTION(() => ({ kind: 'account', addresses, span: this.spanFrom(first) }));
        },
      },
      { ALT: (): ast.GatewayLine => this.SUBRULE(this.rule) },
    ]);
  });

  // ---- steps of expect ---------------------------------------------------------------------------------------------

  protected wait = this.RULE('wait', (): ast.Step => {
    const first = this.CONSUME(t.KWait);
    const time = this.SUBRULE(this.time);
    return this.ACTION(() => ({ kind: 'wait', time, span: this.spanFrom(first) }));
  });
  protected packet = this.RULE('packet', (): ast.Step => {
    let icmpType: ast.Name | undefined;
    const protocol = this.OR([
      { ALT: () => this.CONSUME(t.PortProtocol) },
      { ALT: () => this.CONSUME(t.KGre) },
      { ALT: () => this.CONSUME(t.KEsp) },
      {
        ALT: () => {
          const token = this.CONSUME(t.KIcmp);
          icmpType = this.OPTION(() => this.SUBRULE(this.name));
          return token;
        },
      },
    ]);
    this.CONSUME(t.KFrom);
    const from = this.SUBRULE(this.endpoint);
    this.CONSUME(t.KOn);
    const on = this.SUBRULE2(this.name);
    this.CONSUME(t.KTo);
    const to = this.SUBRULE2(this.endpoint);
    this.CONSUME(t.KIs);
    const outcome = this.CONSUME(t.Outcome);
    const by = this.OPTION2(() => {
      this.CONSUME(t.KBy);
      return this.SUBRULE3(this.name);
    });
    const as = this.OPTION3(() => {
      this.CONSUME(t.KAs);
      return this.SUBRULE3(this.endpoint);
    });
    const becomes = this.OPTION4(() => {
      this.CONSUME2(t.KTo);
      return this.SUBRULE4(this.endpoint);
    });
    return this.ACTION(() => ({
      kind: 'packet',
      protocol: this.nameOf(protocol),
      icmpType: icmpType ?? null,
      from,
      on,
      to,
      outcome: outcome.image as ast.Outcome,
      outcomeSpan: this.spanOf(outcome),
      by: by ?? null,
      as: as ?? null,
      becomes: becomes ?? null,
      span: this.spanFrom(protocol),
    }));
  });
  step = this.RULE(
    'step',
    (): ast.Step =>
      this.OR([{ ALT: (): ast.Step => this.SUBRULE(this.wait) }, { ALT: (): ast.Step => this.SUBRULE(this.packet) }]),
  );

  // ---- running it --------------------------------------------------------------------------------------------------

  /** Parses the tokens of one sentence by `rule`. null: see `errors` and `problem`. */
  read<T>(file: string, tokens: readonly IToken[], rule: (this: this) => T): T | null {
    this.file = file;
    this.tokens = tokens;
    this.problem = null;
    this.input = tokens as IToken[];
    const result = rule.call(this);
    return this.errors.length === 0 && this.problem === null ? result : null;
  }
}

/** The rule of a block's lines. */
export const lineRules = {
  gateway: 'gatewayLine',
  interface: 'interfaceLine',
  policy: 'policyLine',
  masquerade: 'property',
  redirect: 'property',
  autofw: 'property',
  map: 'property',
  expect: 'step',
} as const satisfies Record<BlockKind, keyof SentenceParser>;

let shared: SentenceParser | null = null;

/** The parser, built when it is first needed. */
export function getParser(): SentenceParser {
  shared ??= new SentenceParser();
  return shared;
}
