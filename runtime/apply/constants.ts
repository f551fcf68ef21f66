/** The model's names of timeouts in the order of enum flow_class (native/datapath/flow.h); a test compares with BTF. */
export const FLOW_CLASSES = ['tcp', 'tcp-syn', 'tcp-fin', 'udp', 'icmp', 'other'] as const;

/** enum iface_flag (native/datapath/maps.h). */
export const IFACE_FLAGS = { ETHERNET: 1, XDP: 2, HIDES: 4 } as const;
