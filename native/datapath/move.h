/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * While `moving`: the flows of the old table come to the new one, with their next packet where that asks the policy, the
 * others some at each tick of the timer, without any process. A
 * flow is made in the new table (slot, mappings, both entries), and only then are the old entries marked dying, which the
 * old table's own timer removes, with what they hold: whoever looks in the new table first and then in the old one finds
 * it at every moment. What another CPU writes into an old entry at that very moment is lost: a packet's count.
 *
 * A flow for which there is no room yet stays where it is, and goes on there.
 */
#ifndef MASQC_MOVE_H
#define MASQC_MOVE_H

#include "base.h"
#include "epoch.h"
#include "flow.h"
#include "mapping.h"
#include "peers.h"
#include "maps.h"
#include "table.h"
#include "target.h"

#define MOVE_STEP 2000               /* slots a tick: a few ms at most */
#define MOVE_PERIOD 10000000ULL      /* ns */
#define MOVE_RESTED 2000             /* resting ports a tick */

/* What would be too much on the stack. */
struct luggage {
	struct flow_key key;
	struct flow_key to;   /* what the packets with `key` become */
	struct flow_key other;
	struct flow_key met;  /* by the miss path */
	struct flow_dir flow;
	struct socket_key source;
	struct socket_key target;
};

/* luggage4, luggage6: key 0; means nothing after move_flow. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct luggage);
} MAP(luggage) SEC(".maps");

/* The new table's share in what a flow uses; `to`: what its packets become. 0: no room, nothing is held. (This and move_flow
 * are global so that the verifier looks at each by itself: together they have too many ways through them.) */
__noinline int move_uses(struct flow_key *key, struct flow_key *to, __u32 uses, __u32 now)
{
	__u32 zero = 0;
	struct luggage *l = bpf_map_lookup_elem(&MAP(luggage), &zero);
	struct mapping *m;

	if (!key || !to || !l)
		return 0;
	__builtin_memset(&l->source, 0, sizeof(l->source));
	__builtin_memset(&l->target, 0, sizeof(l->target));
	l->source.address = to->saddr;
	l->source.port = to->sport;
	l->target.address = key->daddr;
	l->target.port = key->dport;
	l->source.protocol = l->target.protocol = key->protocol;
	if (uses & USE_SOURCE && !hold_socket(&l->source))
		return 0;
	if (uses & USE_TARGET && !hold_socket(&l->target)) {
		if (uses & USE_SOURCE)
			release_uses(key, to, USE_SOURCE, now);
		return 0;
	}
	if (uses & USE_PEER) {
		m = bpf_map_lookup_elem(&MAP(mappings), &l->source);
		if (m)
			add_peer(&l->source, m, &key->daddr);
	}
	return 1;
}

/* An entry with its new number. False: the key is taken. */
static __always_inline bool move_entry(struct luggage *l, const struct flow_key *key, const struct flow_dir *old, __u32 number)
{
	l->flow = *old;
	l->flow.slot = number;
	return !bpf_map_update_elem(&MAP(flows), key, &l->flow, BPF_NOEXIST);
}

/* 0: it must stay, there is no room. Else it has moved, is being moved by another CPU, or is ending. */
__noinline int move_flow(__u32 old_index, __u32 now)
{
	__u32 old_number = old_index | (table ^ 1) << TABLE_SHIFT, index = 0, uses;
	struct flow_slot *old = bpf_map_lookup_elem(&MAP(old_slots), &old_index), *slot;
	struct control *c = get_control();
	struct luggage *l;
	struct flow_dir *forth, *back;
	__u32 zero = 0;

	l = bpf_map_lookup_elem(&MAP(luggage), &zero);
	if (!c || !old || !l)
		return 1;
	slot_key(old, &l->key);
	forth = bpf_map_lookup_elem(&MAP(old_flows), &l->key);
	if (!forth || forth->slot != old_number || forth->epoch == EPOCH_DYING)
		return 1; /* the old table's timer sees to it */
	translate_old_key(&l->key, forth, &l->to);
	reverse_key(&l->to, &l->other);
	back = bpf_map_lookup_elem(&MAP(old_flows), &l->other);
	if (!back || back->slot != old_number)
		return 1;
	if (READ_ONCE(old->state) != SLOT_LIVE)
		return 1;
	WRITE_ONCE(old->deadline, now + 2 * COARSE_SECOND);
	if (!turn_slot(old, SLOT_LIVE, SLOT_MOVED))
		return 1;
	uses = old->uses;
	if (!take_slot(c, &index))
		goto stay;
	slot = bpf_map_lookup_elem(&MAP(slots), &index);
	if (!slot)
		goto stay;
	if (uses && !move_uses(&l->key, &l->to, uses, now)) {
		free_slot(slot, index);
		goto stay;
	}
	*slot = *old; /* with what it is counted for, which only the new one gives back */
	slot->deadline = now + COARSE_SECOND;
	move_target(old_index, index);
	/* A key that is taken: its first packets were on two CPUs when the policies were switched. The new flow lives. */
	if (!move_entry(l, &l->other, back, slot_number(index))) {
		if (uses)
			release_uses(&l->key, &l->to, uses, now);
		free_slot(slot, index);
		WRITE_ONCE(old->state, SLOT_DYING);
	} else if (!move_entry(l, &l->key, forth, slot_number(index))) {
		struct flow_dir *half = bpf_map_lookup_elem(&MAP(flows), &l->other);

		if (uses)
			release_uses(&l->key, &l->to, uses, now);
		if (half && half->slot == slot_number(index))
			half->epoch = EPOCH_DYING;
		set_slot_key(slot, &l->other);
		slot->uses = 0;
		slot->holds = 0;
		WRITE_ONCE(slot->state, SLOT_HALF);
		WRITE_ONCE(old->state, SLOT_DYING);
	} else {
		WRITE_ONCE(slot->state, SLOT_LIVE);
	}
	WRITE_ONCE(back->epoch, EPOCH_DYING);
	WRITE_ONCE(forth->epoch, EPOCH_DYING);
	return 1;

stay:
	WRITE_ONCE(old->deadline, now);
	WRITE_ONCE(old->state, SLOT_LIVE);
	return 0;
}

#define ADOPT_TRIES 200 /* about 10 us: longer than another CPU takes to move a flow */

/* The miss path has met a key that is not in the new table. 1: it may be now. */
__noinline int adopt_flow(const struct flow_key *key)
{
	__u32 zero = 0;
	struct luggage *l = bpf_map_lookup_elem(&MAP(luggage), &zero);
	struct flow_dir *flow;
	int i;

	if (!key || !l)
		return 0;
	l->met = *key;
	flow = bpf_map_lookup_elem(&MAP(old_flows), &l->met);
	if (!flow)
		return 0;
	if (flow->epoch != EPOCH_DYING)
		move_flow(flow->slot & SLOT_INDEX, coarse_now());
	for (i = 0; i < ADOPT_TRIES; i++) {
		if (bpf_map_lookup_elem(&MAP(flows), &l->met))
			return 1;
		if (READ_ONCE(flow->epoch) == EPOCH_DYING)
			break;
	}
	return 1;
}

struct move {
	__u32 first;
	__u32 limit;
	__u32 now;
	__u32 left;
};

#ifndef MISS_PATH
static long move_slot(__u32 i, struct move *m)
{
	__u32 index = m->first + i;
	struct flow_slot *slot;

	if (index >= m->limit)
		return 1;
	slot = bpf_map_lookup_elem(&MAP(old_slots), &index);
	if (slot && READ_ONCE(slot->state) == SLOT_LIVE && !move_flow(index, m->now))
		m->left++;
	return 0;
}

/* A port that rests in the old table goes on resting in the new one, unless that has no room for it: flows come first. */
static long move_rested(__u32 i, struct move *m)
{
	struct progress *p = get_progress(), *from = get_old_progress();
	struct control *c = get_control();
	struct socket_key key;
	struct mapping *old;

	if (!p || !from || !c || bpf_map_pop_elem(&MAP(old_resting), &key))
		return 1;
	__sync_fetch_and_add(&from->resting, -1);
	old = find_old_mapping(&key);
	if (old && !READ_ONCE(old->users) && READ_ONCE(p->resting) < c->flows / 2 && adopt_mapping(&key, 0)) {
		count_resting(1);
		bpf_map_push_elem(&MAP(resting), &key, 0);
	}
	return 0;
}

static __noinline int move_some(struct control *c, struct progress *p)
{
	struct move m = { .first = p->move_cursor, .now = coarse_now() };
	struct socket_key key;
	struct progress *old = get_old_progress();

	if (!c || !p || !old || !c->move_after || (__s32)(m.now - c->move_after) < 0)
		return 0;
	if (p->move_done && p->ticks & 31) /* until apply comes to take the old table away */
		return 0;
	m.limit = old->high_water;
	if (!m.first)
		p->move_left = 0;
	bpf_loop(MOVE_STEP, move_slot, &m, 0);
	bpf_loop(MOVE_RESTED, move_rested, &m, 0);
	p->move_left += m.left;
	if (m.first + MOVE_STEP < m.limit) {
		p->move_cursor = m.first + MOVE_STEP;
		return 0;
	}
	p->move_cursor = 0;
	if (!p->move_left && bpf_map_peek_elem(&MAP(old_resting), &key))
		p->move_done++;
	return 0;
}

#endif /* MISS_PATH */

#endif
