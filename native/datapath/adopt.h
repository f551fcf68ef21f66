/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Mappings of the old flow table while `moving` (table.h): what is claimed in the new one stands above what the old one says. */
#ifndef MASQC_ADOPT_H
#define MASQC_ADOPT_H

#include "base.h"
#include "held.h"
#include "mapping.h"
#include "maps.h"
#include "table.h"

/* old_mappings, old_resting: see table.h. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct socket_key);
	__type(value, struct mapping);
} MAP(old_mappings) SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__uint(key_size, 0);
	__type(value, struct socket_key);
} MAP(old_resting) SEC(".maps");

/* A mapping that somebody uses. */
static __always_inline struct mapping *find_live_mapping(const struct socket_key *outside)
{
	struct mapping *m = bpf_map_lookup_elem(&MAP(mappings), outside);

	if (m && READ_ONCE(m->users) && !(READ_ONCE(m->users) & MAPPING_DEAD))
		return m;
	if (!moving)
		return NULL;
	m = bpf_map_lookup_elem(&MAP(old_mappings), outside);
	return m && READ_ONCE(m->users) && !(READ_ONCE(m->users) & MAPPING_DEAD) ? m : NULL;
}

/* The old table's mapping of a socket that the new one does not have; NULL: none, or it is being removed. */
static __always_inline struct mapping *find_old_mapping(const struct socket_key *outside)
{
	struct mapping *m = bpf_map_lookup_elem(&MAP(old_mappings), outside);

	return m && !(READ_ONCE(m->users) & MAPPING_DEAD) ? m : NULL;
}

/* What would be too much on the stack. */
struct adoption {
	struct mapping m;
	struct socket_key inside;
};

/* adoption4, adoption6: key 0; means nothing after adopt_mapping. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct adoption);
} MAP(adoption) SEC(".maps");

/*
 * Brings a mapping over from the old table, with `users`, or to rest as it does there, and the inside entry that leads to it.
 * False: there is none, or somebody was faster.
 */
static __noinline __attribute__((unused)) bool adopt_mapping(const struct socket_key *outside, __u32 users)
{
	__u32 zero = 0;
	struct adoption *a = bpf_map_lookup_elem(&MAP(adoption), &zero);
	struct mapping *old, *entry;

	if (!outside || !a)
		return false;
	__builtin_memset(a, 0, sizeof(*a));
	old = find_old_mapping(outside);
	if (!old)
		return false;
	a->m.address = old->address;
	a->m.port = old->port;
	a->m.seat = old->seat;
	a->m.pool = old->pool;
	a->m.users = users;
	if (users && READ_ONCE(old->users))
		a->m.counted = take_counted(old);
	if (!users) {
		a->m.rest = old->rest;
		a->m.queued = 1;
	}
	if (bpf_map_update_elem(&MAP(mappings), outside, &a->m, BPF_NOEXIST)) {
		if (a->m.counted)
			give_port(a->m.counted, source_of(a->m.address)); /* who was faster asks for it anew */
		return false;
	}
	if (users && !READ_ONCE(old->users)) /* else it is counted already */
		count_use(outside, old->pool, old->address, 1);
	a->inside.address = a->m.address;
	a->inside.port = a->m.port;
	a->inside.protocol = outside->protocol;
	a->inside.side = a->m.seat;
	entry = bpf_map_lookup_elem(&MAP(old_mappings), &a->inside);
	if (entry && same_address(entry->address, outside->address) && entry->port == outside->port &&
	    !bpf_map_update_elem(&MAP(mappings), &a->inside, entry, BPF_NOEXIST))
		count_moved(1);
	return true;
}

/* One user more of the mapping of an outside socket. 0: there is none. (Global: the verifier looks at it by itself.) */
__noinline int hold_socket(const struct socket_key *outside)
{
	struct socket_key key; /* Linux 6.1 takes no argument of a global function for a map's key */
	struct mapping *m;
	enum taken taken;

	if (!outside)
		return 0;
	key = *outside;
	m = bpf_map_lookup_elem(&MAP(mappings), &key);
	if (moving && !m) {
		if (adopt_mapping(&key, 1))
			return 1;
		m = bpf_map_lookup_elem(&MAP(mappings), &key);
	}
	taken = m ? hold_mapping(m) : TAKEN_NOT;
	if (taken == TAKEN_FIRST)
		count_use(&key, m->pool, m->address, 1);
	return taken != TAKEN_NOT;
}

#endif
