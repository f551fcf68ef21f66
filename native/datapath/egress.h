/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* TC egress, packets that did not come by a redirect: what the stack forwards, whole or in pieces. */
#ifndef MASQC_EGRESS_H
#define MASQC_EGRESS_H

#include "base.h"
#include "drop.h"
#include "epoch.h"
#include "flow.h"
#include "forward.h"
#include "maps.h"
#include "nexthop.h"
#include "options.h"
#include "parse.h"
#include "pieces.h"
#include "rewrite.h"
#include "target.h"

/*
 * Packets that the stack forwards (it had to answer for TTL or MTU, or a program did not see them): sources are
 * rewritten here, and nothing leaves that its flow does not let leave this way.
 */
static __noinline int leave_forwarded(struct __sk_buff *skb, struct header *h)
{
	struct flow_dir *flow, *back;
	struct flow_key other, to;
	struct iface *out;

	if (!h)
		return TC_ACT_SHOT;
	out = get_interface(skb->ifindex);
	if (h->l4 > h->l3 + IP_HEADER && out && out->flags & MAP(IFACE_HIDES) && !blank_ways(skb, h->l3, h->l4))
		return drop_skb(skb, DROP_FAILED);
	flow = find_flow(&h->key);
	if (flow && flow->epoch != EPOCH_DYING && !(flow->flags & (FLOW_LOCAL | FLOW_OWN))) {
		if (flow->out != skb->ifindex || !open_door(flow->door, skb->ingress_ifindex))
			return drop_skb(skb, DROP_WRONG_INTERFACE);
		if (flow->flags & FLOW_NAT_DST)
			return drop_skb(skb, DROP_UNTRANSLATED);
		translate_key(&h->key, flow, &to);
		if (flow->flags & FLOW_NAT_SRC && !rewrite_skb(skb, h, &to, WRITE_SRC))
			return drop_skb(skb, DROP_FAILED);
		return TC_ACT_UNSPEC;
	}
	if (!get_interface(skb->ingress_ifindex))
		return drop_skb(skb, DROP_UNDECLARED);
	/* rewritten at ingress, and needs nothing more? */
	reverse_key(&h->key, &other);
	back = find_flow(&other);
	if (back && back->epoch != EPOCH_DYING && open_door(back->door, skb->ifindex) &&
	    !(back->flags & (FLOW_LOCAL | FLOW_OWN))) /* whose answers end here */
		return TC_ACT_UNSPEC;
	return drop_skb(skb, DROP_UNTRANSLATED);
}

/* A packet of the gateway's own, without a flow, with an inside address, out by an interface that hides them. (The
 * address of that interface may be private itself; as apply saw it, or as it is now.) */
static __noinline bool shows_inside(struct __sk_buff *skb, const addr_t *from)
{
	struct iface *out = get_interface(skb->ifindex);
	struct bpf_fib_lookup fib = {};
	__u32 *owner;
	addr_t saddr;

	if (!from || !out || !(out->flags & MAP(IFACE_HIDES)) || !is_private(*from) || is_link_local(*from))
		return false;
	saddr = *from;
	owner = bpf_map_lookup_elem(&MAP(addresses), &saddr);
	if (owner)
		return *owner != skb->ifindex;
	fib.family = AF;
	fib.tot_len = 1; /* or the packet's own size would be compared with the MTU */
	fib.ifindex = skb->ifindex;
	fib_to(&fib, out->MAP(probe));
	return !is_zero(out->MAP(probe)) && is_routed(bpf_fib_lookup(skb, &fib, sizeof(fib), BPF_FIB_LOOKUP_OUTPUT | BPF_FIB_LOOKUP_SRC)) &&
	       !same_address(fib_source(&fib), saddr);
}

/*
 * A piece that is not the head, of a datagram that the stack sends in pieces: a forwarded one, because the way out is too
 * narrow and the sender allows it (no DF), or the gateway's own. It takes the source and the identification of the head.
 */
static __noinline int leave_behind(struct __sk_buff *skb, struct header *h)
{
	struct piece_work *w = get_piece_work();
	bool own = !skb->ingress_ifindex;
	struct datagram *d;

	if (!h || !w)
		return TC_ACT_SHOT;
	if (read_piece(skb, h, own ? SIDE_OWN : SIDE_LEAVES, &w->piece) != DROP_NONE)
		return drop_skb(skb, DROP_MALFORMED);
	d = &w->known;
	if (!find_datagram(&w->piece.key, coarse_now(), d)) {
		if (!own || shows_inside(skb, &h->key.saddr))
			return drop_skb(skb, DROP_FRAGMENT);
		return TC_ACT_UNSPEC;
	}
	if (d->fate == DATAGRAM_DROPPED)
		return drop_skb(skb, d->reason);
	if (own && same_address(d->saddr, h->key.saddr) && shows_inside(skb, &h->key.saddr))
		return drop_skb(skb, DROP_FRAGMENT);
	w->h = *h;
	w->h.key.protocol = NO_PORTS;
	w->to.saddr = d->saddr;
	w->to.sport = 0;
	if (!write_id(skb, h, w->piece.key.id, d->id) ||
	    (!same_address(d->saddr, h->key.saddr) && !rewrite_skb(skb, &w->h, &w->to, WRITE_SRC)))
		return drop_skb(skb, DROP_FAILED);
	return TC_ACT_UNSPEC;
}

/* The packet leaves as its flow (or NULL) says; with a head goes all of its datagram. */
static __always_inline int leave_whole(struct __sk_buff *skb, struct header *h, struct flow_dir *flow, int verdict)
{
	return h->head && verdict != TC_ACT_SHOT ? leave_head(skb, h, flow) : verdict;
}

#endif
