/** What the doctor looks at, as plain values: read by read.ts, made up in tests. null: it could not be read here. */
import type { Manifest } from '../../compiler/artifact/manifest.ts';
import type { Snapshot } from '../machine/types.ts';
import type { Plan, Wanted } from '../plan/types.ts';

export interface Facts {
  readonly kernel: KernelFacts;
  /** null: this machine can't be spoken to; `obstacle` says why. */
  readonly snapshot: Snapshot | null;
  readonly obstacle: { readonly text: string; readonly advice: string | null } | null;
  /** What should run: of the file that was given, else of what is applied; null: neither, so that every device is looked at. */
  readonly wanted: Wanted | null;
  readonly manifest: Manifest | null;
  /** What apply would do with it. */
  readonly plan: Plan | null;
  readonly devices: readonly DeviceFacts[];
  /** net.ipv4 and net.ipv6 settings of all devices together. */
  readonly all: DeviceSettings;
  readonly netfilter: NetfilterFacts | null;
  /** Selectors of IPsec policies that packets are forwarded or sent by, e.g. `10.0.0.0/8 → 10.9.0.0/16 (fwd)`. */
  readonly ipsec: readonly string[];
  /** Routes with several next hops, and default routes: the devices that they lead out by. */
  readonly routes: readonly { readonly destination: string; readonly devices: readonly string[] }[];
  /** The gateway's own sockets by protocol and local port. */
  readonly sockets: readonly { readonly protocol: 'tcp' | 'udp'; readonly port: number; readonly listening: boolean }[];
  readonly conntrack: { readonly count: number; readonly max: number } | null;
  /** What `masqc show status` would warn of. */
  readonly status: readonly string[];
  readonly since: string | null;
}

export interface KernelFacts {
  readonly release: string;
  readonly btf: boolean;
  /** net.core.bpf_jit_enable; null: no such setting (it is always on). */
  readonly jit: number | null;
  readonly unprivilegedBpf: number | null;
  /** `none`, `integrity`, `confidentiality`; null: no lockdown in this kernel. */
  readonly lockdown: string | null;
  readonly tcx: boolean | null;
  /** The verifier takes the datapath: every helper and program type that it needs is there. null: not tried. */
  readonly loads: { readonly ok: boolean; readonly said: string } | null;
  /** Bytes that could be had. */
  readonly memory: number | null;
  /** The memory cgroup above this process that leaves it the least, and how much; null: none is limited. */
  readonly memoryGroup: { readonly path: string; readonly room: number } | null;
}

export interface DeviceSettings {
  readonly rpFilter: number | null;
  readonly forwarding: number | null;
  readonly forwarding6: number | null;
  readonly acceptRa: number | null;
}

export interface DeviceFacts extends DeviceSettings {
  readonly name: string;
  readonly features: ReadonlyMap<string, boolean> | null;
  readonly gsoIpv4Max: number | null;
  readonly groIpv4Max: number | null;
  /** Programs of others: `xdp`, `tcx ingress`, `clsact egress`. */
  readonly programs: readonly { readonly hook: string; readonly id: number; readonly name: string }[];
}

export interface NetfilterFacts {
  /** Tables of others whose chains forwarded packets meet. */
  readonly tables: readonly ForeignTable[];
  readonly flowtables: readonly string[];
  /** Tables of the legacy iptables that are loaded, where its tool is not there to say what is in them. */
  readonly unread: readonly { readonly family: 'ip' | 'ip6'; readonly names: readonly string[] }[];
}
export interface ForeignTable {
  readonly family: string;
  readonly name: string;
  /** Of the legacy iptables, which nft does not see. */
  readonly legacy?: true;
  /** `Docker`, `firewalld`, `libvirt`, `ufw`; null: nobody's that is known. */
  readonly owner: string | null;
  /** It drops or rejects forwarded packets: by the policy of a chain, or by a line. */
  readonly drops: boolean;
  readonly translates: boolean;
  readonly chains: readonly string[];
}

export type Severity = 'error' | 'warning' | 'note' | 'fine';
/** Of what it speaks, for the headings of the report. */
export type Area = 'kernel' | 'devices' | 'network' | 'netfilter' | 'gateway';

export interface Finding {
  /** A word of its own for each kind, which stays: for scripts. */
  readonly id: string;
  readonly area: Area;
  readonly severity: Severity;
  /** What is so. */
  readonly text: string;
  /** What comes of it; may be empty. */
  readonly why: string;
  /** A command, or what to write; null: there is nothing to mend. */
  readonly mend: string | null;
}
