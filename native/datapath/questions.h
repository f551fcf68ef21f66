/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What the slow path asks: the policy, in the terms of packet.h, and the kernel for the way. */
#ifndef MASQC_QUESTIONS_H
#define MASQC_QUESTIONS_H

#include "addresses.h"
#include "base.h"
#include "nexthop.h"
#include "outside.h"
#include "work.h"

static __always_inline void clear_answer(struct masqc_packet *p)
{
	p->verdict = 0;
	p->log = 0;
	p->rule = 0;
	p->nat = 0;
	p->to_port = 0;
	__builtin_memset(p->to_addr, 0, sizeof(p->to_addr));
	__builtin_memset(p->nat_addr, 0, sizeof(p->nat_addr));
	p->port_first = p->port_last = 0;
	p->mapping = p->filtering = 0;
	p->translation = p->prefix = p->side = p->habits = 0;
	p->adjust = 0;
}

/* `icmp`: type << 8 | code. */
static __always_inline void describe_tuple(struct work *w, const struct flow_key *key, __u16 icmp, __u32 in)
{
	struct masqc_packet *p = &w->packet;

	__builtin_memset(p, 0, offsetof(struct masqc_packet, view)); /* ingress, which comes first, writes that */
	p->family = FAMILY;
	p->protocol = key->protocol;
	write_words(p->saddr, key->saddr);
	write_words(p->daddr, key->daddr);
	p->sport = bpf_ntohs(key->sport);
	p->dport = bpf_ntohs(key->dport);
	p->in = in;
	if (key->protocol == IP_ICMP)
		p->dport = icmp;
}

static __always_inline void describe_packet(struct work *w, __u32 in)
{
	describe_tuple(w, &w->h.key, w->h.icmp_type << 8 | w->h.icmp_code, in);
}

enum way {
	WAY_OUT,        /* by an interface that carries the programs: it is in w->forth */
	WAY_LOCAL,      /* to the gateway; the kernel's answer for `no route` is the same, and the stack tells the sender */
	WAY_UNDECLARED,
	WAY_NONE,
};

/* Where a packet with this tuple goes, and what the gateway would call itself on that way. */
static __always_inline enum way find_way(void *ctx, struct work *w, const struct flow_key *key)
{
	long code;

	if (is_for_many(key->daddr))
		return WAY_LOCAL;
	code = route(ctx, &w->fib, key, w->in);
	if (code == BPF_FIB_LKUP_RET_NOT_FWDED || code == BPF_FIB_LKUP_RET_FWD_DISABLED)
		return WAY_LOCAL;
	if (!is_routed(code))
		return WAY_NONE;
	w->hop = fib_hop(&w->fib);
	w->own_address = fib_source(&w->fib);
	return set_hop(&w->forth, &w->fib, code) ? WAY_OUT : WAY_UNDECLARED;
}

#endif
