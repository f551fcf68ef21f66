/** Declarations up to their `{`. */
import type { IToken } from 'chevrotain';
import type * as ast from './ast.ts';
import { codes } from './codes.ts';
import { PropertyParser } from './property-parser.ts';
import type { Span } from './span.ts';
import * as t from './tokens.ts';

/** A declaration as far as its first line says it; the block is added by whoever reads the lines. */
export type Head =
  | { readonly kind: 'gateway' | ast.BlockDecl['kind']; readonly name: ast.Name; readonly span: Span }
  | Pick<ast.PolicyDecl, 'kind' | 'name' | 'from' | 'to' | 'span'>
  | Pick<ast.ExpectDecl, 'kind' | 'title' | 'span'>
  | Exclude<ast.Declaration, { kind: 'gateway' | 'policy' | 'expect' | ast.BlockDecl['kind'] }>;

export class DeclarationParser extends PropertyParser {
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
      return { kind: 'interface', name, device: this.nameOf(device), mss: null, xdp: true, span: this.spanFrom(first) };
    });
  });
  /** The kernel's names have at most 15 bytes (IFNAMSIZ - 1); `ip link` shows `eth0.5@eth0` for the device eth0.5. */
  private checkDevice(token: IToken): void {
    const text = token.image;
    const expected = 'a name as `ip link` shows it, such as `eth0` or `eth0.100`';
    const [device = ''] = text.split('@', 1);
    if (device !== text) {
      const span = this.spanOf(token);
      const fixes = [{ title: `write \`${device}\``, span, replacement: device, certain: true }];
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
}
