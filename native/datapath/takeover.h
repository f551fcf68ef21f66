/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * A tuple whose flow has just ended starts again before the sweep has removed it: the new flow takes over the dying entry of
 * its own key, and that of its reply where the key is the same, in place. An entry whose key stays changes no owner: who
 * holds it still means this tuple. What the new flow does not need is left to the sweep.
 */
#ifndef MASQC_TAKEOVER_H
#define MASQC_TAKEOVER_H

#include "base.h"
#include "epoch.h"
#include "flow.h"
#include "mapping.h"
#include "maps.h"
#include "settle.h"
#include "table.h"
#include "target.h"
#include "work.h"

static __always_inline bool same_key(const struct flow_key *a, const struct flow_key *b)
{
	return same_address(a->saddr, b->saddr) && same_address(a->daddr, b->daddr) && a->sport == b->sport &&
	       a->dport == b->dport && a->protocol == b->protocol;
}

/* Writes a flow's entry over a dying one. The stamp comes last: until then it is a miss. */
static __noinline bool replace_entry(struct flow_dir *entry, struct flow_dir *with)
{
	__u8 epoch;
	bool done;

	if (!entry || !with)
		return false;
	epoch = with->epoch;
	with->epoch = EPOCH_DYING;
	__builtin_memcpy(entry, with, sizeof(*entry));
	with->epoch = epoch;
	done = wake_entry(entry, epoch);
	return done;
}

/*
 * Takes the dying flow of w->h.key away from the sweep, and settles it. False: it is being removed. (Its keys are in
 * w->started and w->became.)
 */
static __noinline bool take_over(struct work *w, struct flow_dir *dying, __u32 now)
{
	struct flow_dir *forth = dying, *back = dying;
	struct flow_slot *slot;
	__u32 index;

	if (!w || !dying)
		return false;
	index = dying->slot;
	slot = get_slot(index);
	if (!slot || (!turn_slot(slot, SLOT_LIVE, SLOT_TAKEN) && !turn_slot(slot, SLOT_DYING, SLOT_TAKEN)))
		return false;
	if (dying->slot != index || READ_ONCE(dying->epoch) != EPOCH_DYING) {
		slot->state = SLOT_DYING;
		return false;
	}
	slot_key(slot, &w->started);
	if (same_key(&w->started, &w->h.key)) {
		translate_key(&w->started, dying, &w->became);
		reverse_key(&w->became, &w->left);
		back = bpf_map_lookup_elem(&MAP(flows), &w->left);
	} else {
		reverse_key(&w->h.key, &w->became);
		w->left = w->started;
		forth = bpf_map_lookup_elem(&MAP(flows), &w->left);
	}
	if (forth && forth->slot == index) {
		if (back && back->slot != index)
			back = NULL;
		settle_flow(slot, &w->started, &w->became, forth, back);
		slot->uses = 0;
		forth->packets = forth->bytes = 0; /* settled, should the sweep get it back */
		if (back)
			back->packets = back->bytes = 0;
	}
	w->heir_of = index;
	w->inherits = 1;
	return true;
}

/* The sweep gets it back: all of it where no new flow was made, else what is not taken. */
static __noinline void give_back(struct work *w, bool whole, __u32 now)
{
	struct flow_slot *slot;
	__u32 index;

	if (!w || !w->inherits)
		return;
	w->inherits = 0;
	index = w->heir_of;
	slot = get_slot(index);
	if (!slot)
		return;
	slot->deadline = now + COARSE_SECOND;
	if (!whole)
		set_slot_key(slot, &w->left);
	WRITE_ONCE(slot->state, whole ? SLOT_DYING : SLOT_HALF);
}

/* Inserts the entry of the answers, which is the claim of the outside port. */
static __noinline bool insert_reply(struct work *w)
{
	struct flow_dir *there;

	if (!w)
		return false;
	if (insert_flow(&w->reply, &w->back))
		return true;
	if (!w->inherits)
		return false;
	there = bpf_map_lookup_elem(&MAP(flows), &w->reply);
	if (!there || there->slot != w->heir_of || READ_ONCE(there->epoch) != EPOCH_DYING)
		return false;
	return replace_entry(there, &w->back);
}

/* Inserts the entry of the packet that starts the flow. False: somebody else was faster. */
static __noinline bool insert_forth(struct work *w)
{
	struct flow_dir *there;

	if (!w)
		return false;
	if (!w->inherits)
		return insert_flow(&w->h.key, &w->forth);
	there = bpf_map_lookup_elem(&MAP(flows), &w->h.key);
	return there && there->slot == w->heir_of && replace_entry(there, &w->forth);
}

#endif
