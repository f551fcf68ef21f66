/** enum bpf_map_type of linux/bpf.h, in its order and with its names in lower case. */
export const MAP_TYPES = [
  'unspec',
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'stack_trace',
  'cgroup_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroup_storage',
  'reuseport_sockarray',
  'percpu_cgroup_storage',
  'queue',
  'stack',
  'sk_storage',
  'devmap_hash',
  'struct_ops',
  'ringbuf',
  'inode_storage',
  'task_storage',
  'bloom_filter',
  'user_ringbuf',
  'cgrp_storage',
  'arena',
] as const;
export type MapType = (typeof MAP_TYPES)[number];

/** enum bpf_prog_type of linux/bpf.h, likewise. */
export const PROGRAM_TYPES = [
  'unspec',
  'socket_filter',
  'kprobe',
  'sched_cls',
  'sched_act',
  'tracepoint',
  'xdp',
  'perf_event',
  'cgroup_skb',
  'cgroup_sock',
  'lwt_in',
  'lwt_out',
  'lwt_xmit',
  'sock_ops',
  'sk_skb',
  'cgroup_device',
  'sk_msg',
  'raw_tracepoint',
  'cgroup_sock_addr',
  'lwt_seg6local',
  'lirc_mode2',
  'sk_reuseport',
  'flow_dissector',
  'cgroup_sysctl',
  'raw_tracepoint_writable',
  'cgroup_sockopt',
  'tracing',
  'struct_ops',
  'ext',
  'lsm',
  'sk_lookup',
  'syscall',
  'netfilter',
] as const;
export type ProgramType = (typeof PROGRAM_TYPES)[number];

/** A type that the kernel has and this list has not is 'unspec'. */
export function mapTypeName(type: number): MapType {
  return MAP_TYPES[type] ?? 'unspec';
}

export function programTypeName(type: number): ProgramType {
  return PROGRAM_TYPES[type] ?? 'unspec';
}

export function mapTypeNumber(type: MapType): number {
  const number = MAP_TYPES.indexOf(type);
  if (number < 0) throw new TypeError(`there is no map type '${type}'`);
  return number;
}

/** Types whose value is one of 8-byte-rounded size for each possible CPU. */
export function isPerCpu(type: MapType): boolean {
  return (
    type === 'percpu_hash' || type === 'percpu_array' || type === 'lru_percpu_hash' || type === 'percpu_cgroup_storage'
  );
}
