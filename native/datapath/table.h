/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * The flow table, and the one before it while apply changes its size. A hash can't grow: apply makes new maps and loads
 * programs over them that know both tables (`moving`). They look in the new one, then in the old one, where nothing is
 * made any more; flow by flow comes over (move.h). An entry of the old table that is marked dying has moved, or has ended. When the old one is empty, apply loads programs that know the new one alone.
 *
 * A flow's number (flow_dir.slot) says in its highest bit which of two tables in a row it is in.
 */
#ifndef MASQC_TABLE_H
#define MASQC_TABLE_H

#include "base.h"
#include "family.h"
#include "flow.h"
#include "maps.h"

/* Set by the loader in every object: whether there is an old table, and which of the two this one is (0 or 1). */
const volatile __u32 moving = 0;
const volatile __u32 table = 0;

#define TABLE_SHIFT 31
#define SLOT_INDEX 0x7fffffffU

/* old_*: the old table's maps while `moving`, put in their place by the loader; else of one entry, and never used. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct flow_key);
	__type(value, struct flow_dir);
} MAP(old_flows) SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_slot);
} MAP(old_slots) SEC(".maps");

static __always_inline __u32 slot_number(__u32 index)
{
	return index | table << TABLE_SHIFT;
}

/* The miss path deals with flows of the new table only: it moves what it meets. */
static __always_inline bool is_old(__u32 number)
{
#ifdef MISS_PATH
	return false;
#else
	return moving && number >> TABLE_SHIFT != table;
#endif
}

static __always_inline struct flow_slot *get_slot(__u32 number)
{
	__u32 index = number & SLOT_INDEX;

	if (is_old(number))
		return bpf_map_lookup_elem(&MAP(old_slots), &index);
	return bpf_map_lookup_elem(&MAP(slots), &index);
}

/* A flow that is not in the new table. */
static __noinline __attribute__((unused)) struct flow_dir *find_old_flow(const struct flow_key *key)
{
	struct flow_dir *flow;

	if (!key)
		return NULL;
	flow = bpf_map_lookup_elem(&MAP(old_flows), key);
	if (flow && READ_ONCE(flow->epoch) != EPOCH_DYING)
		return flow;
	return bpf_map_lookup_elem(&MAP(flows), key); /* moved between the two looks? */
}

int adopt_flow(const struct flow_key *key);

static __always_inline struct flow_dir *find_flow(const struct flow_key *key)
{
	struct flow_dir *flow = bpf_map_lookup_elem(&MAP(flows), key);

#ifdef MISS_PATH
	if (moving && !flow && adopt_flow(key))
		return bpf_map_lookup_elem(&MAP(flows), key);
#else
	if (moving && !flow)
		return find_old_flow(key);
#endif
	return flow;
}

/* The other entry of the flow that has this number. */
static __always_inline struct flow_dir *find_beside(const struct flow_key *key, __u32 number)
{
	struct flow_dir *flow;

	if (is_old(number))
		flow = bpf_map_lookup_elem(&MAP(old_flows), key);
	else
		flow = bpf_map_lookup_elem(&MAP(flows), key);
	return flow && flow->slot == number ? flow : NULL;
}

/* False: the key is taken. */
static __always_inline bool insert_flow(const struct flow_key *key, const struct flow_dir *flow)
{
	if (moving) {
		struct flow_dir *old = bpf_map_lookup_elem(&MAP(old_flows), key);

		if (old && READ_ONCE(old->epoch) != EPOCH_DYING)
			return false;
	}
	return !bpf_map_update_elem(&MAP(flows), key, flow, BPF_NOEXIST);
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct progress);
} MAP(old_progress) SEC(".maps");

static __always_inline struct progress *get_old_progress(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&MAP(old_progress), &zero);
}

/* Places for new flows: those that are still to come from the old table have theirs. */
static __always_inline __u32 count_free(const struct control *c)
{
	struct progress *p = get_progress(), *old;
	__u32 used;

	if (!p)
		return 0;
	used = READ_ONCE(p->used);
	if (moving) {
		old = get_old_progress();
		used += old ? READ_ONCE(old->used) : 0;
	}
	return used < c->flows ? c->flows - used : 0;
}

/*
 * Slots that were used and are free again: a list through the slots themselves, with its head in progress.free, whose upper
 * half counts its changes: a head that has come round is seen. A slot is free only a second after its entries are dead.
 */
#define LIST_TRIES 64 /* each that fails is another CPU's that did not */

/* Its index + 1; 0: there is none. */
__noinline __u32 pop_slot(void)
{
	struct progress *p = get_progress();
	struct flow_slot *slot;
	__u32 index;
	__u64 was;
	int i;

	if (!p)
		return 0;
	for (i = 0; i < LIST_TRIES; i++) {
		was = READ_ONCE(p->free);
		index = (__u32)was - 1;
		if (!(__u32)was)
			return 0;
		slot = bpf_map_lookup_elem(&MAP(slots), &index);
		if (!slot)
			return 0;
		if (__sync_val_compare_and_swap(&p->free, was, ((was >> 32) + 1) << 32 | READ_ONCE(slot->created)) == was)
			return (__u32)was;
	}
	return 0;
}

__noinline int push_slot(__u32 index)
{
	struct flow_slot *slot = bpf_map_lookup_elem(&MAP(slots), &index);
	struct progress *p = get_progress();
	__u64 was;
	int i;

	if (!slot || !p)
		return 0;
	for (i = 0; i < LIST_TRIES; i++) {
		was = READ_ONCE(p->free);
		WRITE_ONCE(slot->created, (__u32)was);
		if (__sync_val_compare_and_swap(&p->free, was, ((was >> 32) + 1) << 32 | (index + 1)) == was) {
			__sync_fetch_and_add(&p->used, -1);
			return 1;
		}
	}
	return 0;
}

/* Takes a slot of the (new) table. */
static __always_inline bool take_slot(struct control *c, __u32 *index)
{
	struct progress *p = get_progress();
	__u32 free;

	if (!p)
		return false;
	free = pop_slot();
	*index = free - 1;
	if (!free) {
		if (READ_ONCE(p->high_water) >= c->flows)
			return false;
		*index = __sync_fetch_and_add(&p->high_water, 1);
		if (*index >= c->flows)
			return false;
	}
	__sync_fetch_and_add(&p->used, 1);
	return true;
}

static __always_inline void free_slot(struct flow_slot *slot, __u32 index)
{
	WRITE_ONCE(slot->state, SLOT_FREE);
	if (!push_slot(index))
		WRITE_ONCE(slot->state, SLOT_DYING); /* without entries: the sweep does it again */
}

#endif
