/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Every packet that does not go on is counted here, under a name that `masqc show drops` prints (DROP_NO_ROUTE: no-route). */
#ifndef MASQC_DROP_H
#define MASQC_DROP_H

#include "base.h"

enum drop_reason {
	DROP_NONE = 0,
	DROP_MALFORMED = 1,       /* truncated, bad header lengths, source equals destination, impossible flags */
	DROP_FORGED = 2,          /* the source belongs to another interface, to the gateway, or to nobody */
	DROP_STRAY = 3,           /* TCP without SYN, RST, FIN, ICMP reply or ICMP error that belongs to no connection */
	DROP_DENIED = 4,          /* by a line of the file */
	DROP_REJECTED = 5,        /* by a line of the file, and answered */
	DROP_NO_POLICY = 6,       /* no policy is loaded */
	DROP_TABLE_FULL = 7,      /* no place for a new flow, or for its mapping */
	DROP_PORTS_EXHAUSTED = 8, /* no free outside port towards this destination */
	DROP_FRAGMENT = 9,        /* a piece of a datagram */
	DROP_IPV6 = 10,           /* forwarded or unsolicited IPv6 */
	DROP_UNTRANSLATED = 11,   /* would have left with an inside address, or without a flow */
	DROP_NO_ROUTE = 12,
	DROP_UNDECLARED = 13,     /* would leave by an interface that the file does not name */
	DROP_WRONG_INTERFACE = 14,/* belongs to a flow but came in (or leaves) by another interface */
	DROP_ENDING = 15,         /* belongs to a flow that is being removed */
	DROP_PORT_TAKEN = 16,     /* the gateway's own packet uses a port that a masqueraded flow has */
	DROP_FAILED = 17,         /* a kernel helper failed */
	DROP_SOURCE_ROUTED = 18,  /* an IP option says which way it wants to go, past the rules and the routes of the gateway */
	DROP_CUT = 19,            /* belonged to a connection that the new policy denies or translates otherwise */
	DROP_HELD = 20,           /* an unsolicited SYN from outside: rejected when it comes again after six seconds */
	DROP_UNKNOWN_HEADER = 21, /* an IPv6 extension header that is not known, or more of them than are walked */
	DROP_LIMITED = 22,        /* beyond the `limit` of a line */
	DROP_SOURCE_SHARE = 23,   /* the source, or all that begins at its interface, has its share of a table or pool that fills up */
	DROP_TINY_FRAGMENT = 24,  /* a head too short for its ports, or another piece with bytes of the TCP header */
	DROP_OVERLAP = 25,        /* a piece that holds bytes which another one of its datagram has brought */
	DROP_STASH_FULL = 26,     /* pieces that wait for their head: its source has no more room for them */
	DROP_COUNT = 32,          /* room */
};

struct drop_count {
	__u64 packets;
	__u64 bytes;
};

/* drops: key is enum drop_reason; written by the CPU that drops; entries never go. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DROP_COUNT);
	__type(key, __u32);
	__type(value, struct drop_count);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} drops SEC(".maps");

static __always_inline void count_drops(enum drop_reason reason, __u32 packets, __u32 bytes)
{
	__u32 key = reason;
	struct drop_count *count = bpf_map_lookup_elem(&drops, &key);

	if (count) {
		count->packets += packets;
		count->bytes += bytes;
	}
}

/* A function of its own also so that the enum is in BTF. */
static __noinline void count_drop(enum drop_reason reason, __u32 bytes)
{
	count_drops(reason, 1, bytes);
}

#endif
