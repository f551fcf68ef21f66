/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Endpoint-independent mappings (RFC 4787 REQ-1, RFC 5382 REQ-1): one inside socket, one outside socket, whoever it
 * talks to. A mapping lives as long as it has flows. Then its port rests (RFC 6888 REQ-8): the same inside socket gets
 * it back, others only when no port is free.
 */
#ifndef MASQC_MAPPING_H
#define MASQC_MAPPING_H

#include "base.h"
#include "family.h"
#include "maps.h"

/* Network byte order. */
struct socket_key {
	addr_t address;
	__be16 port;
	__u8 protocol;
	__u8 side;            /* 0: the outside socket; else the inside one: the seat of the interface that hides it */
	__u8 pad[sizeof(addr_t) / 16 * 4];
};

#define MAPPING_DEAD 0x80000000U /* in `users`: nobody may take it any more, the sweep removes it */

struct mapping {
	addr_t address;       /* of the inside socket; in an entry of the inside: of the outside socket */
	__be16 port;
	__u8 seat;            /* interface that hides it */
	__u8 queued;          /* it stands in `resting` */
	__u32 users;          /* flows that use it */
	addr_t peer;          /* the first address that it talked to; zero: no flow with that one is left */
	union {
		__u32 peer_users; /* users > 0: flows with `peer` */
		__u32 rest;       /* users == 0: coarse time until which the port rests */
	};
	__u32 pad;
};
_Static_assert(sizeof(struct socket_key) == (FAMILY == 4 ? 8 : 24), "socket_key");
_Static_assert(sizeof(struct mapping) == 16 + 2 * sizeof(addr_t), "mapping");

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

/* resting4, resting6: outside sockets without flows, in the order in which they lost their last one. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 2 * DEFAULT_FLOWS);
	__uint(key_size, 0);
	__type(value, struct socket_key);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(resting) SEC(".maps");

struct peer_key {
	struct socket_key outside;
	addr_t address;
	__u32 pad[(sizeof(addr_t) + 4) / 8];
};

/* peers4, peers6: further addresses that a mapping talks to, for address-dependent filtering; the value counts flows; written by the
 * miss path and the sweep, goes with the last of them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DEFAULT_FLOWS);
	__type(key, struct peer_key);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(peers) SEC(".maps");

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

/* One user more. */
static __always_inline enum taken hold_mapping(struct mapping *m)
{
	__u32 users = READ_ONCE(m->users);
	int i;

	for (i = 0; i < 8; i++) {
		__u32 seen;

		if (users & MAPPING_DEAD)
			return TAKEN_NOT;
		seen = __sync_val_compare_and_swap(&m->users, users, users + 1);
		if (seen == users) {
			if (!users) {
				m->peer = NO_ADDRESS;
				m->peer_users = 0;
			}
			return users ? TAKEN_SHARED : TAKEN_FIRST;
		}
		users = seen;
	}
	return TAKEN_NOT;
}

/* One user less; the last one lays it to rest. Returns whether this was the last. */
static __noinline int release_mapping(struct socket_key *key, __u32 now)
{
	struct control *c = get_control();
	struct mapping *m;

	if (!key || !c)
		return 0;
	m = bpf_map_lookup_elem(&MAP(mappings), key);
	if (!m || READ_ONCE(m->users) & MAPPING_DEAD || !READ_ONCE(m->users))
		return 0;
	if (__sync_fetch_and_add(&m->users, -1) != 1)
		return 0;
	m->peer = NO_ADDRESS;
	m->rest = now + c->rest;
	if (!m->queued) {
		m->queued = 1;
		if (bpf_map_push_elem(&MAP(resting), key, 0))
			m->queued = 0;
	}
	return 1;
}

/* Notes that a mapping, which the caller holds, talks to this address. */
static __always_inline void add_peer(const struct socket_key *outside, struct mapping *m, addr_t address)
{
	struct peer_key key = { .outside = *outside, .address = address };
	__u32 one = 1, *count;

	if (is_zero(m->peer) && READ_ONCE(m->users) == 1)
		m->peer = address;
	if (same_address(m->peer, address)) {
		__sync_fetch_and_add(&m->peer_users, 1);
		return;
	}
	if (!bpf_map_update_elem(&MAP(peers), &key, &one, BPF_NOEXIST))
		return;
	count = bpf_map_lookup_elem(&MAP(peers), &key);
	if (count)
		__sync_fetch_and_add(count, 1);
}

static __noinline void drop_peer(struct socket_key *outside, const addr_t *address)
{
	struct peer_key key = {};
	struct mapping *m;
	__u32 *count;

	if (!outside || !address)
		return;
	key.outside = *outside;
	key.address = *address;
	m = bpf_map_lookup_elem(&MAP(mappings), outside);
	if (m && same_address(m->peer, *address)) {
		if (__sync_fetch_and_add(&m->peer_users, -1) == 1)
			m->peer = NO_ADDRESS;
		return;
	}
	count = bpf_map_lookup_elem(&MAP(peers), &key);
	if (count && __sync_fetch_and_add(count, -1) <= 1)
		bpf_map_delete_elem(&MAP(peers), &key);
}

static __always_inline bool has_peer(const struct socket_key *outside, const struct mapping *m, addr_t address)
{
	struct peer_key key = { .outside = *outside, .address = address };

	return same_address(m->peer, address) || bpf_map_lookup_elem(&MAP(peers), &key);
}

/* Gives back what a flow held: `key` of its original direction, `to` what its packets became. Returns whether the mapping of
 * its new source has no flows any more. */
static __noinline int release_uses(struct flow_key *key, struct flow_key *to, __u32 uses, __u32 now)
{
	struct socket_key outside = {};
	int ended = 0;

	if (!key || !to)
		return 0;
	outside.protocol = key->protocol;
	if (uses & USE_SOURCE) {
		outside.address = to->saddr;
		outside.port = to->sport;
		if (uses & USE_PEER)
			drop_peer(&outside, &key->daddr);
		ended = release_mapping(&outside, now);
	}
	if (uses & USE_TARGET) {
		outside.address = key->daddr;
		outside.port = key->dport;
		release_mapping(&outside, now);
	}
	return ended;
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
	if (entry && same_address(entry->address, outside->address) && entry->port == outside->port)
		bpf_map_delete_elem(&MAP(mappings), &inside);
}

#endif
