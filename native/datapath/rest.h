/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The end of a mapping's rest: its port is free again. */
#ifndef MASQC_REST_H
#define MASQC_REST_H

#include "base.h"
#include "held.h"
#include "mapping.h"

#define RESTED_A_TICK 512

/*
 * The oldest resting port: true if it was dealt with, false if none is due. Two phases like a flow's: marked dead, and
 * a second later deleted, so that nobody holds an entry that changes its owner.
 */
static long wake_mapping(__u32 i, __u32 *now)
{
	struct socket_key key;
	struct mapping *m;
	__u16 token;

	if (bpf_map_peek_elem(&MAP(resting), &key))
		return 1;
	m = bpf_map_lookup_elem(&MAP(mappings), &key);
	if (m && !(m->users & ~MAPPING_DEAD) && (__s32)(m->rest - *now) > 0)
		return 1;
	if (bpf_map_pop_elem(&MAP(resting), &key))
		return 1;
	m = bpf_map_lookup_elem(&MAP(mappings), &key);
	if (!m)
		return 0;
	if (!(m->users & ~MAPPING_DEAD) && (__s32)(m->rest - *now) > 0) { /* another one: a larger table takes them, too */
		bpf_map_push_elem(&MAP(resting), &key, 0);
		return 1;
	}
	if (m->users & MAPPING_DEAD) {
		bpf_map_delete_elem(&MAP(mappings), &key);
		return 0;
	}
	m->queued = 0;
	if (__sync_val_compare_and_swap(&m->users, 0, MAPPING_DEAD))
		return 0; /* in use again: whoever is last lays it to rest */
	forget_inside(&key, m);
	token = take_counted(m); /* its last user had no time yet to give it back */
	if (token)
		give_port(token, source_of(m->address));
	m->rest = *now + COARSE_SECOND;
	m->queued = 1;
	bpf_map_push_elem(&MAP(resting), &key, 0);
	return 0;
}

#endif
