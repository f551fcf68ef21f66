/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Claiming the outside port of a flow without mapping, towards its peer alone: by its own reply entry. */
#ifndef MASQC_CLAIM_LONE_H
#define MASQC_CLAIM_LONE_H

#include "base.h"
#include "drop.h"
#include "mapping.h"
#include "maps.h"
#include "ports.h"
#include "probe.h"
#include "reuse.h"
#include "takeover.h"
#include "work.h"

static __always_inline bool claim_reply(struct work *w)
{
	if (insert_reply(w))
		return true;
	w->reason = DROP_PORT_TAKEN;
	return false;
}

/* Claims w->nat_address:port towards this peer only. */
static __noinline bool claim_port(void *ctx, struct work *w, __u32 port)
{
	struct socket_key outside;

	if (!w)
		return false;
	w->reply.dport = bpf_htons(port);
	outside_key(w, &outside);
	if (has_mappings(outside.protocol) &&
	    (bpf_map_lookup_elem(&MAP(mappings), &outside) || (moving && find_old_mapping(&outside))))
		return false;
	if (is_port_ours(ctx, &w->reply))
		return false;
	return insert_reply(w);
}

static long probe_towards_peer(__u32 i, struct port_search *s)
{
	s->found = claim_port(s->ctx, s->w, probe_port(&s->pool, s->wanted, s->start, i));
	return s->found;
}

/* Claims a port of the pool for one peer, the source's own if that is possible. */
static __noinline bool claim_some_port(void *ctx, struct work *w)
{
	struct port_search search = { .ctx = ctx, .w = w };
	__u8 protocol;
	__u32 wanted;
	bool draws;

	if (!w)
		return false;
	search.wanted = wanted = bpf_ntohs(w->h.key.sport);
	protocol = w->h.key.protocol;
	if (protocol != IP_ICMP && !has_ports(protocol))
		return claim_port(ctx, w, 0);
	draws = w->habits & MASQC_RANDOM && has_ports(protocol) && protocol != IPPROTO_SCTP;
	if (!draws && ((protocol == IP_ICMP && w->translation != MASQC_BLOCK) || (wanted >= w->port_first && wanted <= w->port_last)) &&
	    claim_port(ctx, w, wanted))
		return true;
	if (protocol == IPPROTO_SCTP || w->port_last < w->port_first)
		return false; /* its checksum is a CRC over the ports: only addresses can be rewritten */
	choose_pool(w, wanted, &search.pool);
	search.start = bpf_get_prandom_u32() % search.pool.span;
	if (draws)
		search.wanted = bpf_get_prandom_u32(); /* nobody's parity */
	bpf_loop(PORT_PROBES + PARITY_PROBES, probe_towards_peer, &search, 0);
	return search.found;
}

#endif
