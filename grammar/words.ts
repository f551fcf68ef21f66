/** Which words begin a sentence, by the place where it stands; and what other tools call them. */

export type BlockKind = 'gateway' | 'interface' | 'policy' | 'masquerade' | 'redirect' | 'autofw' | 'map' | 'expect';

const ACTIONS = ['allow', 'deny', 'reject'];

/** The words that begin a declaration, and whether a block belongs to it. */
export const declarations: ReadonlyMap<string, 'block' | 'perhaps' | 'none'> = new Map([
  ['gateway', 'block'],
  ['interface', 'perhaps'],
  ['zone', 'none'],
  ['network', 'none'],
  ['host', 'none'],
  ['set', 'none'],
  ['service', 'none'],
  ['policy', 'block'],
  ['masquerade', 'block'],
  ['redirect', 'block'],
  ['autofw', 'block'],
  ['map', 'block'],
  ['expect', 'block'],
  ['include', 'none'],
]);

/** The words that begin a sentence of a block. */
export const sentences: Readonly<Record<BlockKind, readonly string[]>> = {
  gateway: ['datapath', 'default', 'flows', 'timeout', 'confirm', 'established', 'account', ...ACTIONS],
  interface: ['mss', 'xdp'],
  policy: [...ACTIONS, 'default'],
  masquerade: [
    ...['from', 'interface', 'address', 'family', 'ports', 'share', 'mapping', 'filtering', 'refresh', 'limit'],
    ...['timeout', 'helper', 'log'],
  ],
  redirect: [
    ...['interface', 'address', 'listen', 'allow', 'balance', 'check', 'drain', 'limit', 'timeout', 'helper', 'log'],
  ],
  autofw: ['from', 'interface', 'control', 'open', 'hold', 'owner', 'log'],
  map: ['interface', 'inside', 'outside'],
  expect: ['wait', 'tcp', 'udp', 'sctp', 'icmp', 'gre', 'esp'],
};

export const isBlockKind = (word: string | null): word is BlockKind => word !== null && Object.hasOwn(sentences, word);

/** Every word that begins a sentence of some block. */
export const sentenceWords: ReadonlySet<string> = new Set(Object.values(sentences).flat());

/** The four blocks of properties are read alike: which property may stand where is a question of meaning. */
export const properties: ReadonlySet<string> = new Set(
  (['masquerade', 'redirect', 'autofw', 'map'] as const).flatMap((kind) => sentences[kind]),
);

export const foreignWords: ReadonlyMap<string, string> = new Map([
  ['accept', 'allow'],
  ['permit', 'allow'],
  ['pass', 'allow'],
  ['drop', 'deny'],
  ['block', 'deny'],
  ['discard', 'deny'],
  ['refuse', 'reject'],
  ['nat', 'masquerade'],
  ['snat', 'masquerade'],
  ['masq', 'masquerade'],
  ['dnat', 'redirect'],
  ['rdr', 'redirect'],
  ['forward', 'redirect'],
  ['port-forward', 'redirect'],
  ['iface', 'interface'],
  ['device', 'interface'],
  ['subnet', 'network'],
  ['net', 'network'],
  ['group', 'zone'],
  ['ipset', 'set'],
  ['alias', 'host'],
  ['chain', 'policy'],
  ['rules', 'policy'],
  ['source', 'from'],
  ['src', 'from'],
  ['saddr', 'from'],
  ['destination', 'to'],
  ['dst', 'to'],
  ['daddr', 'to'],
  ['->', 'to'],
  ['=>', 'to'],
  ['rate', 'limit'],
  ['not', 'except'],
  ['but', 'except'],
  ['all', 'any'],
  ['everything', 'any'],
  ['everyone', 'any'],
  ['local', 'self'],
  ['localhost', 'self'],
  ['icmpv6', 'icmp'],
  ['icmp6', 'icmp'],
  ['ipv6-icmp', 'icmp'],
  ['port', 'ports'],
  ['target', 'to'],
  ['test', 'expect'],
  ['assert', 'expect'],
  ['import', 'include'],
  ['dropped', 'denied'],
  ['rejected', 'denied'],
  ['accepted', 'allowed'],
  ['natted', 'masqueraded'],
  ['forwarded', 'redirected'],
]);
