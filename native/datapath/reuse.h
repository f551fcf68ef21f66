/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The mapping that an inside socket has already: at the port that it prefers, or where it was moved to. */
#ifndef MASQC_REUSE_H
#define MASQC_REUSE_H

#include "adopt.h"
#include "base.h"
#include "mapping.h"
#include "maps.h"
#include "peers.h"
#include "work.h"

static __always_inline bool has_mappings(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* The flow's new source is a mapping. (ICMP queries are told apart by their destination, too; SCTP keeps its ports.) */
static __always_inline bool is_mapped(const struct work *w)
{
	return w->mapping == MASQC_ENDPOINT_INDEPENDENT && has_mappings(w->h.key.protocol);
}

static __always_inline void outside_key(const struct work *w, struct socket_key *key)
{
	*key = (struct socket_key){
		.address = w->nat_address, .port = w->reply.dport, .protocol = w->h.key.protocol,
	};
}

static __always_inline bool is_of_source(const struct mapping *m, const struct work *w)
{
	return same_address(m->address, w->h.key.saddr) && m->port == w->h.key.sport && m->seat == w->side;
}

/* The flow holds the mapping of its source from now on. */
static __always_inline void note_destination(struct work *w, const struct socket_key *outside, struct mapping *m)
{
	w->uses |= USE_SOURCE;
	if (w->filtering == MASQC_ADDRESS) {
		add_peer(outside, m, &w->h.key.daddr);
		w->uses |= USE_PEER;
	}
}

/* Takes the mapping at w->reply.dport if it is the source's. */
static __always_inline bool reuse_port(struct work *w)
{
	struct socket_key outside;
	struct mapping *m;
	enum taken held;

	outside_key(w, &outside);
	m = bpf_map_lookup_elem(&MAP(mappings), &outside);
	if (moving && !m) {
		m = find_old_mapping(&outside);
		if (!m || !is_of_source(m, w))
			return false;
		w->rests = !READ_ONCE(m->users);
		if (adopt_mapping(&outside, 1)) {
			m = bpf_map_lookup_elem(&MAP(mappings), &outside);
			w->fresh = false;
			if (m)
				note_destination(w, &outside, m);
			return m;
		}
		m = bpf_map_lookup_elem(&MAP(mappings), &outside);
	}
	if (!m || !is_of_source(m, w))
		return false;
	held = hold_mapping(m);
	if (held == TAKEN_NOT)
		return false;
	w->fresh = held == TAKEN_FIRST;
	if (is_of_source(m, w)) {
		note_destination(w, &outside, m);
		return true;
	}
	release_mapping(&outside, coarse_now()); /* it has changed its owner meanwhile */
	return false;
}

static __always_inline void inside_key(const struct work *w, struct socket_key *key)
{
	*key = (struct socket_key){
		.address = w->h.key.saddr, .port = w->h.key.sport, .protocol = w->h.key.protocol, .side = w->side,
	};
}

/* Takes the mapping that the source got when its preferred port was taken, if that still serves. */
static __always_inline bool reuse_moved(struct work *w)
{
	struct progress *p = get_progress();
	struct socket_key inside;
	struct mapping *entry;
	__u32 port;

	if (!p || (!moving && !READ_ONCE(p->moved)))
		return false;
	inside_key(w, &inside);
	entry = bpf_map_lookup_elem(&MAP(mappings), &inside);
	if (moving && !entry)
		entry = bpf_map_lookup_elem(&MAP(old_mappings), &inside);
	if (!entry || !same_address(entry->address, w->nat_address))
		return false;
	port = bpf_ntohs(entry->port);
	if (port < w->port_first || port > w->port_last)
		return false;
	w->reply.dport = entry->port;
	return reuse_port(w);
}

#endif
