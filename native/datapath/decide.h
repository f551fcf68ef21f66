/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The journey of a packet that belongs to no flow: broken or forged? whose? what does the policy say? how does it leave? */
#ifndef MASQC_DECIDE_H
#define MASQC_DECIDE_H

#include "base.h"
#include "beyond.h"
#include "addresses.h"
#include "doors.h"
#include "maps.h"
#include "nexthop.h"
#include "questions.h"
#include "work.h"

/*
 * A host that was sent back to its own network by a map appears there with the address that the map gives it outside, if
 * that is one of its own (RFC 4787 REQ-9).
 */
static __always_inline void ask_appearance(struct work *w, const struct flow_key *key)
{
	struct masqc_packet *p = &w->packet;

	if (!ask_masquerade(p, p->in, w->map.side, key->saddr, key->sport, key->daddr, key->dport) ||
	    p->translation != MASQC_PREFIX)
		p->nat = 0;
}

/* Keeps what a map answered, and where the destination moves to: other questions follow. */
static __always_inline bool note_map(struct work *w, const addr_t *destination)
{
	const struct masqc_packet *p = &w->packet;

	w->map.rule = p->rule;
	w->map.side = p->side;
	return move_address(destination, p->to_addr, p->prefix, p->adjust, &w->map.inside);
}

/* Which source it takes on the way out. The answer of the `forward` question is in w->packet. */
static __always_inline enum step choose_source(struct work *w, bool redirected)
{
	struct masqc_packet *p = &w->packet;
	struct iface *out;
	__u32 seat = w->forth.seat;

	if (!p->nat && w->map.rule && w->forth.out == w->in)
		ask_appearance(w, &w->h.key);
	w->nat = p->nat;
	if (p->nat) {
		w->port_first = p->port_first;
		w->port_last = p->port_last;
		w->mapping = p->mapping;
		w->filtering = p->filtering;
		w->translation = p->translation;
		w->habits = p->habits;
		w->side = seat;
		if (p->habits & MASQC_OUTBOUND)
			w->uses |= BY_FORTH;
		if (has_outside(p)) {
			if (!outside_address(p, &w->h.key.saddr, &w->nat_address))
				return refuse(w, DROP_UNTRANSLATED);
		} else {
			if (is_private(w->own_address)) {
				__u32 *owner = bpf_map_lookup_elem(&MAP(addresses), &w->own_address);

				/* the way out has lost its address: the kernel offers that of an inner interface */
				if (owner && *owner != w->forth.out)
					return refuse(w, DROP_UNTRANSLATED);
			}
			w->nat_address = w->own_address;
			w->forth.flags |= FLOW_OWN_ADDRESS;
			out = bpf_map_lookup_elem(&interfaces, &seat);
			if (out && is_zero(out->MAP(probe)))
				out->MAP(probe) = w->h.key.daddr;
		}
		if (!is_hidden(w))
			return refuse(w, DROP_UNTRANSLATED);
	} else if ((redirected || w->map.rule) && w->forth.out == w->in) {
		/* client and target share an interface: the client appears with its outside address (RFC 4787 REQ-9) */
		w->port_first = 1024;
		w->port_last = 32767;
		w->nat_address = p->own ? w->h.key.daddr : w->own_address;
	} else {
		out = bpf_map_lookup_elem(&interfaces, &seat);
		if (!out || (out->flags & MAP(IFACE_HIDES) && is_private(w->h.key.saddr)))
			return refuse(w, DROP_UNTRANSLATED);
	}
	if (is_hidden(w)) {
		w->to.saddr = w->nat_address;
		w->forth.flags |= FLOW_NAT_SRC;
		w->back.flags |= FLOW_NAT_DST;
	}
	if (!w->nat)
		w->nat = w->map.rule;
	return STEP_CREATE;
}

static __always_inline enum step obey(struct work *w)
{
	switch (w->packet.verdict) {
	case MASQC_ALLOW:
		return STEP_CREATE;
	case MASQC_REJECT:
		w->reason = DROP_REJECTED;
		return STEP_REJECT;
	case MASQC_FORGED:
		return refuse(w, DROP_FORGED);
	case MASQC_UNTRANSLATED:
		return refuse(w, DROP_UNTRANSLATED);
	default:
		return refuse(w, DROP_DENIED);
	}
}

/* The answers, which have the private address that was asked for, would leave by an interface that hides such. */
static __always_inline bool would_answer_outside(struct work *w)
{
	__u32 seat = w->back.seat;
	struct iface *back = bpf_map_lookup_elem(&interfaces, &seat);

	return w->back.out != w->in && back && back->flags & MAP(IFACE_HIDES) && is_private(w->h.key.daddr);
}

/* Nothing is decided yet. */
static __always_inline void begin(struct work *w)
{
	w->reason = w->rule = w->nat = w->adopted = 0;
	w->hop = w->nat_address = NO_ADDRESS;
	w->mapping = w->filtering = w->side = w->uses = w->rechecks = w->translation = w->habits = 0;
	w->map.rule = 0;
	__builtin_memset(&w->forth, 0, sizeof(w->forth));
	__builtin_memset(&w->back, 0, sizeof(w->back));
}

/* w->h and w->in are set. Fills what create_flow needs, or says why there will be no flow. */
static __noinline enum step decide_arrival(void *ctx, struct work *w)
{
	struct flow_key key, *other;
	bool redirected = false;
	enum step step;
	enum way way;
	__u32 in;
	long code;

	if (!w)
		return STEP_DROP;
	key = w->h.key;
	other = &w->reply; /* not in use yet */
	in = get_id(w->in);
	if (in == MASQC_NOWHERE)
		return STEP_PASS;
	begin(w);

	if (is_beyond_rules(&w->h))
		return STEP_PASS;
	if (is_impossible_source(key.saddr))
		return refuse(w, DROP_FORGED);
	if (is_impossible_source(key.daddr) && !is_for_many(key.daddr))
		return refuse(w, DROP_MALFORMED);

	way = find_way(ctx, w, &key);
	if (way == WAY_LOCAL && is_local_beyond_rules(&w->h))
		return STEP_PASS;

	/* forged: the gateway's own address, or one that nothing declared leads to; also the way of the answers */
	reverse_key(&key, other);
	code = route_back(ctx, &w->fib, other, w->in);
	if (is_link_local(key.saddr)) { /* RFC 4291 section 2.5.6: it stays on its link */
		if (way != WAY_LOCAL)
			return refuse(w, DROP_FORGED);
		w->back.out = w->in;
	} else if (code != BPF_FIB_LKUP_RET_FWD_DISABLED && (!is_routed(code) || !set_hop(&w->back, &w->fib, code))) {
		return refuse(w, DROP_FORGED);
	}
	if (w->back.out != w->in) { /* another uplink: the answers keep the one that it came by */
		code = route_by(ctx, &w->fib, other, w->in);
		if (is_routed(code))
			set_hop(&w->back, &w->fib, code);
	}
	describe_packet(w, in);
	if (way == WAY_LOCAL)
		w->packet.own = is_for_many(key.daddr) ? 0 : find_own(ctx, w, &key.daddr);
	w->to = key;
	w->forth.door = make_door(w->in);
	w->forth.flags |= FLOW_ORIGINAL;

	/* strays; but connections that the gateway had before the first apply go on */
	if (key.protocol == IPPROTO_TCP && (w->h.tcp & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN) {
		if (way != WAY_LOCAL || w->h.tcp & (TCP_SYN | TCP_RST) || !has_connection(ctx, &key))
			return refuse(w, DROP_STRAY);
		w->adopted = 1;
		goto to_gateway;
	}
	if (key.protocol == IP_ICMP && !is_icmp_request(w->h.icmp_type))
		return refuse(w, DROP_STRAY);

	masqc_policy_ingress(&w->packet);
	w->rule = w->packet.rule;
	if (w->packet.verdict == MASQC_MAP && !note_map(w, &w->h.key.daddr))
		return refuse(w, DROP_UNTRANSLATED);
	if (w->packet.verdict == MASQC_REDIRECT) {
		redirected = true;
		w->to.daddr = read_words(w->packet.to_addr);
		w->forth.flags |= FLOW_NAT_DST;
		w->back.flags |= FLOW_NAT_SRC;
		write_words(w->packet.daddr, w->to.daddr);
		if (w->packet.to_port && key.protocol != IP_ICMP) {
			w->to.dport = bpf_htons(w->packet.to_port);
			w->packet.dport = w->packet.to_port;
		}
		way = find_way(ctx, w, &w->to);
	} else if (w->packet.verdict != MASQC_CONTINUE && !w->map.rule) {
		step = obey(w);
		if (step != STEP_CREATE)
			return step;
		return refuse(w, DROP_DENIED); /* `allow` is no answer to this question */
	} else if (has_mappings(key.protocol) && (way == WAY_LOCAL || addresses_used) && enter_door(ctx, w) == DOOR_OPEN) {
		if (would_answer_outside(w))
			return refuse(w, DROP_FORGED);
		w->back.door = door_of(w->forth.seat, w->forth.out);
		return STEP_CREATE;
	}
	if (w->map.rule) {
		w->to.daddr = w->map.inside;
		w->forth.flags |= FLOW_NAT_DST;
		w->back.flags |= FLOW_NAT_SRC;
		write_words(w->packet.daddr, w->map.inside);
		way = find_way(ctx, w, &w->to);
		w->packet.own = way == WAY_LOCAL ? find_own(ctx, w, &w->map.inside) : 0;
	}
	if (way == WAY_LOCAL) {
		if (!redirected) {
			clear_answer(&w->packet);
			w->packet.out = MASQC_SELF;
			masqc_policy_forward(&w->packet);
			w->rule = w->packet.rule;
			step = obey(w);
			if (step != STEP_CREATE)
				return step;
			if (is_for_many(key.daddr))
				return STEP_PASS;
		}
		goto to_gateway;
	}
	if (way != WAY_OUT)
		return refuse(w, way == WAY_UNDECLARED ? DROP_UNDECLARED : DROP_NO_ROUTE);
	w->packet.out = get_id(w->forth.out);
	if (w->packet.out == MASQC_NOWHERE)
		return refuse(w, DROP_UNDECLARED);
	clear_answer(&w->packet);
	if (redirected)
		w->packet.verdict = MASQC_ALLOW;
	masqc_policy_forward(&w->packet);
	if (!redirected)
		w->rule = w->packet.rule;
	step = obey(w);
	if (step != STEP_CREATE)
		return step;
	if (would_answer_outside(w)) /* an outside source that comes in by an inner interface */
		return refuse(w, DROP_FORGED);
	w->back.door = door_of(w->forth.seat, w->forth.out);
	return choose_source(w, redirected);

to_gateway:
	w->forth.flags |= FLOW_LOCAL;
	w->forth.flags &= ~(FLOW_NEIGHBOUR | FLOW_XDP);
	w->forth.out = 0;
	w->back.flags |= FLOW_OWN;
	w->back.door = w->forth.door;
	return STEP_CREATE;
}

/* What the gateway itself starts: its own deny lines, and nothing else. w->in is the interface that it leaves by. */
static __noinline enum step decide_own(void *ctx, struct work *w)
{
	struct flow_key key;
	struct iface *out;

	if (!w)
		return STEP_DROP;
	key = w->h.key;
	begin(w);
	if (is_zero(key.saddr) || is_own_beyond_rules(&w->h))
		return STEP_PASS;
	out = get_interface(w->in);
	if (out && out->flags & MAP(IFACE_HIDES) && is_private(key.saddr) && find_own(ctx, w, &key.saddr) != get_id(w->in))
		return refuse(w, DROP_UNTRANSLATED); /* the address of an inner interface */
	if (is_for_many(key.daddr))
		return STEP_PASS;
	if (key.protocol == IP_ICMP && !is_icmp_request(w->h.icmp_type))
		return STEP_PASS;
	if (key.protocol == IPPROTO_TCP && (w->h.tcp & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN) {
		if (w->h.tcp & (TCP_RST | TCP_SYN))
			return STEP_PASS;
		w->adopted = 1;
	} else {
		describe_packet(w, MASQC_SELF);
		masqc_policy_ingress(&w->packet);
		w->rule = w->packet.rule;
		if (w->packet.verdict != MASQC_CONTINUE && w->packet.verdict != MASQC_REDIRECT &&
		    w->packet.verdict != MASQC_ALLOW)
			return obey(w);
	}
	w->to = key;
	w->forth.flags = FLOW_ORIGINAL | FLOW_OWN;
	w->forth.door = make_door(w->in);
	w->back.flags = FLOW_LOCAL;
	w->back.door = w->forth.door;
	return STEP_CREATE;
}

#endif
