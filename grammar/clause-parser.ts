/**
 * The grammar of the sentences, as LANGUAGE.md has it: LL(1), but for `file "…"`. One sentence is parsed at a time, so
 * an error never reaches beyond its sentence; the blocks around the sentences are `blocks.ts`.
 */
import { EmbeddedActionsParser, type IToken, type TokenType } from 'chevrotain';
import type * as ast from './ast.ts';
import { type Code, codes, type More } from './codes.ts';
import type { AddressValue, RangeValue, RateValue } from './literals.ts';
import { spanBetween, spanOf } from './source-spans.ts';
import type { Span } from './span.ts';
import * as t from './tokens.ts';

/** What a sentence says that its tokens allow but that can't be, e.g. port 0. */
export interface Problem {
  readonly span: Span;
  report(send: <P>(code: Code<P>, params: P, more: More) => void): void;
}

/** What the clauses of sentences are made of: names, literals, places, addresses, endpoints. */
/** Lists are copied by `slice`, which drops the room that `push` has kept: a file may have a hundred thousand of them. */
const NONE: readonly never[] = [];

export class ClauseParser extends EmbeddedActionsParser {
  protected file = '';
  protected tokens: readonly IToken[] = [];
  problem: Problem | null = null;

  constructor(skipValidations: boolean) {
    super(t.vocabulary as TokenType[], { maxLookahead: 1, skipValidations, recoveryEnabled: false });
  }

  // ---- helpers of the actions --------------------------------------------------------------------------------------

  protected spanOf(token: IToken): Span {
    return spanOf(this.file, token);
  }
  protected spanFrom(first: IToken): Span {
    return spanBetween(this.file, first, this.LA(0), this.tokens);
  }
  protected nameOf(token: IToken): ast.Name {
    return { text: token.image, span: this.spanOf(token) };
  }
  protected complain<P>(at: IToken | Span, code: Code<P>, params: P, more: More): void {
    const span = 'tokenType' in at ? this.spanOf(at) : at;
    this.problem ??= { span, report: (send) => send(code, params, more) };
  }

  // ---- words and literals ------------------------------------------------------------------------------------------

  protected name = this.RULE('name', (): ast.Name => {
    const token = this.CONSUME(t.Name);
    return this.ACTION(() => this.nameOf(token));
  });
  protected word = this.RULE('word', (): ast.Name => {
    const token = this.CONSUME(t.AnyWord);
    return this.ACTION(() => this.nameOf(token));
  });
  protected names = this.RULE('names', (): readonly ast.Name[] => {
    const list: ast.Name[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => list.push(this.SUBRULE(this.name)) });
    return list;
  });
  protected text = this.RULE('text', (): ast.StringLiteral => {
    const token = this.CONSUME(t.Text);
    return this.ACTION(() => ({ value: token.payload as string, span: this.spanOf(token) }));
  });
  protected count = this.RULE('count', (): ast.NumberLiteral => {
    const token = this.CONSUME(t.Numeral);
    return this.ACTION(() => ({ value: token.payload as number, span: this.spanOf(token) }));
  });
  protected time = this.RULE('time', (): ast.Duration => {
    const token = this.CONSUME(t.Time);
    return this.ACTION(() => ({ ms: token.payload as number, span: this.spanOf(token) }));
  });
  protected rate = this.RULE('rate', (): ast.Rate => {
    const token = this.CONSUME(t.Rate);
    return this.ACTION(() => ({ ...(token.payload as RateValue), span: this.spanOf(token) }));
  });
  protected ports = this.RULE('ports', (): ast.PortRange => {
    const token = this.CONSUME(t.Ports);
    return this.ACTION(() => this.portsOf(token));
  });
  private portsOf(token: IToken): ast.PortRange {
    const value = token.payload as number | RangeValue;
    const { first, last } = typeof value === 'number' ? { first: value, last: value } : value;
    const wrong = first === 0 ? first : last > 65535 ? last : null;
    if (wrong !== null)
      this.complain(token, codes.badPort, { port: String(wrong) }, { expected: 'ports from 1 to 65535' });
    return { first, last, span: this.spanOf(token) };
  }
  protected literal = this.RULE('literal', (): ast.AddressLiteral => {
    const token = this.CONSUME(t.Literal);
    return this.ACTION(() => this.addressOf(token));
  });
  protected addressOf(token: IToken): ast.AddressLiteral {
    return { kind: 'address', ...(token.payload as AddressValue), text: token.image, span: this.spanOf(token) };
  }

  // ---- places, addresses, endpoints --------------------------------------------------------------------------------

  private anyOrSelf(token: IToken): ast.AnyWord | ast.SelfWord {
    return { kind: token.tokenType === t.KAny ? 'any' : 'self', span: this.spanOf(token) };
  }
  protected placeItem = this.RULE(
    'placeItem',
    (): ast.PlaceItem =>
      this.OR([
        {
          ALT: (): ast.PlaceItem => {
            const name = this.SUBRULE(this.name);
            return this.ACTION(() => ({ kind: 'name', name, span: name.span }));
          },
        },
        {
          ALT: (): ast.PlaceItem => {
            const token = this.CONSUME(t.KAny);
            return this.ACTION(() => this.anyOrSelf(token));
          },
        },
        {
          ALT: (): ast.PlaceItem => {
            const token = this.CONSUME(t.KSelf);
            return this.ACTION(() => this.anyOrSelf(token));
          },
        },
      ]),
  );
  protected places = this.RULE('places', (): ast.Places => {
    const first = this.LA(1);
    const items: ast.PlaceItem[] = [];
    let except: readonly ast.Name[] = NONE;
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => items.push(this.SUBRULE(this.placeItem)) });
    this.OPTION(() => {
      this.CONSUME(t.KExcept);
      except = this.SUBRULE(this.names);
    });
    return this.ACTION(() => ({ items: items.slice(), except, span: this.spanFrom(first) }));
  });

  protected addressItem = this.RULE(
    'addressItem',
    (): ast.AddressItem =>
      this.OR([
        { ALT: (): ast.AddressItem => this.SUBRULE(this.literal) },
        {
          GATE: () => this.LA(2).tokenType === t.Text,
          ALT: (): ast.AddressItem => {
            const first = this.CONSUME(t.KFile);
            const path = this.SUBRULE(this.text);
            return this.ACTION(() => ({ kind: 'file', path, span: this.spanFrom(first) }));
          },
        },
        { ALT: (): ast.AddressItem => this.SUBRULE(this.placeItem) },
      ]),
  );
  protected addresses = this.RULE('addresses', (): ast.Addresses => {
    const first = this.LA(1);
    const items: ast.AddressItem[] = [];
    let except: ast.AddressItem[] | null = null;
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => items.push(this.SUBRULE(this.addressItem)) });
    this.OPTION(() => {
      this.CONSUME(t.KExcept);
      const list: ast.AddressItem[] = [];
      this.AT_LEAST_ONE_SEP2({ SEP: t.Comma, DEF: () => list.push(this.SUBRULE2(this.addressItem)) });
      except = list;
    });
    return this.ACTION(() => {
      const span = items.length === 1 && except === null ? items[0]!.span : this.spanFrom(first);
      return { items: items.slice(), except: except ?? NONE, span };
    });
  });

  protected machine = this.RULE('machine', (): ast.Endpoint['machine'] =>
    this.OR([
      {
        ALT: (): ast.Endpoint['machine'] => {
          const token = this.CONSUME(t.Ipv4);
          return this.ACTION(() => this.oneAddress(token));
        },
      },
      {
        ALT: (): ast.Endpoint['machine'] => {
          const token = this.CONSUME(t.Bracketed);
          return this.ACTION(() => this.addressOf(token));
        },
      },
      {
        ALT: (): ast.Endpoint['machine'] => {
          const name = this.SUBRULE(this.name);
          return this.ACTION(() => ({ kind: 'name', name, span: name.span }));
        },
      },
      {
        ALT: (): ast.Endpoint['machine'] => {
          const token = this.CONSUME(t.KSelf);
          return this.ACTION(() => ({ kind: 'self', span: this.spanOf(token) }));
        },
      },
    ]),
  );
  private oneAddress(token: IToken): ast.AddressLiteral {
    const address = this.addressOf(token);
    if (address.form !== 'address') {
      const params = { what: `the ${address.form} \`${token.image}\``, after: 'where one machine is meant' };
      this.complain(token, codes.unexpected, params, { expected: 'one address' });
    }
    return address;
  }
  protected endpoint = this.RULE('endpoint', (): ast.Endpoint => {
    const first = this.LA(1);
    const machine = this.SUBRULE(this.machine);
    const last = this.LA(0);
    const ports = this.OPTION(() => {
      const colon = this.CONSUME(t.Colon);
      const list = this.SUBRULE(this.ports);
      this.ACTION(() => this.demandNoBlanks(last, colon, this.LA(0)));
      return list;
    });
    return this.ACTION(() => ({ machine, ports: ports ?? null, span: this.spanFrom(first) }));
  });
  private demandNoBlanks(machine: IToken, colon: IToken, ports: IToken): void {
    const tight = machine.startOffset + machine.image.length === colon.startOffset;
    if (tight && colon.startOffset + 1 === ports.startOffset) return;
    const span = spanBetween(this.file, machine, ports, this.tokens);
    const replacement = `${machine.image}:${ports.image}`;
    this.complain(
      colon,
      codes.unexpected,
      { what: '`:`', after: 'with blanks around it' },
      {
        expected: `\`${replacement}\``,
        fixes: [{ title: `write \`${replacement}\``, span, replacement, certain: true }],
      },
    );
  }
}
