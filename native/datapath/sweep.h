/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Expiry: one timer walks the slots in bounded steps. A flow ends in two phases: both hash entries are marked dying
 * (the hit path treats them as misses from then on), and at least a second later they are deleted and the slot is free.
 * Nothing else deletes an entry, so nobody ever holds one that changes its owner. A slot goes from state to state by compare
 * and swap: a new flow may take a dying one over (takeover.h).
 */
#ifndef MASQC_SWEEP_H
#define MASQC_SWEEP_H

#include "base.h"
#include "flow.h"
#include "mapping.h"
#include "peers.h"
#include "maps.h"
#include "move.h"
#include "nexthop.h"
#include "rest.h"
#include "settle.h"
#include "target.h"
#include "tcp.h"
#include "wait.h"

#define CLOCK_MONOTONIC 1

struct sweeper {
	struct bpf_timer timer;
};

/* sweeper4, sweeper6: key 0; the timer of the sweep, started by `arm`, stops when this map's pin goes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sweeper);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(sweeper) SEC(".maps");

struct sweep {
	__u32 first;
	__u32 limit;
	__u32 now;
	__u32 patience;       /* what a flow that is not assured has of its timeout, in parts of PATIENCE */
};

#define PATIENCE 1024
#define LEAST_PATIENCE (2 * COARSE_SECOND)

/* All of it until three quarters of the table are taken, then in proportion to what is free. */
static __always_inline __u32 find_patience(const struct control *c)
{
	__u32 left = count_free(c), quarter = c->flows / 4;

	return left < quarter ? (__u64)left * PATIENCE / quarter : PATIENCE;
}

/* The timeout of what is half open, unanswered or closed. */
static __always_inline __u32 shorten_timeout(__u32 timeout, __u32 patience)
{
	__u32 left = (__u64)timeout * patience / PATIENCE;

	if (left < LEAST_PATIENCE)
		left = LEAST_PATIENCE;
	return left < timeout ? left : timeout;
}

/* Established, or answered. */
static __always_inline bool is_assured(enum flow_class class, __u8 protocol, const struct flow_dir *back)
{
	return protocol == IPPROTO_TCP ? class == CLASS_TCP : back && back->packets;
}

/* The table fills up, and this flow may have waited for an answer as long as it now may. */
static __always_inline bool is_overdue(const struct control *c, const struct flow_slot *slot, const struct sweep *sweep)
{
	enum flow_class class = slot->protocol == IPPROTO_TCP ? CLASS_TCP_SYN : flow_class(slot->protocol);

	return sweep->patience < PATIENCE && slot->state == SLOT_LIVE && !is_marked_assured(slot) &&
	       sweep->now - slot->created >= shorten_timeout(c->timeouts[class], sweep->patience);
}

/* A flow that only the inside keeps alive: so it does the mappings. */
static __noinline int prolong_mappings(struct flow_slot *slot, struct flow_key *key, struct flow_dir *flow, __u32 until)
{
	struct socket_key outside = {};
	struct mapping *m;
	struct flow_key to;

	if (!slot || !key || !flow)
		return 0;
	outside.protocol = key->protocol;
	if (slot->uses & USE_SOURCE && slot->uses & BY_FORTH) {
		translate_key(key, flow, &to);
		outside.address = to.saddr;
		outside.port = to.sport;
		m = bpf_map_lookup_elem(&MAP(mappings), &outside);
		if (m)
			hold_open(m, until);
	}
	if (slot->uses & USE_TARGET && slot->uses & BY_BACK) {
		outside.address = key->daddr;
		outside.port = key->dport;
		m = bpf_map_lookup_elem(&MAP(mappings), &outside);
		if (m)
			hold_open(m, until);
	}
	return 0;
}

/* The flow's last use and timeout, or its end. */
static __always_inline void judge(struct control *c, struct flow_slot *slot, __u32 index, const struct sweep *sweep)
{
	enum flow_class class = flow_class(slot->protocol);
	struct flow_dir *flow, *back;
	struct flow_key key, other;
	__u32 last, deadline, timeout, now = sweep->now;
	__u8 state = slot->state;
	bool assured;

	slot_key(slot, &key);
	flow = find_beside(&key, slot_number(index));
	if (!flow) { /* being made; the second look removes a half-made one */
		if (turn_slot(slot, state, SLOT_DYING))
			slot->deadline = now + COARSE_SECOND;
		return;
	}
	opposite_key(&key, flow, &other);
	back = find_beside(&other, slot_number(index));
	last = last_use(slot->uses, flow, back);
	if (slot->protocol == IPPROTO_TCP)
		class = tcp_class(flow->tcp, back ? back->tcp : 0);
	timeout = c->timeouts[class & (CLASS_COUNT - 1)];
	assured = is_assured(class, slot->protocol, back);
	mark_assured(slot, assured);
	if (slot->uses & (BY_FORTH | BY_BACK))
		prolong_mappings(slot, &key, flow, last + timeout);
	deadline = last + (assured ? timeout : shorten_timeout(timeout, sweep->patience));
	if (state == SLOT_LIVE && flow->epoch != EPOCH_DYING && (__s32)(deadline - now) > 0) {
		slot->deadline = now + time_to_look(c, class);
		if ((__s32)(slot->deadline - deadline) > 0)
			slot->deadline = deadline;
		return;
	}
	if (back)
		WRITE_ONCE(back->epoch, EPOCH_DYING);
	WRITE_ONCE(flow->epoch, EPOCH_DYING);
	if (turn_slot(slot, state, SLOT_DYING))
		slot->deadline = now + COARSE_SECOND;
}

static __always_inline void remove_flow(struct flow_slot *slot, __u32 index)
{
	__u8 state = slot->state;
	struct flow_key key, to, other;
	struct flow_dir *flow, *back;

	slot_key(slot, &key);
	flow = find_beside(&key, slot_number(index));
	if (!turn_slot(slot, state, SLOT_FREE))
		return;
	if (flow) {
		if (state != SLOT_HALF) {
			translate_key(&key, flow, &to);
			reverse_key(&to, &other);
			back = find_beside(&other, slot_number(index));
			if (state != SLOT_MOVED)
				settle_flow(slot, &key, &to, flow, back);
			if (back)
				bpf_map_delete_elem(&MAP(flows), &other);
		}
		bpf_map_delete_elem(&MAP(flows), &key);
	}
	free_slot(slot, index);
}

static long sweep_slot(__u32 i, struct sweep *sweep)
{
	__u32 index = sweep->first + i;
	struct flow_slot *slot;
	struct control *c;

	if (index >= sweep->limit)
		return 1;
	slot = bpf_map_lookup_elem(&MAP(slots), &index);
	if (!slot)
		return 1;
	if (slot->state == SLOT_FREE || slot->state == SLOT_TAKEN)
		return 0;
	c = get_control();
	if (!c)
		return 1;
	if ((__s32)(slot->deadline - sweep->now) > 0 && !is_overdue(c, slot, sweep))
		return 0;
	if (slot->state == SLOT_DYING || slot->state == SLOT_HALF || slot->state == SLOT_MOVED)
		remove_flow(slot, index);
	else
		judge(c, slot, index, sweep);
	return 0;
}

static int sweep_tick(void *map, __u32 *key, struct sweeper *s)
{
	struct control *c = get_control();
	struct progress *p = get_progress();
	struct sweep sweep;

	if (!c || !p)
		return 0;
	if (moving) {
		move_some(c, p);
		bpf_timer_start(&s->timer, MOVE_PERIOD, 0);
		if (p->ticks++ % (SWEEP_PERIOD / MOVE_PERIOD))
			return 0;
	} else {
		bpf_timer_start(&s->timer, SWEEP_PERIOD, 0);
	}
	sweep.now = coarse_now();
	sweep.patience = find_patience(c);
	sweep.limit = p->high_water; /* not c->flows: that may have been larger before */
	sweep.first = p->cursor < sweep.limit ? p->cursor : 0;
	bpf_loop(SWEEP_STEP, sweep_slot, &sweep, 0);
	if (sweep.first + SWEEP_STEP >= sweep.limit) {
		p->cursor = 0;
		p->sweeps++;
	} else {
		p->cursor = sweep.first + SWEEP_STEP;
	}
	end_rests(c, p, sweep.now);
	bpf_loop(STASH_BUCKETS, expire_bucket, &sweep.now, 0);
	return 0;
}

#endif
