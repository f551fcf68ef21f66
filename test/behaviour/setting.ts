/** What a gateway is told to be, in no gateway's own language. Times in seconds. */
export interface Setting {
  readonly mapping?: 'endpoint-independent' | 'address-and-port-dependent';
  readonly filtering?: 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';
  /** Whom the masquerade hides; all of the LAN. */
  readonly from?: string;
  /** The pool of outside ports. */
  readonly ports?: readonly [first: number, last: number];
  /** How an outside port is chosen; `keep`: the source's own where it is free. */
  readonly choice?: 'keep' | 'random';
  /** Whose packets keep a mapping alive. */
  readonly refresh?: 'outbound' | 'both';
  /** Outside addresses, in place of the one that the interface has: 203.0.113.20 … */
  readonly outside?: readonly string[];
  readonly timeouts?: Readonly<Partial<Record<'udp' | 'tcp' | 'tcp-syn' | 'tcp-fin' | 'icmp', number>>>;
  readonly redirects?: readonly Redirect[];
  /** Size of the flow table. */
  readonly flows?: number;
  /** Of each inside host: flows at a time; outside ports at a time; new flows a second (and at once). */
  readonly limit?:
    | { readonly flows: number }
    | { readonly ports: number }
    | { readonly rate: number; readonly burst: number };
  /** Outside ports that each inside host has to itself, computed from its address (RFC 7422). */
  readonly share?: number;
  readonly clampMss?: boolean;
  readonly wanMtu?: number;
  /** Outside addresses that nobody may talk to. */
  readonly blocked?: readonly string[];
  /** Outside addresses of IPv6 whose packets are answered by an error. */
  readonly rejected?: readonly string[];
  /** TCP ports of the gateway itself that the outside may reach. */
  readonly open?: readonly number[];
  /** `npt-followed`: the outside prefix is the one that the wan has, whatever it becomes. */
  readonly ipv6?: 'filtered' | 'npt' | 'npt-followed' | 'masqueraded';
  readonly log?: boolean;
}

export interface Redirect {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly to: string;
  readonly toPort: number;
}
