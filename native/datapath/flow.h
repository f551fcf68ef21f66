/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * A flow: two hash entries (one a direction) with all that its packets need, and a slot with what only the slow path,
 * the sweep and `show` need. User space reads these layouts from BTF.
 */
#ifndef MASQC_FLOW_H
#define MASQC_FLOW_H

#include "base.h"
#include "family.h"

/*
 * The tuple of a packet as it arrives (at TC egress: as the gateway sends it). Network byte order.
 * ICMP queries: a request has sport = id, dport = 0; its reply sport = 0, dport = id. Protocols without ports: 0, 0.
 */
struct flow_key {
	addr_t saddr;
	addr_t daddr;
	__be16 sport;
	__be16 dport;
	__u8 protocol;
	__u8 pad[3];
};

/* flow_dir.flags. The last two change (revalidation), the others are set when the flow is made. */
enum flow_flag {
	FLOW_ORIGINAL = 1,    /* the direction of the packet that started the flow */
	FLOW_NAT_SRC = 2,     /* the source is rewritten */
	FLOW_NAT_DST = 4,     /* the destination is rewritten */
	FLOW_LOCAL = 8,       /* ends at the gateway: hand to the stack */
	FLOW_OWN = 16,        /* sent by the gateway: seen at TC egress */
	FLOW_OWN_ADDRESS = 32,/* the new source is the address of the out interface: follow it */
	FLOW_NEIGHBOUR = 64,  /* dmac is valid */
	FLOW_XDP = 128,       /* the out interface transmits XDP frames */
};

/*
 * One direction: written by the CPU that receives this direction's packets (and `epoch` by anyone). For IPv4 a cache line,
 * with the addresses that the packets take; for IPv6 these are elsewhere (target-6.h).
 */
struct flow_dir {
	__be16 sport;       /* what the packet becomes; its addresses: target.h */
	__be16 dport;
	__u8 dmac[6];       /* next hop */
	__u16 mtu;          /* of the route, bytes of the IP packet */
	__u32 out;          /* ifindex; 0 for LOCAL */
	__u32 door;         /* that this direction must come in by (OWN: leave by): seat << 24 | low bits of the ifindex */
	__u32 last;         /* coarse time of the last packet */
	__u32 slot;         /* index into `slots` */
	__u8 flags;         /* enum flow_flag */
	__u8 epoch;         /* of the policy that decided (epoch.h); EPOCH_DYING: a miss, the sweep removes it */
	__u8 tcp;           /* TCP flags seen in this direction: FIN 1, SYN 2, RST 4 (inside the window), ACK 16; ICMP: the query's type */
	__u8 seat;          /* index into `interfaces` of `out` */
	__u64 packets;
	__u64 bytes;        /* of IP packets */
	__u32 tcp_end;      /* highest sequence number after a segment, host order */
	__u32 tcp_ack;      /* last acknowledgement number, host order; before the first: the SYN's own number */
#if FAMILY == 4
	addr_t saddr;
	addr_t daddr;
#endif
};

/* flow_dir.epoch and flow_slot.epoch; the others are 1..254. */
enum flow_epoch {
	EPOCH_DYING = 0,
	EPOCH_LONG_AGO = 255, /* never the deciding one */
};

enum slot_state {
	SLOT_FREE = 0,
	SLOT_LIVE = 1,
	SLOT_KILLED = 2,    /* user space asks for removal (with deadline 0) */
	SLOT_DYING = 3,     /* both entries are marked; removed when the deadline has passed */
	SLOT_HALF = 4,      /* lost a race: `key` is the reply entry's, no original entry belongs to this slot */
	SLOT_TAKEN = 5,     /* a new flow takes over its entries at this moment: the sweep leaves it */
	SLOT_MOVED = 6,     /* it is in the new table, with all that it held (move.h) */
};

enum flow_class { /* index into control.timeouts */
	CLASS_TCP = 0,      /* established */
	CLASS_TCP_SYN = 1,
	CLASS_TCP_FIN = 2,
	CLASS_UDP = 3,
	CLASS_ICMP = 4,
	CLASS_OTHER = 5,
	CLASS_COUNT = 8,    /* room */
};

struct flow_slot {
	addr_t saddr;          /* the key of the original direction: slot_key() */
	addr_t daddr;
	__be16 sport;
	__be16 dport;
	__u8 protocol;
	__u8 state;            /* enum slot_state */
	__u8 epoch;            /* as the entries have it */
	__u8 uses;             /* enum slot_use (mapping.h): mappings that it holds; BY_FORTH, BY_BACK; ASSURED */
	__u32 created;         /* coarse time; of a free slot: the next free one's index + 1, 0: none (table.h) */
	__u32 deadline;        /* coarse time before which the sweep need not look at the flow */
	__u16 rule;            /* the line that let it in, 0: none (the gateway's own, adopted) */
	__u16 nat;             /* the masquerade or map, 0: none */
	__u16 generation;      /* that decided: with it, `charges` (lines.h) says what these two lines count in */
	__u16 holds;           /* enum slot_hold (limits.h): what it is counted for */
};

_Static_assert(sizeof(struct flow_key) == 8 + 2 * sizeof(addr_t), "flow_key");
_Static_assert(sizeof(struct flow_dir) == (FAMILY == 4 ? 64 : 56), "flow_dir: IPv4's is one cache line");
_Static_assert(sizeof(struct flow_slot) == (FAMILY == 4 ? 32 : 56), "flow_slot");

/* Member by member: a compound literal would stand on the stack first. */
static __always_inline void make_key(struct flow_key *key, addr_t saddr, addr_t daddr, __be16 sport, __be16 dport,
				     __u8 protocol)
{
	key->saddr = saddr;
	key->daddr = daddr;
	key->sport = sport;
	key->dport = dport;
	key->protocol = protocol;
	key->pad[0] = key->pad[1] = key->pad[2] = 0;
}

_Static_assert(offsetof(struct flow_slot, protocol) % 4 == 0 &&
	       offsetof(struct flow_slot, state) == offsetof(struct flow_slot, protocol) + 1, "turn_slot swaps this word");

/* From one state to another, exactly once. False: it is in neither. */
static __always_inline bool turn_slot(struct flow_slot *slot, __u8 from, __u8 to)
{
	__u32 *word = (__u32 *)&slot->protocol;
	union {
		__u32 word;
		__u8 bytes[4];
	} was, is;
	int i;

	for (i = 0; i < 4; i++) {
		was.word = READ_ONCE(*word);
		if (was.bytes[1] != from)
			return false;
		is = was;
		is.bytes[1] = to;
		if (__sync_val_compare_and_swap(word, was.word, is.word) == was.word)
			return true;
	}
	return false;
}

#define ASSURED 128 /* in flow_slot.uses: when the sweep last looked it was established, or answered: its time is never shortened */

/*
 * In flow_slot.uses, where only what the inside sends keeps the flow and its mappings alive (RFC 4787 REQ-6): the inside is the
 * side that started it, the one that answers, or (between two hosts of it) both.
 */
#define BY_FORTH 64
#define BY_BACK 32

static __always_inline bool is_marked_assured(const struct flow_slot *slot)
{
	return slot->uses & ASSURED;
}

/* A bit of flow_slot.uses. Beside whoever changes the slot's state at this moment. */
static __always_inline void mark_slot(struct flow_slot *slot, __u8 mark, bool set)
{
	__u32 *word = (__u32 *)&slot->protocol;
	const union {
		__u8 bytes[4];
		__u32 word;
	} bit = { .bytes = { 0, 0, 0, mark } };

	if (!(slot->uses & mark) == !set)
		return;
	if (set)
		__sync_fetch_and_or(word, bit.word);
	else
		__sync_fetch_and_and(word, ~bit.word);
}

static __always_inline void mark_assured(struct flow_slot *slot, bool assured)
{
	mark_slot(slot, ASSURED, assured);
}

/* What of `uses` says who keeps it alive. */
static __always_inline void mark_sides(struct flow_slot *slot, __u8 uses)
{
	mark_slot(slot, BY_FORTH, uses & BY_FORTH);
	mark_slot(slot, BY_BACK, uses & BY_BACK);
}

/* Coarse time of the last packet that keeps it alive. `back` may be NULL. */
static __always_inline __u32 last_use(__u8 uses, const struct flow_dir *forth, const struct flow_dir *back)
{
	__u8 by = uses & (BY_FORTH | BY_BACK);

	if (by == BY_FORTH || !back)
		return forth->last;
	return by == BY_BACK || (__s32)(back->last - forth->last) > 0 ? back->last : forth->last;
}

static __always_inline void slot_key(const struct flow_slot *slot, struct flow_key *key)
{
	make_key(key, slot->saddr, slot->daddr, slot->sport, slot->dport, slot->protocol);
}

static __always_inline void set_slot_key(struct flow_slot *slot, const struct flow_key *key)
{
	slot->saddr = key->saddr;
	slot->daddr = key->daddr;
	slot->sport = key->sport;
	slot->dport = key->dport;
	slot->protocol = key->protocol;
}

static __always_inline void reverse_key(const struct flow_key *key, struct flow_key *out)
{
	make_key(out, key->daddr, key->saddr, key->dport, key->sport, key->protocol);
}

#endif
