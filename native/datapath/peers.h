/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Whom a mapping talks to, for address-dependent filtering (RFC 4787 section 5): each address with the number of its flows,
 * a few in the mapping itself, the others in a table.
 */
#ifndef MASQC_PEERS_H
#define MASQC_PEERS_H

#include "base.h"
#include "adopt.h"
#include "family.h"
#include "held.h"
#include "mapping.h"

struct peer_key {
	struct socket_key outside;
	addr_t address;
	__u32 pad[(sizeof(addr_t) + 4) / 8];
};

/* peers4, peers6: addresses that a mapping talks to and has no room for itself; the value counts flows; written by the miss
 * path and the sweep, goes with the last of them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DEFAULT_FLOWS);
	__type(key, struct peer_key);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(peers) SEC(".maps");

/* old_peers: see table.h. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct peer_key);
	__type(value, __u32);
} MAP(old_peers) SEC(".maps");

/* In a frame of its own: the stack of the miss path is full. */
static __noinline int count_peer(const struct socket_key *outside, const addr_t *address)
{
	struct peer_key key = {};
	__u32 one = 1, *count;

	if (!outside || !address)
		return 0;
	key.outside = *outside;
	key.address = *address;
	if (!bpf_map_update_elem(&MAP(peers), &key, &one, BPF_NOEXIST))
		return 1;
	count = bpf_map_lookup_elem(&MAP(peers), &key);
	if (!count)
		return 0;
	__sync_fetch_and_add(count, 1);
	return 1;
}

/* Notes that a mapping, which the caller holds, talks to this address. */
static __always_inline void add_peer(const struct socket_key *outside, struct mapping *m, const addr_t *address)
{
	if (!note_peer(&m->peers, *address))
		count_peer(outside, address);
}

static __noinline void drop_peer(struct socket_key *outside, const addr_t *address)
{
	struct peer_key key = {};
	struct mapping *m;
	__u32 *count;

	if (!outside || !address)
		return;
	m = bpf_map_lookup_elem(&MAP(mappings), outside);
	if (m && forget_peer(&m->peers, *address))
		return;
	key.outside = *outside;
	key.address = *address;
	count = bpf_map_lookup_elem(&MAP(peers), &key);
	if (count && __sync_fetch_and_add(count, -1) <= 1)
		bpf_map_delete_elem(&MAP(peers), &key);
}

static __always_inline bool has_peer(const struct socket_key *outside, const struct mapping *m, addr_t address)
{
	struct peer_key key = { .outside = *outside, .address = address };

	if (knows_peer(&m->peers, address) || bpf_map_lookup_elem(&MAP(peers), &key))
		return true;
	if (!moving)
		return false;
	m = bpf_map_lookup_elem(&MAP(old_mappings), outside);
	return m && (knows_peer(&m->peers, address) || bpf_map_lookup_elem(&MAP(old_peers), &key));
}

/* Gives back what a flow held: `key` of its original direction, `to` what its packets became. Returns whether the mapping of
 * its new source has no flows any more. */
static __noinline int release_uses(struct flow_key *key, struct flow_key *to, __u32 uses, __u32 now)
{
	struct socket_key outside = {};
	__u64 ended = 0, target;

	if (!key || !to)
		return 0;
	outside.protocol = key->protocol;
	if (uses & USE_SOURCE) {
		outside.address = to->saddr;
		outside.port = to->sport;
		if (uses & USE_PEER)
			drop_peer(&outside, &key->daddr);
		ended = release_mapping(&outside, now);
		if (ended)
			count_use(&outside, ended, key->saddr, -1);
		if (ended >> MAPPING_TOKEN_SHIFT)
			give_port(ended >> MAPPING_TOKEN_SHIFT, source_of(key->saddr));
	}
	if (uses & USE_TARGET) {
		outside.address = key->daddr;
		outside.port = key->dport;
		target = release_mapping(&outside, now);
		if (target)
			count_use(&outside, target, to->daddr, -1);
		if (target >> MAPPING_TOKEN_SHIFT)
			give_port(target >> MAPPING_TOKEN_SHIFT, source_of(to->daddr));
	}
	return ended != 0;
}

#endif
