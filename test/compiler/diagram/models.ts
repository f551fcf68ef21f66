/** Models made by hand, and short words to make them with. */
import { type Follows, fillTable, writePrefix } from '../../../compiler/dynamic.ts';
import type {
  AddressMap,
  AddressSet,
  Decision,
  Default,
  InterfaceId,
  Listen,
  Masquerade,
  Model,
  Network,
  Policy,
  Range,
  Redirect,
  Rule,
  RuleId,
  RuleOrigin,
  Service,
  Side,
  Sides,
  Table,
  TableId,
} from '../../../compiler/model.ts';

/** `log` without a rate. */
export const LOG = { label: null, rate: { count: 10, perMs: 1000, burst: 50 } };
const BEHAVIOUR = {
  mapping: 'endpoint-independent',
  filtering: 'address-dependent',
  choice: 'keep',
  refresh: 'both',
  limits: [],
  log: null,
} as const;

export const NO_SPAN = { file: 'test.masq', start: 0, end: 0, line: 1, column: 1 };
export const NO_ADDRESSES: AddressSet = { v4: [], v6: [] };
export const NOBODY: Side = { any: false, interfaces: [], addresses: NO_ADDRESSES, tables: [], own: [] };
export const ANYONE: Sides = { include: { ...NOBODY, any: true }, except: null };

/** `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1-10.0.0.9` as a range. */
export function v4(text: string): Range<number> {
  const dash = text.split('-');
  if (dash.length === 2) return { first: v4(dash[0]!).first, last: v4(dash[1]!).first };
  const [address, length = '32'] = text.split('/');
  const first = address!.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  return { first, last: first + 2 ** (32 - Number(length)) - 1 };
}

/** `2001:db8::/32` as a range. */
export function v6(text: string): Range<bigint> {
  const [address, length = '128'] = text.split('/');
  const [head = '', tail] = address!.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail ? tail.split(':') : [];
  const groups = [...left, ...Array(tail === undefined ? 0 : 8 - left.length - right.length).fill('0'), ...right];
  const first = groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
  return { first, last: first + (1n << (128n - BigInt(length))) - 1n };
}

export function addresses(...texts: string[]): AddressSet {
  const v4s = texts.filter((text) => !text.includes(':')).map(v4);
  const v6s = texts.filter((text) => text.includes(':')).map(v6);
  return { v4: v4s.sort((a, b) => a.first - b.first), v6: v6s.sort((a, b) => (a.first < b.first ? -1 : 1)) };
}

/** Addresses and interface ids. */
export function side(...parts: (string | InterfaceId)[]): Side {
  return {
    ...NOBODY,
    interfaces: parts.filter((part) => typeof part === 'number'),
    addresses: addresses(...parts.filter((part) => typeof part === 'string')),
  };
}
export function sides(...parts: (string | InterfaceId)[]): Sides {
  return { include: side(...parts), except: null };
}
export function toOwn(...own: InterfaceId[]): Sides {
  return { include: { ...NOBODY, own }, except: null };
}

export function tcp(...ports: (number | [number, number])[]): Service[] {
  return ported('tcp', ports);
}
export function udp(...ports: (number | [number, number])[]): Service[] {
  return ported('udp', ports);
}
function ported(protocol: 'tcp' | 'udp', ports: (number | [number, number])[]): Service[] {
  if (ports.length === 0) return [{ protocol, ports: null, icmp: null }];
  return ports.map((port) => {
    const [first, last] = typeof port === 'number' ? [port, port] : port;
    return { protocol, ports: { first, last }, icmp: null };
  });
}
export const ECHO: Service = { protocol: 'icmp', ports: null, icmp: { v4: 8, v6: 128 } };

/** Collects a model, giving out rule ids as it goes. */
export class ModelMaker {
  readonly rules: RuleOrigin[] = [];
  #gatewayRules: Rule[] = [];
  #networks: Network[] = [];
  #policies: Policy[] = [];
  #masquerades: Masquerade[] = [];
  #redirects: Redirect[] = [];
  #maps: AddressMap[] = [];
  readonly interfaces: string[];
  readonly default: Default;

  constructor(interfaces: readonly string[], decision: Decision = 'deny') {
    this.interfaces = [...interfaces];
    this.default = { id: this.id('gateway-default', 'test'), decision, log: null, span: NO_SPAN };
    this.id('self-default', 'test');
  }

  id(kind: RuleOrigin['kind'], owner: string, text: string = kind): RuleId {
    const id = this.rules.length + 1;
    this.rules.push({ id, kind, owner, text, span: { ...NO_SPAN, line: id } });
    return id;
  }

  rule(
    kind: RuleOrigin['kind'],
    owner: string,
    decision: Decision,
    parts: Partial<Omit<Rule, 'id' | 'decision'>>,
  ): Rule {
    const id = this.id(kind, owner, `${decision} ${this.rules.length + 1}`);
    return { id, decision, services: [], from: ANYONE, to: ANYONE, limits: [], log: null, span: NO_SPAN, ...parts };
  }

  gateway(decision: 'deny' | 'reject', parts: Partial<Omit<Rule, 'id' | 'decision'>>): this {
    this.#gatewayRules.push(this.rule('gateway-rule', 'test', decision, parts));
    return this;
  }

  network(name: string, on: InterfaceId, ...prefixes: string[]): this {
    const written = prefixes.map((text) => {
      const family = text.includes(':') ? (6 as const) : (4 as const);
      const first = BigInt(family === 4 ? v4(text).first : v6(text).first);
      return { family, first, length: Number(text.split('/')[1] ?? (family === 4 ? 32 : 128)) };
    });
    this.#networks.push({
      name,
      addresses: addresses(...prefixes),
      prefixes: written,
      written,
      dynamic: false,
      interface: on,
      span: NO_SPAN,
    });
    return this;
  }

  policy(
    name: string,
    from: readonly InterfaceId[],
    to: readonly InterfaceId[],
    rules: readonly [Decision, Partial<Omit<Rule, 'id' | 'decision'>>][],
    decision: Decision,
  ): this {
    const made = rules.map(([word, parts]) => this.rule('policy-rule', name, word, parts));
    const id = this.id('policy-default', name, `default ${decision}`);
    this.#policies.push({
      name,
      from,
      to,
      rules: made,
      default: { id, decision, log: null, span: NO_SPAN },
      span: NO_SPAN,
    });
    return this;
  }

  masquerade(
    name: string,
    from: Sides,
    interfaces: readonly InterfaceId[],
    outside: AddressSet | null = null,
    parts: Partial<Pick<Masquerade, 'families' | 'share'>> = {},
  ): this {
    const id = this.id('masquerade', name);
    const ports = { first: 61000, last: 65095 };
    const common = { families: [4], share: null, ...BEHAVIOUR, ...parts, span: NO_SPAN } as const;
    this.#masquerades.push({ id, name, from, interfaces, addresses: outside, ports, ...common });
    return this;
  }

  map(name: string, interfaces: readonly InterfaceId[], inside: string, outside: string): this {
    const family = inside.includes(':') ? 6 : 4;
    const [from, to] = [inside, outside].map((text) => ({
      first: BigInt(family === 4 ? v4(text).first : v6(text).first),
      length: Number(text.split('/')[1] ?? (family === 4 ? 32 : 128)),
    }));
    if (!from || !to) throw new Error('a map has two sides');
    this.#maps.push({
      id: this.id('map', name),
      name,
      interfaces,
      family,
      inside: from,
      outside: to,
      follows: null,
      span: NO_SPAN,
    });
    return this;
  }

  redirect(
    name: string,
    interfaces: readonly InterfaceId[],
    listens: readonly Pick<Listen, 'service' | 'target' | 'targetPorts'>[],
    allowFrom: Sides = ANYONE,
    owned: AddressSet | null = null,
  ): this {
    this.#redirects.push({
      name,
      interfaces,
      addresses: owned,
      listens: listens.map((listen) => ({ ...listen, value: null, id: this.id('redirect', name), span: NO_SPAN })),
      allowFrom,
      denyId: this.id('redirect-denied', name),
      limits: [],
      log: null,
      allowSpan: NO_SPAN,
      span: NO_SPAN,
    });
    return this;
  }

  readonly tables: Table[] = [];
  /** All networks are `dynamic`: their prefixes are what the interfaces have now. */
  follow(): this {
    const networks = this.#networks.map((network) => ({ interface: network.interface, dynamic: true, prefixes: [] }));
    const now = new Map<InterfaceId, string[]>();
    for (const { interface: id, prefixes } of this.#networks) {
      now.set(id, [...(now.get(id) ?? []), ...prefixes.map((one) => writePrefix(one, one.family))]);
    }
    this.#networks = this.#networks.map((network) => ({ ...network, dynamic: true, written: [] }));
    const owners = [...now.keys()];
    const all: Follows[] = [
      ...[...owners, null].map((id) => ({ kind: 'elsewhere' as const, interface: id, networks })),
      ...owners.map((id) => ({ kind: 'here' as const, interface: id, networks })),
    ];
    for (const follows of networks.length === 0 ? [] : all) {
      const id = this.tables.length;
      this.tables.push({ id, name: `follows${id}`, addresses: fillTable(follows, now), follows });
    }
    return this;
  }

  /** A set with a table of its own; its id. */
  table(addresses: AddressSet): TableId {
    const id = this.tables.length;
    this.tables.push({ id, name: `set${id}`, addresses, follows: null });
    return id;
  }

  make(expectations: Model['expectations'] = []): Model {
    return {
      gateway: {
        name: 'test',
        datapath: 'ebpf',
        default: this.default,
        flows: 65536,
        established: 'recheck',
        timeouts: { tcp: 7440000, 'tcp-syn': 240000, 'tcp-fin': 240000, udp: 300000, icmp: 60000, other: 300000 },
        rules: this.#gatewayRules,
        account: NO_ADDRESSES,
        span: NO_SPAN,
      },
      interfaces: this.interfaces.map((name, i) => ({
        id: i + 1,
        name,
        device: `eth${i}`,
        mss: null,
        xdp: true,
        span: NO_SPAN,
      })),
      networks: this.#networks,
      policies: this.#policies,
      masquerades: this.#masquerades,
      redirects: this.#redirects,
      maps: this.#maps,
      expectations,
      rules: this.rules,
      tables: this.tables,
      values: [],
      named: [],
    };
  }
}

export const WAN = 1;
export const LAN = 2;
export const DMZ = 3;

/** The article's network, grown up: gateway.masq without what needs state. */
export function makeDeathstar(): ModelMaker {
  const home = '192.168.1.0/24';
  const servers = ['192.168.2.0/24', '2001:db8:2::/64'];
  const yoda = ['192.168.2.10', '2001:db8:2::10'];
  const partners = ['198.51.100.0/24', '2001:db8:77::/48'];
  const blocked = ['203.0.113.128/25', '198.51.100.66', '2001:db8:bad::/48'];
  const web = tcp(80, 443);
  return new ModelMaker(['wan', 'lan', 'dmz'])
    .gateway('deny', { from: sides(...blocked) })
    .gateway('deny', { to: sides(...blocked), log: LOG })
    .network('home', LAN, home)
    .network('servers', DMZ, ...servers)
    .policy('lan-out', [LAN], [WAN], [['deny', { services: tcp(25) }]], 'allow')
    .policy(
      'dmz-out',
      [DMZ],
      [WAN],
      [
        ['allow', { services: tcp(25), from: sides('192.168.2.25') }],
        ['allow', { services: [...web, ...udp(53), ...tcp(53)], from: sides(...servers) }],
      ],
      'deny',
    )
    .policy(
      'between',
      [LAN],
      [DMZ],
      [
        ['allow', { services: web, to: sides(...servers) }],
        ['allow', { services: tcp(22), from: sides('192.168.1.20'), to: sides(...servers) }],
      ],
      'reject',
    )
    .policy(
      'wan-in',
      [WAN],
      [LAN, DMZ],
      [['allow', { services: tcp(22), from: sides(...partners), to: sides(...yoda) }]],
      'deny',
    )
    .policy(
      'to-gateway',
      [WAN, LAN, DMZ],
      [0],
      [
        ['allow', { from: sides(LAN) }],
        ['allow', { services: [ECHO] }],
      ],
      'deny',
    )
    .masquerade('home-out', sides(home, servers[0]!), [WAN])
    .redirect('www', [WAN], [listen(80, '192.168.2.10', 8080)])
    .redirect(
      'xterm',
      [WAN],
      [listen(6001, '192.168.1.20', 6000), listen(6002, '192.168.2.11', 6000)],
      sides(...partners, home),
    );
}

export function listen(
  port: number,
  target: string,
  to: number | null,
): Pick<Listen, 'service' | 'target' | 'targetPorts'> {
  return {
    service: tcp(port)[0]!,
    target: { kind: 'address', family: 4, address: BigInt(v4(target).first) },
    targetPorts: to === null ? null : { first: to, last: to },
  };
}
