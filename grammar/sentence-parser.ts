/**
 * The sentences themselves: declarations up to their `{`, and the lines of each kind of block. Which property may stand
 * in which block is a question of meaning, and the checker's.
 */
import type { IToken } from 'chevrotain';
import type * as ast from './ast.ts';
import { ClauseParser } from './clause-parser.ts';
import { codes } from './codes.ts';
import { findNearest } from './nearest.ts';
import type { Span } from './span.ts';
import * as t from './tokens.ts';
import { foreignWords } from './words.ts';

/** A declaration as far as its first line says it; the block is added by whoever reads the lines. */
export type Head =
  | { readonly kind: 'gateway' | ast.BlockDecl['kind']; readonly name: ast.Name; readonly span: Span }
  | Pick<ast.PolicyDecl, 'kind' | 'name' | 'from' | 'to' | 'span'>
  | Pick<ast.ExpectDecl, 'kind' | 'title' | 'span'>
  | Exclude<ast.Declaration, { kind: 'gateway' | 'policy' | 'expect' | ast.BlockDecl['kind'] }>;

export interface PolicyDefault {
  readonly kind: 'default';
  readonly action: ast.Name;
  readonly log: ast.Log | null;
  readonly span: Span;
}

type PropertyOf<K extends ast.Property['kind']> = Extract<ast.Property, { kind: K }>;

export class SentenceParser extends ClauseParser {
  constructor(skipValidations = true) {
    super(skipValidations);
    this.performSelfAnalysis();
  }

  // ---- declarations ------------------------------------------------------------------------------------------------

  protected block = this.RULE('block', (): Head => {
    const first = this.OR([
      { ALT: () => this.CONSUME(t.KGateway) },
      { ALT: () => this.CONSUME(t.KMasquerade) },
      { ALT: () => this.CONSUME(t.KRedirect) },
      { ALT: () => this.CONSUME(t.KAutofw) },
      { ALT: () => this.CONSUME(t.KMap) },
    ]);
    const name = this.SUBRULE(this.name);
    return this.ACTION(() => {
      const kind = first.image as 'gateway' | ast.BlockDecl['kind'];
      return { kind, name, span: this.spanFrom(first) };
    });
  });
  protected policy = this.RULE('policy', (): Head => {
    const first = this.CONSUME(t.KPolicy);
    const name = this.SUBRULE(this.name);
    this.CONSUME(t.KFrom);
    const from = this.SUBRULE(this.places);
    this.CONSUME(t.KTo);
    const to = this.SUBRULE2(this.places);
    return this.ACTION(() => ({ kind: 'policy', name, from, to, span: this.spanFrom(first) }));
  });
  protected expect = this.RULE('expect', (): Head => {
    const first = this.CONSUME(t.KExpect);
    const title = this.SUBRULE(this.text);
    return this.ACTION(() => ({ kind: 'expect', title, span: this.spanFrom(first) }));
  });
  protected interface = this.RULE('interface', (): Head => {
    const first = this.CONSUME(t.KInterface);
    const name = this.SUBRULE(this.name);
    this.CONSUME(t.Equals);
    const device = this.OR([{ ALT: () => this.CONSUME(t.AnyWord) }, { ALT: () => this.CONSUME(t.Device) }]);
    return this.ACTION(() => {
      this.checkDevice(device);
      return { kind: 'interface', name, device: this.nameOf(device), mss: null, span: this.spanFrom(first) };
    });
  });
  /** The kernel's names have at most 15 bytes (IFNAMSIZ - 1); `ip link` shows `eth0.5@eth0` for the device eth0.5. */
  private checkDevice(token: IToken): void {
    const text = token.image;
    const expected = 'a name as `ip link` shows it, such as `eth0` or `eth0.100`';
    const [device = ''] = text.split('@', 1);
    if (device !== text) {
      const span = this.spanOf(token);
      const fixes = [{ title: `write \`${device}\``, span, replacement: device }];
      this.complain(
        token,
        codes.badDevice,
        { text, because: '`@` and what follows are not part of it' },
        { expected, fixes },
      );
    } else if (text.length > 15) {
      this.complain(
        token,
        codes.badDevice,
        { text, because: `it has ${text.length} characters, and at most 15 fit` },
        { expected },
      );
    }
  }
  protected zone = this.RULE('zone', (): Head => {
    const first = this.CONSUME(t.KZone);
    const name = this.SUBRULE(this.name);
    this.CONSUME(t.Equals);
    const members = this.SUBRULE(this.names);
    return this.ACTION(() => ({ kind: 'zone', name, members, span: this.spanFrom(first) }));
  });
  protected network = this.RULE('network', (): Head => {
    const first = this.CONSUME(t.KNetwork);
    const name = this.SUBRULE(this.name);
    const prefixes: ast.NetworkDecl['prefixes'][number][] = [];
    this.CONSUME(t.Equals);
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () =>
        this.OR([
          { ALT: () => prefixes.push(this.SUBRULE(this.literal)) },
          {
            ALT: () => {
              const token = this.CONSUME(t.KDynamic);
              this.ACTION(() => prefixes.push({ kind: 'dynamic', span: this.spanOf(token) }));
            },
          },
        ]),
    });
    this.CONSUME(t.KOn);
    const on = this.SUBRULE2(this.name);
    return this.ACTION(() => ({ kind: 'network', name, prefixes, on, span: this.spanFrom(first) }));
  });
  protected host = this.RULE('host', (): Head => {
    const first = this.CONSUME(t.KHost);
    const name = this.SUBRULE(this.name);
    const addresses: ast.HostDecl['addresses'][number][] = [];
    this.CONSUME(t.Equals);
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => {
        const address = this.SUBRULE(this.literal);
        const network = this.OPTION(() => {
          this.CONSUME(t.KIn);
          return this.SUBRULE2(this.name);
        });
        this.ACTION(() => addresses.push({ address, in: network ?? null }));
      },
    });
    return this.ACTION(() => ({ kind: 'host', name, addresses, span: this.spanFrom(first) }));
  });
  protected set = this.RULE('set', (): Head => {
    const first = this.CONSUME(t.KSet);
    const name = this.SUBRULE(this.name);
    this.CONSUME(t.Equals);
    const addresses = this.SUBRULE(this.addresses);
    return this.ACTION(() => ({ kind: 'set', name, addresses, span: this.spanFrom(first) }));
  });
  protected service = this.RULE('service', (): Head => {
    const first = this.CONSUME(t.KService);
    const name = this.SUBRULE(this.name);
    this.CONSUME(t.Equals);
    const what = this.SUBRULE(this.what);
    return this.ACTION(() => ({ kind: 'service', name, what, span: this.spanFrom(first) }));
  });
  protected include = this.RULE('include', (): Head => {
    const first = this.CONSUME(t.KInclude);
    const path = this.SUBRULE(this.text);
    return this.ACTION(() => ({ kind: 'include', path, span: this.spanFrom(first) }));
  });
  declaration = this.RULE(
    'declaration',
    (): Head =>
      this.OR([
        { ALT: (): Head => this.SUBRULE(this.block) },
        { ALT: (): Head => this.SUBRULE(this.policy) },
        { ALT: (): Head => this.SUBRULE(this.expect) },
        { ALT: (): Head => this.SUBRULE(this.interface) },
        { ALT: (): Head => this.SUBRULE(this.zone) },
        { ALT: (): Head => this.SUBRULE(this.network) },
        { ALT: (): Head => this.SUBRULE(this.host) },
        { ALT: (): Head => this.SUBRULE(this.set) },
        { ALT: (): Head => this.SUBRULE(this.service) },
        { ALT: (): Head => this.SUBRULE(this.include) },
      ]),
  );

  // ---- lines of interface, policy and gateway ----------------------------------------------------------------------

  mss = this.RULE('mss', (): NonNullable<ast.InterfaceDecl['mss']> => {
    this.CONSUME(t.KMss);
    return this.OR([
      {
        ALT: (): NonNullable<ast.InterfaceDecl['mss']> => {
          this.CONSUME(t.KClamp);
          return { kind: 'clamp' };
        },
      },
      { ALT: (): NonNullable<ast.InterfaceDecl['mss']> => ({ kind: 'bytes', bytes: this.SUBRULE(this.count) }) },
    ]);
  });
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
    const fixes = words.includes(right) ? [{ title: `did you mean \`${right}\`?`, span, replacement: right }] : [];
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

  // ---- properties of masquerade, redirect, autofw and map ----------------------------------------------------------

  protected timeout = this.RULE('timeout', (): PropertyOf<'timeout'> => {
    const first = this.CONSUME(t.KTimeout);
    const entries = this.SUBRULE(this.timeoutEntries);
    return this.ACTION(() => ({ kind: 'timeout', entries, span: this.spanFrom(first) }));
  });
  protected addressesProperty = this.RULE('addressesProperty', (): ast.Property => {
    const first = this.OR([
      { ALT: () => this.CONSUME(t.KFrom) },
      { ALT: () => this.CONSUME(t.KAddress) },
      {
        ALT: () => {
          const token = this.CONSUME(t.KAllow);
          this.CONSUME2(t.KFrom);
          return token;
        },
      },
    ]);
    const addresses = this.SUBRULE(this.addresses);
    return this.ACTION(() => {
      const kind = first.tokenType === t.KAllow ? 'allow-from' : (first.image as 'from' | 'address');
      return { kind, addresses, span: this.spanFrom(first) };
    });
  });
  protected wordsProperty = this.RULE('wordsProperty', (): ast.Property => {
    const first = this.OR([
      { ALT: () => this.CONSUME(t.KInterface) },
      { ALT: () => this.CONSUME(t.KFamily) },
      { ALT: () => this.CONSUME(t.KHelper) },
    ]);
    const names = this.SUBRULE(this.names);
    return this.ACTION(() => {
      const span = this.spanFrom(first);
      if (first.tokenType === t.KInterface) return { kind: 'interface', names, span };
      return { kind: first.image as 'family' | 'helper', words: names, span };
    });
  });
  protected wordProperty = this.RULE('wordProperty', (): ast.Property => {
    const first = this.OR([
      { ALT: () => this.CONSUME(t.KMapping) },
      { ALT: () => this.CONSUME(t.KFiltering) },
      { ALT: () => this.CONSUME(t.KBalance) },
      { ALT: () => this.CONSUME(t.KOwner) },
    ]);
    const word = this.SUBRULE(this.name);
    return this.ACTION(() => {
      const kind = first.image as 'mapping' | 'filtering' | 'balance' | 'owner';
      return { kind, word, span: this.spanFrom(first) };
    });
  });
  protected timeProperty = this.RULE('timeProperty', (): ast.Property => {
    const first = this.OR([{ ALT: () => this.CONSUME(t.KDrain) }, { ALT: () => this.CONSUME(t.KHold) }]);
    const time = this.SUBRULE(this.time);
    return this.ACTION(() => ({ kind: first.image as 'drain' | 'hold', time, span: this.spanFrom(first) }));
  });
  protected portsProperty = this.RULE('portsProperty', (): ast.Property => {
    const first = this.CONSUME(t.KPorts);
    const ports = this.SUBRULE(this.ports);
    return this.ACTION(() => ({ kind: 'ports', ports, span: this.spanFrom(first) }));
  });
  protected share = this.RULE('share', (): ast.Property => {
    const first = this.CONSUME(t.KShare);
    const count = this.SUBRULE(this.count);
    this.CONSUME(t.KPorts);
    this.CONSUME(t.KPer);
    this.CONSUME(t.KSource);
    return this.ACTION(() => ({ kind: 'share', count, span: this.spanFrom(first) }));
  });
  protected target = this.RULE('target', (): ast.Target => {
    const first = this.LA(1);
    const endpoint = this.SUBRULE(this.endpoint);
    const weight = this.OPTION(() => {
      this.CONSUME(t.KWeight);
      return this.SUBRULE(this.count);
    });
    return this.ACTION(() => ({ endpoint, weight: weight ?? null, span: this.spanFrom(first) }));
  });
  protected listen = this.RULE('listen', (): ast.Property => {
    const to: ast.Target[] = [];
    const first = this.CONSUME(t.KListen);
    const what = this.SUBRULE(this.what);
    this.CONSUME(t.KTo);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => to.push(this.SUBRULE(this.target)) });
    return this.ACTION(() => ({ kind: 'listen', what, to, span: this.spanFrom(first) }));
  });
  protected check = this.RULE('check', (): ast.Property => {
    const first = this.CONSUME(t.KCheck);
    const probe = this.OR([
      {
        ALT: (): ast.HealthCheck['probe'] => {
          this.CONSUME(t.KTcp);
          return { kind: 'tcp' };
        },
      },
      {
        ALT: (): ast.HealthCheck['probe'] => {
          this.CONSUME(t.KHttp);
          return { kind: 'http', path: this.SUBRULE(this.text) };
        },
      },
    ]);
    this.CONSUME(t.KEvery);
    const every = this.SUBRULE(this.time);
    const times = this.OPTION(() => {
      this.CONSUME(t.KFall);
      const fall = this.SUBRULE(this.count);
      this.CONSUME(t.KRise);
      return { fall, rise: this.SUBRULE2(this.count) };
    });
    return this.ACTION(() => {
      const check: ast.HealthCheck = { probe, every, fall: times?.fall ?? null, rise: times?.rise ?? null };
      return { kind: 'check', check, span: this.spanFrom(first) };
    });
  });
  protected control = this.RULE('control', (): ast.Property => {
    const first = this.CONSUME(t.KControl);
    const what = this.SUBRULE(this.what);
    return this.ACTION(() => ({ kind: 'control', what, span: this.spanFrom(first) }));
  });
  protected open = this.RULE('open', (): ast.Property => {
    const first = this.CONSUME(t.KOpen);
    const what = this.SUBRULE(this.what);
    const from = this.OPTION(() => {
      this.CONSUME(t.KFrom);
      return this.OR([
        {
          ALT: (): 'contacted' | 'any' => {
            this.CONSUME(t.KContacted);
            return 'contacted';
          },
        },
        {
          ALT: (): 'contacted' | 'any' => {
            this.CONSUME(t.KAny);
            return 'any';
          },
        },
      ]);
    });
    return this.ACTION(() => ({ kind: 'open', what, from: from ?? null, span: this.spanFrom(first) }));
  });
  protected side = this.RULE('side', (): ast.Property => {
    const first = this.OR([{ ALT: () => this.CONSUME(t.KInside) }, { ALT: () => this.CONSUME(t.KOutside) }]);
    const literal = this.SUBRULE(this.literal);
    return this.ACTION(() => ({ kind: first.image as 'inside' | 'outside', literal, span: this.spanFrom(first) }));
  });
  property = this.RULE(
    'property',
    (): ast.Property =>
      this.OR([
        { ALT: (): ast.Property => this.SUBRULE(this.addressesProperty) },
        { ALT: (): ast.Property => this.SUBRULE(this.wordsProperty) },
        { ALT: (): ast.Property => this.SUBRULE(this.wordProperty) },
        { ALT: (): ast.Property => this.SUBRULE(this.timeProperty) },
        { ALT: (): ast.Property => this.SUBRULE(this.portsProperty) },
        { ALT: (): ast.Property => this.SUBRULE(this.share) },
        { ALT: (): ast.Property => this.SUBRULE(this.timeout) },
        { ALT: (): ast.Property => this.SUBRULE(this.listen) },
        { ALT: (): ast.Property => this.SUBRULE(this.check) },
        { ALT: (): ast.Property => this.SUBRULE(this.control) },
        { ALT: (): ast.Property => this.SUBRULE(this.open) },
        { ALT: (): ast.Property => this.SUBRULE(this.side) },
        {
          ALT: (): ast.Property => {
            const limit = this.SUBRULE(this.limit);
            return this.ACTION(() => ({ kind: 'limit', limit, span: limit.span }));
          },
        },
        {
          ALT: (): ast.Property => {
            const log = this.SUBRULE(this.log);
            return this.ACTION(() => ({ kind: 'log', log, span: log.span }));
          },
        },
      ]),
  );

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

let shared: SentenceParser | null = null;

/** The parser, built when it is first needed. */
export function getParser(): SentenceParser {
  shared ??= new SentenceParser();
  return shared;
}
