/** The properties of masquerade, redirect, autofw and map; which may stand in which is a question of meaning. */
import type * as ast from './ast.ts';
import { RuleParser } from './rule-parser.ts';
import * as t from './tokens.ts';

type PropertyOf<K extends ast.Property['kind']> = Extract<ast.Property, { kind: K }>;

export class PropertyParser extends RuleParser {
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
      { ALT: () => this.CONSUME(t.KRefresh) },
      { ALT: () => this.CONSUME(t.KBalance) },
      { ALT: () => this.CONSUME(t.KOwner) },
    ]);
    const word = this.SUBRULE(this.name);
    return this.ACTION(() => {
      const kind = first.image as 'mapping' | 'filtering' | 'refresh' | 'balance' | 'owner';
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
    const { ports, choice } = this.OR([
      {
        ALT: () => {
          const ports = this.SUBRULE(this.ports);
          return { ports, choice: this.OPTION(() => this.SUBRULE(this.name)) ?? null };
        },
      },
      { ALT: () => ({ ports: null, choice: this.SUBRULE2(this.name) }) },
    ]);
    return this.ACTION(() => ({ kind: 'ports', ports, choice, span: this.spanFrom(first) }));
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
    const network = this.OR2([
      { ALT: (): ast.MapSide => this.SUBRULE(this.literal) },
      {
        ALT: (): ast.MapSide => {
          const name = this.SUBRULE(this.name);
          return this.ACTION(() =>
            name.text === 'dynamic' ? { kind: 'dynamic', span: name.span } : { kind: 'name', name, span: name.span },
          );
        },
      },
    ]);
    return this.ACTION(() => ({ kind: first.image as 'inside' | 'outside', network, span: this.spanFrom(first) }));
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
}
