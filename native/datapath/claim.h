/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Claiming the outside socket of a new flow, with a mapping of its own: the one that its inside socket has, or a port that nobody has. */
#ifndef MASQC_CLAIM_H
#define MASQC_CLAIM_H

#include "base.h"
#include "hold.h"
#include "mapping.h"
#include "maps.h"
#include "peers.h"
#include "ports.h"
#include "probe.h"
#include "reuse.h"
#include "work.h"

/* mapping.pool: what w's sources share; 0 for a block of the source's own. */
static __always_inline __u16 pool_of(const struct work *w)
{
	return w->translation == MASQC_BLOCK ? 0 : w->port_first;
}

static __always_inline __u64 name_pool_of(const struct work *w)
{
	return name_pool(w->nat_address, w->port_first, w->h.key.protocol);
}

/* Whether w's source may have a further outside port. False: w->reason says that others need them, or that it is beyond its
 * masquerade's limit. */
static __noinline bool may_claim(struct work *w)
{
	if (!w)
		return false;
	if (pool_of(w) && !has_port_left(name_pool_of(w), w->h.key.saddr, w->port_last - w->port_first + 1)) {
		w->reason = DROP_SOURCE_SHARE;
		return false;
	}
	return !ports_limited || ask_port(w, source_of(w->h.key.saddr), ASK_ALL);
}

/* Claims a port that nobody has. False: somebody has it, or w->full. */
static __noinline bool claim_free(void *ctx, struct work *w, __u32 port)
{
	struct mapping m = { .users = 1 };
	struct socket_key outside;
	long error;

	if (!w)
		return false;
	w->reply.dport = bpf_htons(port);
	if (is_port_ours(ctx, &w->reply))
		return false;
	m.address = w->h.key.saddr;
	m.port = w->h.key.sport;
	m.seat = w->side;
	m.pool = pool_of(w);
	outside_key(w, &outside);
	if (moving && find_old_mapping(&outside))
		return false;
	if (w->filtering == MASQC_ADDRESS)
		note_peer(&m.peers, w->h.key.daddr);
	error = bpf_map_update_elem(&MAP(mappings), &outside, &m, BPF_NOEXIST);
	if (error == -E2BIG)
		w->full = 1;
	if (error)
		return false;
	w->uses |= w->filtering == MASQC_ADDRESS ? USE_SOURCE | USE_PEER : USE_SOURCE;
	return true;
}

/* Takes over a port that rests in the old table: what the new one says of it stands above that. */
static __noinline __attribute__((unused)) bool claim_old_rested(struct work *w, const struct socket_key *outside)
{
	struct mapping m = { .users = 1 }, *old;

	if (!w || !outside)
		return false;
	old = find_old_mapping(outside);
	if (old && READ_ONCE(old->users))
		return false;
	m.address = w->h.key.saddr;
	m.port = w->h.key.sport;
	m.seat = w->side;
	m.pool = pool_of(w);
	return !bpf_map_update_elem(&MAP(mappings), outside, &m, BPF_NOEXIST);
}

/* Takes over a port that rests, or whose mapping is to be deleted. */
static __noinline bool claim_rested(struct work *w, __u32 port)
{
	struct socket_key outside;
	struct mapping *m;
	__u32 users;

	if (!w)
		return false;
	w->reply.dport = bpf_htons(port);
	outside_key(w, &outside);
	m = bpf_map_lookup_elem(&MAP(mappings), &outside);
	if (moving && !m)
		return claim_old_rested(w, &outside);
	if (!m)
		return false;
	users = READ_ONCE(m->users);
	if (users & ~MAPPING_DEAD || __sync_val_compare_and_swap(&m->users, users, 1) != users)
		return false;
	forget_inside(&outside, m);
	clear_peers(&m->peers);
	w->stale = take_counted(m); /* its last user had no time yet to give it back */
	w->stale_who = source_of(m->address);
	m->address = w->h.key.saddr;
	m->port = w->h.key.sport;
	m->seat = w->side;
	m->pool = pool_of(w);
	return true;
}

/* A port that is not the preferred one has been claimed: notes the way to it. Where there is no room for that, the source's next
 * connection gets another port, which is better than none for this one. */
static __noinline bool note_moved(struct work *w, __u32 now)
{
	struct socket_key inside, outside;
	struct mapping *entry;
	long error;
	__u8 uses;

	if (!w)
		return false;
	entry = &w->entry;
	outside_key(w, &outside);
	inside_key(w, &inside);
	__builtin_memset(entry, 0, sizeof(*entry));
	entry->address = outside.address;
	entry->port = outside.port;
	count_moved(1); /* before anybody can find it */
	error = bpf_map_update_elem(&MAP(mappings), &inside, entry, BPF_NOEXIST);
	if (!error)
		return true;
	count_moved(-1);
	if (error == -E2BIG)
		return true;
	uses = w->uses;
	w->uses &= ~(USE_SOURCE | USE_PEER);
	if (!reuse_moved(w)) { /* else another packet of this source was faster */
		w->reply.dport = outside.port;
		if (!bpf_map_update_elem(&MAP(mappings), &inside, entry, BPF_EXIST)) {
			w->uses = uses;
			return true;
		}
	}
	if (uses & USE_PEER)
		drop_peer(&outside, &w->h.key.daddr);
	release_mapping(&outside, now);
	return w->uses & USE_SOURCE;
}

/* The source has its mapping: what it sends keeps that open. */
static __noinline int note_outbound(struct work *w, __u32 now)
{
	struct control *c = get_control();
	struct socket_key outside;
	struct mapping *m;

	if (!w || !c)
		return 0;
	outside_key(w, &outside);
	m = bpf_map_lookup_elem(&MAP(mappings), &outside);
	if (!m)
		return 0;
	if (w->fresh)
		m->OUTBOUND = 0;
	hold_open(m, now + c->timeouts[outside.protocol == IPPROTO_TCP ? CLASS_TCP_SYN : CLASS_UDP]);
	return 0;
}

static long probe_free(__u32 i, struct port_search *s)
{
	s->found = claim_free(s->ctx, s->w, probe_port(&s->pool, s->wanted, s->start, i));
	return s->found || s->w->full;
}

static __noinline bool claim_nearby(void *ctx, struct work *w, struct pool *pool, __u32 wanted)
{
	struct port_search search = { .ctx = ctx, .w = w, .wanted = wanted };

	if (!w || !pool || !pool->span)
		return false;
	search.pool = *pool;
	search.start = bpf_get_prandom_u32() % pool->span;
	bpf_loop(PORT_PROBES, probe_free, &search, 0);
	return search.found;
}

/* The port that a search of the whole pool finds. */
static __noinline bool claim_found(void *ctx, struct work *w, __u32 now)
{
	struct socket_key outside;
	bool full;
	__u32 port;

	if (!w)
		return false;
	full = w->full;
	outside_key(w, &outside);
	port = search_pool(&outside, w->port_first, w->port_last - w->port_first + 1, now, full);
	if (port && (claim_free(ctx, w, port) || claim_rested(w, port)))
		return true;
	if (full == w->full)
		return false;
	port = search_pool(&outside, w->port_first, w->port_last - w->port_first + 1, now, true);
	return port && claim_rested(w, port);
}

/*
 * The outside socket of w's inside socket: the one that it has, or a new one. w->reply.dport is its port then, and the
 * flow holds it.
 */
static __noinline bool claim_mapping(void *ctx, struct work *w, __u32 seed, __u32 now)
{
	struct socket_key outside;
	struct mapping *m;
	struct pool pool;
	__be16 preferred;
	__u32 wanted;
	bool draws;

	if (!w || w->port_last < w->port_first)
		return false;
	wanted = bpf_ntohs(w->h.key.sport);
	choose_pool(w, wanted, &pool);
	preferred = bpf_htons(prefer_port(w, &pool, seed));
	w->reply.dport = preferred;
	w->fresh = 1;
	draws = w->habits & MASQC_RANDOM; /* but a source that has a mapping keeps it, however it got that */
	w->rests = w->full = 0;
	if (!reuse_port(w) && !reuse_moved(w)) {
		if (!may_claim(w))
			return false;
		w->fresh = 1;
		if (draws || !claim_free(ctx, w, bpf_ntohs(preferred))) {
			w->reply.dport = preferred;
			if (draws || !reuse_port(w)) {
				w->fresh = 1;
				if (!(claim_nearby(ctx, w, &pool, draws ? bpf_get_prandom_u32() : wanted) || claim_found(ctx, w, now)) ||
				    !note_moved(w, now)) {
					if (w->full)
						w->reason = DROP_TABLE_FULL;
					return false;
				}
			}
		}
	}
	if (w->fresh && pool_of(w))
		count_port(name_pool_of(w), w->h.key.saddr, 1);
	outside_key(w, &outside);
	if (!(w->uses & USE_SOURCE)) {
		m = bpf_map_lookup_elem(&MAP(mappings), &outside);
		if (m)
			note_destination(w, &outside, m);
	}
	if (w->habits & MASQC_OUTBOUND)
		note_outbound(w, now);
	return !ports_limited ||
	       count_held(w, &outside, source_of(w->h.key.saddr), w->fresh || w->rests ? ASK_ALL : ASK_FLOWS);
}

/* The mapping that the packet was sent to must stay while the flow lasts. */
static __always_inline bool hold_target(struct work *w)
{
	struct socket_key outside = {
		.address = w->h.key.daddr, .port = w->h.key.dport, .protocol = w->h.key.protocol,
	};

	struct mapping *m;

	if (!(w->uses & USE_TARGET))
		return true;
	if (!hold_socket(&outside)) {
		w->uses &= ~USE_TARGET;
		return false;
	}
	if (w->inherits && w->uses & BY_BACK && w->until) { /* its last user may have been the flow that this one takes over */
		m = bpf_map_lookup_elem(&MAP(mappings), &outside);
		if (m)
			WRITE_ONCE(m->rest, w->until);
	}
	return true;
}

#endif
