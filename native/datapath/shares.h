/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Nobody fills the table alone (RFC 6888 REQ-4 asks for fairness among subscribers). A source gets a new flow while it has
 * fewer than there are free places: one that floods ends with half of the table, the next one with half of what is left, and
 * whoever has few always gets more. (This is the dynamic threshold of shared-memory switches, Choudhury and Hahne 1998.) Nor
 * does an interface by which flows begin: it may have SIDE_SHARE times what is free, so that a flood of forged sources from
 * one side leaves a thirty-third of the table to the others. What was let in is never taken away.
 *
 * A source is counted in two places, by two keyed hashes (a count-min sketch); it has what the smaller one says, at most.
 */
#ifndef MASQC_SHARES_H
#define MASQC_SHARES_H

#include "base.h"
#include "flow.h"
#include "limits.h"
#include "maps.h"

#define SHARE_ROW 4096
#define SIDE_SHARE 32

/* shares4, shares6: live flows, by two hashes of their source, a row each, and by the seat that they begin at (0: the gateway
 * itself), the third; written by the miss path and where flows are settled; never go. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * SHARE_ROW + MAX_SEATS);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(shares) SEC(".maps");

enum share {
	SHARE_ONE,
	SHARE_TWO,
	SHARE_SIDE,
};

/* The `which` counter of a flow that `who` starts at the seat. */
static __always_inline __u32 *find_share(enum share which, __u64 who, __u32 seat)
{
	struct control *c = get_control();
	__u32 key = 2 * SHARE_ROW + (seat & (MAX_SEATS - 1));
	__u64 hash;

	if (!c)
		return NULL;
	if (which != SHARE_SIDE) {
		hash = (who ^ (__u64)c->seed << 32 ^ c->seed) * 0x9e3779b97f4a7c15ULL;
		hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93ULL;
		hash >>= which == SHARE_ONE ? 52 : 40;
		key = (hash & (SHARE_ROW - 1)) + (which == SHARE_ONE ? 0 : SHARE_ROW);
	}
	return bpf_map_lookup_elem(&MAP(shares), &key);
}

/* Whether `who` may start another flow by the interface at `seat`, while `left` places are free. (This and the next are global:
 * the verifier looks at them once.) */
__noinline int has_share_left(__u64 who, __u32 seat, __u32 left)
{
	__u32 *one = find_share(SHARE_ONE, who, seat), *two = find_share(SHARE_TWO, who, seat);
	__u32 *side = find_share(SHARE_SIDE, who, seat);

	if (!one || !two || !side)
		return 0;
	return (READ_ONCE(*one) < left || READ_ONCE(*two) < left) && READ_ONCE(*side) / SIDE_SHARE < left;
}

/* A flow more (1) or less (-1). */
__noinline int count_share(__u64 who, __u32 seat, __s32 by)
{
	enum share which;
	__u32 *count;

	for (which = SHARE_ONE; which <= SHARE_SIDE; which++) {
		count = find_share(which, who, seat);
		if (!count)
			continue;
		if (by > 0)
			__sync_fetch_and_add(count, 1);
		else
			drop_count(count);
	}
	return 0;
}

/* Where a flow begins: the seat of the interface that its first packet came in by; 0 for the gateway's own. */
static __always_inline __u32 side_of(const struct flow_dir *forth)
{
	return forth->flags & FLOW_OWN ? 0 : forth->door >> 24;
}

#endif
