/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Endpoint-independent mappings (RFC 4787 REQ-1, RFC 5382 REQ-1): one inside socket, one outside socket, whoever it
 * talks to. A mapping lives as long as it has flows. Then its port rests (RFC 6888 REQ-8): the same inside socket gets
 * it back, others only when no port is free, or no room for one more mapping (rest.h).
 */
#ifndef MASQC_MAPPING_H
#define MASQC_MAPPING_H

#include "base.h"
#include "family.h"
#include "maps.h"
#include "pools.h"
#if FAMILY == 4
#include "peers-4.h"
#else
#include "peers-6.h"
#endif
#include "table.h"

/* Network byte order. */
struct socket_key {
	addr_t address;
	__be16 port;
	__u8 protocol;
	__u8 side;            /* 0: the outside socket; else the inside one: the seat of the interface that hides it */
	__u8 pad[sizeof(addr_t) / 16 * 4];
};

#define MAPPING_RESTS 0x10000U
#define MAPPING_TOKEN_SHIFT 32 /* release_mapping: of what the caller is to give back (held.h) */
#define MAPPING_DEAD 0x80000000U /* in `users`: its rest is over, the sweep removes it; it is nobody's, and may be claimed in place */
#define MAPPING_CLOSING 0x40000000U /* its last user has gone, and is giving back what it was counted for: a moment. With
				     * MAPPING_DEAD: the sweep has it in hand */

/* Only what the inside sends keeps a mapping open, and `rest` says how long: a field of struct mapping. */
#if FAMILY == 4
#define OUTBOUND outbound
#else
#define OUTBOUND peers.outbound
#endif

struct mapping {
	addr_t address;       /* of the inside socket; in an entry of the inside: of the outside socket */
	__be16 port;
	__u8 seat;            /* interface that hides it */
	__u8 queued;          /* it stands in `resting` */
	__u32 users;          /* flows that use it */
	__u32 rest;           /* users == 0: coarse time until which the port rests; else, with `outbound`: until when the inside
	                       * has kept it open at least */
	__u16 pool;           /* first port of its pool, host order (pools.h); 0: it is not counted */
	__u16 counted;        /* token of the limit of ports that it is counted for (held.h), changed together with `pool` */
#if FAMILY == 4
	__u8 outbound;        /* OUTBOUND */
	__u8 pad[3];
#endif
	struct peers peers;   /* whom it talks to (peers.h) */
};
_Static_assert(sizeof(struct socket_key) == (FAMILY == 4 ? 8 : 24), "socket_key");
_Static_assert(sizeof(struct mapping) == 56, "mapping");
_Static_assert(offsetof(struct mapping, pool) % 4 == 0 && offsetof(struct mapping, counted) == offsetof(struct mapping, pool) + 2,
	       "swap_counted swaps this word");

/* mappings4, mappings6: outside sockets, written by the miss path (whose BPF_NOEXIST is the claim of the port) and by the sweep, which
 * alone deletes them; and the inside sockets whose outside port is not the one that `prefer_port` names, written by the miss
 * path, deleted with the outside one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * DEFAULT_FLOWS);
	__type(key, struct socket_key);
	__type(value, struct mapping);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(mappings) SEC(".maps");

/* resting4, resting6: outside sockets without flows, in the order in which they lost their last one. Each stands here once
 * (mapping.queued), and leaves before its mapping does: there is room for all of them. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 2 * DEFAULT_FLOWS);
	__uint(key_size, 0);
	__type(value, struct socket_key);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(resting) SEC(".maps");

/* dying4, dying6: those whose rest is over, until they are deleted; written by the sweep. What has been claimed since stands
 * here, too. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, DEFAULT_FLOWS / 8);
	__uint(key_size, 0);
	__type(value, struct socket_key);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(dying) SEC(".maps");

/* flow_slot.uses: what the flow holds. */
enum slot_use {
	USE_SOURCE = 1,       /* the mapping of its new source */
	USE_TARGET = 2,       /* the mapping that it was sent to */
	USE_PEER = 4,         /* USE_SOURCE, and its destination is noted as a peer of that */
};

enum taken {
	TAKEN_NOT = 0,        /* it is being removed */
	TAKEN_SHARED,
	TAKEN_FIRST,           /* it had no users */
};

/* The mapping of the outside socket `key` has got its first user (1) or lost its last one (-1). */
static __always_inline void count_use(const struct socket_key *key, __u16 pool, addr_t inside, __s32 by)
{
	if (pool)
		count_port(name_pool(key->address, pool, key->protocol), inside, by);
}

/* One user more. */
static __always_inline enum taken hold_mapping(struct mapping *m)
{
	__u32 users = READ_ONCE(m->users);
	int i;

	for (i = 0; i < 8; i++) {
		__u32 seen;

		if (users & MAPPING_DEAD)
			return TAKEN_NOT;
		users &= ~MAPPING_CLOSING; /* no longer, by now */
		seen = __sync_val_compare_and_swap(&m->users, users, users + 1);
		if (seen == users) {
			if (!users)
				clear_peers(&m->peers);
			return users ? TAKEN_SHARED : TAKEN_FIRST;
		}
		users = seen;
	}
	return TAKEN_NOT;
}

/* Changes what a mapping is counted for, exactly once. False: somebody else has. */
static __always_inline bool swap_counted(struct mapping *m, __u16 from, __u16 to)
{
	__u32 *word = (__u32 *)&m->pool, pool = READ_ONCE(m->pool);

	return __sync_val_compare_and_swap(word, pool | (__u32)from << 16, pool | (__u32)to << 16) ==
	       (pool | (__u32)from << 16);
}

/* The token of a mapping, which has none then. */
static __always_inline __u16 take_counted(struct mapping *m)
{
	__u16 counted = READ_ONCE(m->counted);

	return counted && swap_counted(m, counted, 0) ? counted : 0;
}

/* What a mapping without users was counted for: nobody gets it until that is taken out. 0: nothing, or it is in use again. */
static __always_inline __u16 close_mapping(struct mapping *m)
{
	__u16 token;

	if (!READ_ONCE(m->counted) || __sync_val_compare_and_swap(&m->users, 0, MAPPING_CLOSING))
		return 0;
	token = take_counted(m);
	__sync_lock_test_and_set(&m->users, 0); /* ordered before the look at `queued`: else neither the sweep nor its last user
						 * would see to it */
	return token;
}

static __always_inline void count_resting(__s32 by)
{
	struct progress *p = get_progress();

	if (p)
		__sync_fetch_and_add(&p->resting, by);
}

/* One user less; the last one lays it to rest. Returns 0, or of the last one MAPPING_RESTS | mapping.pool | its token. */
static __noinline __u64 release_mapping(struct socket_key *key, __u32 now)
{
	struct control *c = get_control();
	struct mapping *m;
	__u64 token;

	if (!key || !c)
		return 0;
	m = bpf_map_lookup_elem(&MAP(mappings), key);
	if (!m || READ_ONCE(m->users) & MAPPING_DEAD || !READ_ONCE(m->users))
		return 0;
	if (__sync_fetch_and_add(&m->users, -1) != 1)
		return 0;
	token = close_mapping(m);
	m->rest = now + c->rest;
	if (!READ_ONCE(m->queued)) {
		WRITE_ONCE(m->queued, 1);
		count_resting(1);
		if (bpf_map_push_elem(&MAP(resting), key, 0)) { /* never: see there */
			WRITE_ONCE(m->queued, 0);
			count_resting(-1);
		}
	}
	return MAPPING_RESTS | m->pool | token << MAPPING_TOKEN_SHIFT;
}

/* The inside has sent by it: it stays open until then at least. */
static __always_inline void hold_open(struct mapping *m, __u32 until)
{
	if (!m->OUTBOUND || (__s32)(until - m->rest) > 0)
		WRITE_ONCE(m->rest, until);
	m->OUTBOUND = 1;
}

/* How many inside sockets have another outside port than the preferred one: while none has, nobody need look for it. */
static __always_inline void count_moved(__s32 by)
{
	struct progress *p = get_progress();

	if (p)
		__sync_fetch_and_add(&p->moved, by);
}

/* The inside entry that leads to an outside socket goes, if it still does. */
static __noinline void forget_inside(struct socket_key *outside, struct mapping *m)
{
	struct socket_key inside = {};
	struct mapping *entry;

	if (!outside || !m)
		return;
	inside.address = m->address;
	inside.port = m->port;
	inside.protocol = outside->protocol;
	inside.side = m->seat;
	entry = bpf_map_lookup_elem(&MAP(mappings), &inside);
	if (entry && same_address(entry->address, outside->address) && entry->port == outside->port &&
	    !bpf_map_delete_elem(&MAP(mappings), &inside))
		count_moved(-1);
}

#endif
