/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Nobody fills the table alone (RFC 6888 REQ-4 asks for fairness among subscribers). A source gets a new flow while it has
 * fewer than there are free places: one that floods ends with half of the table, the next one with half of what is left, and
 * whoever has few always gets more. (This is the dynamic threshold of shared-memory switches, Choudhury and Hahne 1998.) Nor
 * does an interface by which flows begin: it may have SIDE_SHARE times what is free, so that a flood of forged sources from
 * one side leaves a thirty-third of the table to the others. What was let in is never taken away.
 */
#ifndef MASQC_SHARES_H
#define MASQC_SHARES_H

#include "base.h"
#include "flow.h"
#include "limits.h"
#include "maps.h"
#include "sketch.h"

#define SIDE_SHARE 32

/* Where a flow begins: the seat of the interface that its first packet came in by; 0 for the gateway's own. */
static __always_inline __u32 side_of(const struct flow_dir *forth)
{
	return forth->flags & FLOW_OWN ? 0 : forth->door >> 24;
}

static __always_inline __u32 *find_side(__u32 seat)
{
	__u32 key = 2 * SKETCH_COUNT * SKETCH_ROW + (seat & (MAX_SEATS - 1));

	return bpf_map_lookup_elem(&MAP(shares), &key);
}

/* Whether `who` may start another flow by the interface at `seat`, while `left` places are free. */
static __always_inline bool has_share_left(__u64 who, __u32 seat, __u32 left)
{
	__u32 *side = find_side(seat);

	return read_count(SKETCH_FLOWS, who) < left && side && READ_ONCE(*side) / SIDE_SHARE < left;
}

/* A flow more (1) or less (-1). */
static __always_inline void count_share(__u64 who, __u32 seat, __s32 by)
{
	count_in(SKETCH_FLOWS, who, by);
	add_to_count(find_side(seat), by);
}

#endif
