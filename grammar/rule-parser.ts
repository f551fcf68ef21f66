/** Rules and their clauses: what, limit, log. */
import type * as ast from './ast.ts';
import { ClauseParser } from './clause-parser.ts';
import * as t from './tokens.ts';

export class RuleParser extends ClauseParser {
  protected what = this.RULE('what', (): ast.What => {
    const first = this.LA(1);
    const items: ast.WhatItem[] = [];
    let protocol: ast.PortProtocol | null = null;
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => {
        const item = this.SUBRULE(this.whatItem);
        this.ACTION(() => {
          // A bare port takes the protocol before it.
          if (item.kind === 'bare-ports' && protocol !== null) items.push({ ...item, kind: 'ports', protocol });
          else items.push(item);
          if (item.kind !== 'bare-ports') protocol = item.kind === 'ports' ? item.protocol : null;
        });
      },
    });
    return this.ACTION(() => {
      const span = items.length === 1 ? items[0]!.span : this.spanFrom(first);
      return { items: items.slice(), span };
    });
  });
  protected whatItem = this.RULE(
    'whatItem',
    (): ast.WhatItem =>
      this.OR([
        {
          ALT: (): ast.WhatItem => {
            const first = this.CONSUME(t.PortProtocol);
            const ports = this.SUBRULE(this.ports);
            return this.ACTION(() => {
              const protocol = first.image as ast.PortProtocol;
              return { kind: 'ports', protocol, ports, span: this.spanFrom(first) };
            });
          },
        },
        {
          ALT: (): ast.WhatItem => {
            const first = this.CONSUME(t.KIcmp);
            const type = this.OPTION(() => this.SUBRULE(this.name));
            const ports = this.OPTION2(() => this.SUBRULE2(this.ports));
            return this.ACTION(() => ({
              kind: 'icmp',
              type: type ?? null,
              ports: ports ?? null,
              span: this.spanFrom(first),
            }));
          },
        },
        {
          ALT: (): ast.WhatItem => {
            const token = this.CONSUME(t.KGre);
            return this.ACTION(() => ({ kind: 'gre', span: this.spanOf(token) }));
          },
        },
        {
          ALT: (): ast.WhatItem => {
            const token = this.CONSUME(t.KEsp);
            return this.ACTION(() => ({ kind: 'esp', span: this.spanOf(token) }));
          },
        },
        {
          ALT: (): ast.WhatItem => {
            const ports = this.SUBRULE3(this.ports);
            return this.ACTION(() => ({ kind: 'bare-ports', ports, span: ports.span }));
          },
        },
        {
          ALT: (): ast.WhatItem => {
            const name = this.SUBRULE4(this.name);
            return this.ACTION(() => ({ kind: 'service', name, span: name.span }));
          },
        },
      ]),
  );

  protected limit = this.RULE('limit', (): ast.Limit => {
    const first = this.CONSUME(t.KLimit);
    const of = this.OR([
      {
        ALT: (): ast.Limit['of'] => {
          const rate = this.SUBRULE(this.rate);
          const burst = this.OPTION(() => {
            this.CONSUME(t.KBurst);
            return this.SUBRULE(this.count);
          });
          return { kind: 'rate', rate, burst: burst ?? null };
        },
      },
      {
        ALT: (): ast.Limit['of'] => {
          const count = this.SUBRULE2(this.count);
          const kind = this.OR2([
            {
              ALT: () => {
                this.CONSUME(t.KFlows);
                return 'flows' as const;
              },
            },
            {
              ALT: () => {
                this.CONSUME(t.KPorts);
                return 'ports' as const;
              },
            },
          ]);
          return { kind, count };
        },
      },
    ]);
    const perSource = this.OPTION2(() => {
      this.CONSUME(t.KPer);
      this.CONSUME(t.KSource);
      return true;
    });
    return this.ACTION(() => ({ of, perSource: perSource ?? false, span: this.spanFrom(first) }));
  });
  protected log = this.RULE('log', (): ast.Log => {
    const first = this.CONSUME(t.KLog);
    const label = this.OPTION(() => this.SUBRULE(this.text));
    const rate = this.OPTION2(() => this.SUBRULE(this.rate));
    return this.ACTION(() => ({ label: label ?? null, rate: rate ?? null, span: this.spanFrom(first) }));
  });

  /** rule = action [what] ["from" addrs] ["to" addrs] [limit] [log] */
  rule = this.RULE('rule', (): ast.Rule => {
    const first = this.CONSUME(t.Action);
    const what = this.OPTION(() => this.SUBRULE(this.what));
    const from = this.OPTION2(() => {
      this.CONSUME(t.KFrom);
      return this.SUBRULE(this.addresses);
    });
    const to = this.OPTION3(() => {
      this.CONSUME(t.KTo);
      return this.SUBRULE2(this.addresses);
    });
    const limit = this.OPTION4(() => this.SUBRULE(this.limit));
    const log = this.OPTION5(() => this.SUBRULE(this.log));
    return this.ACTION(() => ({
      kind: 'rule',
      action: first.image as ast.Action,
      actionSpan: this.spanOf(first),
      what: what ?? null,
      from: from ?? null,
      to: to ?? null,
      limit: limit ?? null,
      log: log ?? null,
      span: this.spanFrom(first),
    }));
  });

  protected timeoutEntries = this.RULE('timeoutEntries', (): readonly ast.TimeoutEntry[] => {
    const entries: ast.TimeoutEntry[] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => {
        const first = this.LA(1);
        const protocol = this.SUBRULE(this.word);
        const time = this.SUBRULE(this.time);
        this.ACTION(() => entries.push({ protocol, time, span: this.spanFrom(first) }));
      },
    });
    return entries;
  });
}
