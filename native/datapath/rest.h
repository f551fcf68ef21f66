/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The end of a mapping's rest: its port is free again, and so is its place in `mappings`. */
#ifndef MASQC_REST_H
#define MASQC_REST_H

#include "base.h"
#include "held.h"
#include "mapping.h"
#include "maps.h"

#define RESTED_A_TICK (2 * SWEEP_STEP) /* as many as the sweep lays to rest in a tick: a flow has two mappings at most */
#define DEAD_FOR (COARSE_SECOND / 4)

struct waking {
	__u32 now;
	__u32 early;          /* so many, the oldest, need not rest to the end */
};

/*
 * Rests that end early: where more than half as many ports rest as there may be flows, and where what flows may still need
 * of `mappings` falls below an eighth of it. (That an inside socket gets its port back is a favour; a new connection's port is
 * not.)
 */
static __always_inline __u32 count_early(const struct control *c, const struct progress *p)
{
	__u32 resting = READ_ONCE(p->resting), most = c->flows / 2, over = resting > most ? resting - most : 0;
	__u32 taken = READ_ONCE(p->used) + resting + READ_ONCE(p->moved), room = 2 * c->flows - c->flows / 4;
	__u32 crowd = taken > room ? taken - room : 0;

	return over > crowd ? over : crowd;
}

/* It has no users, and may rest on. */
static __always_inline bool rests_on(const struct mapping *m, const struct waking *w)
{
	return !READ_ONCE(m->users) && !w->early && (__s32)(m->rest - w->now) > 0;
}

/*
 * The oldest resting port: true if it was dealt with, false if none is due. It ends in two phases like a flow: marked dead,
 * and a little later deleted, so that nobody holds an entry that changes its key. Where the second has no room for it, it rests on.
 */
static long wake_mapping(__u32 i, struct waking *w)
{
	struct socket_key key;
	struct mapping *m;
	__u16 token;

	if (bpf_map_peek_elem(&MAP(resting), &key))
		return 1;
	m = bpf_map_lookup_elem(&MAP(mappings), &key);
	if (m && rests_on(m, w))
		return 1;
	if (bpf_map_pop_elem(&MAP(resting), &key))
		return 1;
	m = bpf_map_lookup_elem(&MAP(mappings), &key);
	/* another one than before (a larger table takes them, too), or no room */
	if (m && (rests_on(m, w) || bpf_map_push_elem(&MAP(dying), &key, 0))) {
		bpf_map_push_elem(&MAP(resting), &key, 0);
		return 1;
	}
	count_resting(-1);
	if (!m)
		return 0;
	WRITE_ONCE(m->queued, 0);
	if (__sync_val_compare_and_swap(&m->users, 0, MAPPING_DEAD | MAPPING_CLOSING))
		return 0; /* in use again: whoever is last lays it to rest */
	forget_inside(&key, m);
	token = take_counted(m); /* its last user had no time yet to give it back */
	if (token)
		give_port(token, source_of(m->address));
	m->rest = w->now + DEAD_FOR;
	__sync_lock_test_and_set(&m->users, MAPPING_DEAD);
	if (w->early)
		w->early--;
	return 0;
}

/* The oldest dead one, unless it has been claimed in place: deleted. */
static long bury_mapping(__u32 i, struct waking *w)
{
	struct socket_key key;
	struct mapping *m;

	if (bpf_map_peek_elem(&MAP(dying), &key))
		return 1;
	m = bpf_map_lookup_elem(&MAP(mappings), &key);
	if (m && READ_ONCE(m->users) == MAPPING_DEAD && (__s32)(m->rest - w->now) > 0)
		return 1;
	if (bpf_map_pop_elem(&MAP(dying), &key))
		return 1;
	if (m && __sync_val_compare_and_swap(&m->users, MAPPING_DEAD, MAPPING_DEAD | MAPPING_CLOSING) == MAPPING_DEAD)
		bpf_map_delete_elem(&MAP(mappings), &key);
	return 0;
}

/* Ports whose rest is over, or that are needed. */
static __noinline int end_rests(struct control *c, struct progress *p, __u32 now)
{
	struct waking w = { .now = now };

	if (!c || !p)
		return 0;
	bpf_loop(RESTED_A_TICK, bury_mapping, &w, 0);
	w.early = count_early(c, p);
	bpf_loop(RESTED_A_TICK, wake_mapping, &w, 0);
	return 0;
}

#endif
