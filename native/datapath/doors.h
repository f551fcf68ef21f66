/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Doors opened from inside: a packet to the outside socket of a mapping enters if the mapping's filtering admits the
 * sender (RFC 4787 section 5), from the outside or from another inside host (hairpin, section 6). No policy is asked. What the
 * masquerade says today counts: after a change of the file a door is only open as wide as the new file says.
 */
#ifndef MASQC_DOORS_H
#define MASQC_DOORS_H

#include "base.h"
#include "addresses.h"
#include "claim.h"
#include "mapping.h"
#include "nexthop.h"
#include "questions.h"
#include "work.h"

/* Set by the loader in every linked object: a masquerade has outside addresses that need not be the gateway's own. Else only
 * a packet to the gateway can meet a door. */
const volatile __u32 addresses_used = 1;

/* What the policy says of a packet that is let in already: which masquerade it would get. False: none, or not at all. */
static __always_inline bool ask_masquerade(struct masqc_packet *p, __u32 in, __u32 out, addr_t saddr, __be16 sport,
					   addr_t daddr, __be16 dport)
{
	clear_answer(p);
	p->verdict = MASQC_ALLOW;
	p->own = 0;
	p->in = in;
	p->out = out;
	write_words(p->saddr, saddr);
	write_words(p->daddr, daddr);
	p->sport = bpf_ntohs(sport);
	p->dport = bpf_ntohs(dport);
	masqc_policy_forward(p);
	return p->verdict == MASQC_ALLOW;
}

/*
 * The sender is an inside host: how does it appear? With its own outside address, or as it is where it is not hidden.
 * w->nat_address zero: as it is.
 */
static __always_inline bool appear_outside(struct work *w, __u32 in, __u32 outside, __u32 own)
{
	struct masqc_packet *p = &w->packet;
	const struct flow_key *key = &w->h.key;

	if (!ask_masquerade(p, in, outside, key->saddr, key->sport, key->daddr, key->dport))
		return false;
	if (!p->nat)
		return true;
	if (has_outside(p)) {
		if (!outside_address(p, &key->saddr, &w->nat_address))
			return false;
	} else if (own == outside) {
		w->nat_address = key->daddr; /* the interface's own address */
	} else {
		return false;
	}
	w->nat = p->nat;
	w->port_first = p->port_first;
	w->port_last = p->port_last;
	w->mapping = p->mapping;
	w->filtering = p->filtering;
	w->translation = p->translation;
	w->habits = p->habits;
	if (p->habits & MASQC_OUTBOUND)
		w->uses |= BY_FORTH;
	return true;
}

/*
 * Nobody inside has used the mapping for its time: it lives on by flows that are ending, and nobody outside may make it more.
 * (Of packets since the sweep has looked last it knows nothing: a pass is waited for.)
 */
static __always_inline bool is_forsaken(const struct work *w)
{
	struct progress *p = get_progress();

	return w->until && p && (__s32)(coarse_now() - w->until - sweep_lag(p)) > 0;
}

enum door {
	DOOR_CLOSED, /* or there is none: w is as it was, but for the packet's answer */
	DOOR_OPEN,   /* w says what becomes of the packet */
};

static __noinline enum door enter_door(void *ctx, struct work *w)
{
	struct socket_key outside = {};
	struct masqc_packet *p;
	struct mapping *m;
	struct iface *hider;
	addr_t sender;
	__u32 seat, in, own, id, inner_id, filtering, rule;
	__be16 port;
	bool hairpin, admitted;

	if (!w)
		return DOOR_CLOSED;
	outside.address = w->h.key.daddr;
	outside.port = w->h.key.dport;
	outside.protocol = w->h.key.protocol;
	m = find_live_mapping(&outside);
	if (!m)
		return DOOR_CLOSED;
	w->inner = w->h.key;
	w->inner.daddr = m->address;
	w->inner.dport = port = m->port;
	seat = m->seat;
	hider = bpf_map_lookup_elem(&interfaces, &seat);
	if (!hider || !hider->ifindex)
		return DOOR_CLOSED;
	id = get_id(hider->ifindex);
	hairpin = hider->ifindex != w->in;
	p = &w->packet;
	in = p->in;
	own = p->own;
	w->kept = w->forth;
	w->kept_hop = w->hop;
	w->kept_own = w->own_address;

	if (id == MASQC_NOWHERE || find_way(ctx, w, &w->inner) != WAY_OUT)
		goto closed;
	inner_id = get_id(w->forth.out);
	if (inner_id == MASQC_NOWHERE || w->forth.out == hider->ifindex)
		goto closed;
	if (!ask_masquerade(p, inner_id, id, w->inner.daddr, port, w->h.key.saddr, w->h.key.sport) || !p->nat ||
	    p->mapping != MASQC_ENDPOINT_INDEPENDENT)
		goto closed;
	rule = p->nat;
	filtering = p->filtering;
	w->uses = p->habits & MASQC_OUTBOUND ? BY_BACK : 0;
	w->until = m->OUTBOUND ? m->rest : 0;
	sender = w->h.key.saddr;
	if (hairpin) {
		if (!appear_outside(w, in, id, own))
			goto closed;
		if (is_hidden(w))
			sender = w->nat_address;
	}
	admitted = filtering == MASQC_ENDPOINT_INDEPENDENT || (filtering == MASQC_ADDRESS && has_peer(&outside, m, sender));
	if (w->rechecks) /* it was admitted; is the door of a kind that still may? */
		admitted = filtering != MASQC_ADDRESS_AND_PORT;
	if (!admitted && hairpin) {
		/* two hosts of one network reach each other without us, and those whom a policy lets through may as well come this way */
		admitted = w->forth.out == w->in;
		if (!admitted) {
			clear_answer(p);
			p->in = in;
			p->out = inner_id;
			write_words(p->saddr, w->h.key.saddr);
			write_words(p->daddr, w->inner.daddr);
			p->sport = bpf_ntohs(w->h.key.sport);
			p->dport = bpf_ntohs(port);
			masqc_policy_forward(p);
			admitted = p->verdict == MASQC_ALLOW;
		}
	}
	if (hairpin && w->uses)
		w->uses = BY_FORTH | BY_BACK;
	if (!admitted || (w->uses == BY_BACK && !w->rechecks && is_forsaken(w)))
		goto closed;
	w->to.daddr = w->inner.daddr;
	w->to.dport = port;
	w->forth.flags |= FLOW_NAT_DST;
	w->back.flags |= FLOW_NAT_SRC;
	if (is_hidden(w)) {
		w->to.saddr = w->nat_address;
		w->forth.flags |= FLOW_NAT_SRC;
		w->back.flags |= FLOW_NAT_DST;
		w->side = seat;
	}
	w->rule = rule;
	w->uses |= USE_TARGET;
	return DOOR_OPEN;

closed:
	w->forth = w->kept;
	w->hop = w->kept_hop;
	w->own_address = w->kept_own;
	w->nat = w->translation = w->habits = w->uses = 0;
	w->nat_address = NO_ADDRESS;
	describe_packet(w, in);
	p->own = own;
	return DOOR_CLOSED;
}

#endif
