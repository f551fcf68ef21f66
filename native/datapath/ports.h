/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Outside ports (RFC 4787 section 4.2, RFC 6056): the source's own if it is in the pool, else one that a keyed hash of the inside
 * socket names, with the source's parity and on the source's side of 1024 where the pool has both. MASQC_RANDOM: one that is drawn,
 * on the source's side of 1024, whatever its parity.
 */
#ifndef MASQC_PORTS_H
#define MASQC_PORTS_H

#include "base.h"
#include "adopt.h"
#include "mapping.h"
#include "maps.h"
#include "work.h"

#define PORT_PROBES 48
#define PARITY_PROBES 16 /* of these, first, with the parity of the source port (RFC 4787 REQ-4) */
#define POOL_SIZE 65536

/* The part of the pool that a source port may take first. */
struct pool {
	__u32 first;
	__u32 span; /* number of ports, at least 1 */
};

static __always_inline void choose_pool(const struct work *w, __u32 wanted, struct pool *pool)
{
	__u32 first = w->port_first, last = w->port_last;

	/* RFC 4787 REQ-3a: a port below 1024 gets such a one, and no other does */
	if (wanted < 1024 && first < 1024 && last >= 1024)
		last = 1023;
	else if (wanted >= 1024 && first < 1024 && last >= 1024)
		first = 1024;
	pool->first = first;
	pool->span = last >= first ? last - first + 1 : 1;
}

static __always_inline __u32 mix(__u32 h)
{
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	return h ^ (h >> 16);
}

/* The port that an inside socket gets if it is free. */
static __always_inline __u32 prefer_port(const struct work *w, const struct pool *pool, __u32 seed)
{
	const struct flow_key *key = &w->h.key;
	__u32 wanted = bpf_ntohs(key->sport), port, h;

	if (wanted >= pool->first && wanted < pool->first + pool->span)
		return wanted;
	h = mix(fold_address(key->saddr) ^ seed);
	h = mix(h ^ ((__u32)key->sport << 16 | key->protocol) ^ fold_address(w->nat_address));
	port = pool->first + h % pool->span;
	if ((port ^ wanted) & 1)
		port = port + 1 < pool->first + pool->span ? port + 1 : port > pool->first ? port - 1 : port;
	return port;
}

/* The i-th port to try, from a random start. */
static __always_inline __u32 probe_port(const struct pool *pool, __u32 wanted, __u32 start, __u32 i)
{
	__u32 step = i < PARITY_PROBES ? 2 * i : i - PARITY_PROBES;

	if (i < PARITY_PROBES && ((pool->first + start) ^ wanted) & 1)
		start++;
	return pool->first + (start + step) % pool->span;
}

/* A search through a whole pool. */
struct search {
	struct socket_key key;
	__u32 first;
	__u32 span;
	__u32 start;
	__u32 rested;  /* take what rests, and nothing else */
	__u32 found;   /* port; 0: none */
};

static long look_at_port(__u32 i, struct search *s)
{
	__u32 port = s->first + (s->start + i) % s->span;
	struct mapping *m;

	if (i >= s->span)
		return 1;
	s->key.port = bpf_htons(port);
	m = bpf_map_lookup_elem(&MAP(mappings), &s->key);
	if (moving && !m)
		m = find_old_mapping(&s->key);
	if (s->rested ? !m || READ_ONCE(m->users) & ~MAPPING_DEAD : !!m)
		return 0;
	s->found = port;
	return 1;
}

/*
 * Looks at every port of the pool, for one that is free, then for one that rests; `full`: for that alone, no other has a place in
 * `mappings`. Not again in the same tick when that found nothing: a search costs a millisecond. Pools
 * are told apart, so that one source that has used up its own block costs the others nothing.
 */
static __noinline __u32 search_pool(struct socket_key *outside, __u32 first, __u32 span, __u32 now, bool full)
{
	struct progress *p = get_progress();
	struct search s = {};
	__u32 hash, stamp, *mark;

	if (!outside || !p || !span)
		return 0;
	hash = mix(fold_address(outside->address) ^ first << 8 ^ outside->protocol);
	stamp = hash << 24 | (now & 0xffffff);
	mark = &p->exhausted[(hash >> 8) & (EXHAUSTED_POOLS - 1)];
	if (READ_ONCE(*mark) == stamp)
		return 0;
	s.key = *outside;
	s.first = first;
	s.span = span;
	s.start = bpf_get_prandom_u32() % span;
	s.rested = full;
	bpf_loop(POOL_SIZE, look_at_port, &s, 0);
	if (!s.found && !full) {
		s.rested = 1;
		bpf_loop(POOL_SIZE, look_at_port, &s, 0);
	}
	if (!s.found)
		WRITE_ONCE(*mark, stamp);
	return s.found;
}

#endif
