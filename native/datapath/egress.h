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

	if (!h)
		return TC_ACT_SHOT;
	flow = bpf_map_lookup_elem(&MAP(flows), &h->key);
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
	back = bpf_map_lookup_elem(&MAP(flows), &other);
	if (back && back->epoch != EPOCH_DYING && open_door(back->door, skb->ifindex) && !(back->flags & FLOW_LOCAL))
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

/* A datagram in pieces, as the stack sends it. */
struct datagram {
	addr_t saddr;
	addr_t daddr;
	__be32 id;
	__u32 protocol;
};

/* How its head left. */
struct departure {
	addr_t saddr;
	__u32 ifindex;
	__u32 pad[sizeof(addr_t) / 16];
};

/* heads: key is a datagram of which the stack sends pieces; written by TC egress with the head, read with the others, which
 * follow at once; the least recently used entry goes. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct datagram);
	__type(value, struct departure);
} heads SEC(".maps");

/* What leave_in_pieces knows. */
struct piece {
	struct datagram datagram;
	struct departure departure;
	struct flow_key to;
};

/* pieces: key 0; written by the CPU that sends a piece, means nothing afterwards. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct piece);
} pieces SEC(".maps");

#define ASK_POLICY 0x100 /* no verdict: the head of a new flow of the gateway's own */

/*
 * Pieces that the stack made: of forwarded packets, because the way out is too narrow and the sender allows it (no DF),
 * and of the gateway's own. The head has the ports; the others take the source that it took.
 */
static __noinline int leave_in_pieces(struct __sk_buff *skb, struct header *h)
{
	bool own = !skb->ingress_ifindex;
	struct departure *head;
	struct flow_dir *flow;
	struct piece *piece;
	__u32 zero = 0;
	int verdict;

	piece = bpf_map_lookup_elem(&pieces, &zero);
	if (!h || !piece)
		return TC_ACT_SHOT;
	piece->datagram.saddr = h->key.saddr;
	piece->datagram.daddr = h->key.daddr;
	piece->datagram.protocol = h->key.protocol;
	if (!read_datagram_id(skb, h, &piece->datagram.id))
		return drop_skb(skb, DROP_FAILED);
	if (h->head) {
		piece->departure.saddr = h->key.saddr;
		piece->departure.ifindex = skb->ifindex;
		flow = bpf_map_lookup_elem(&MAP(flows), &h->key);
		if (flow && flow->flags & FLOW_NAT_SRC) {
			translate_key(&h->key, flow, &piece->to);
			piece->departure.saddr = piece->to.saddr;
		}
		if (!own)
			verdict = leave_forwarded(skb, h);
		else if (flow && flow->epoch == get_epoch() && flow->flags & FLOW_OWN)
			verdict = send_skb(skb, h, flow, coarse_now());
		else
			verdict = ASK_POLICY;
		if (verdict != TC_ACT_SHOT)
			bpf_map_update_elem(&heads, &piece->datagram, &piece->departure, BPF_ANY);
		return verdict;
	}
	head = bpf_map_lookup_elem(&heads, &piece->datagram);
	if (head && head->ifindex != skb->ifindex)
		head = NULL;
	if ((!head && !own) || (own && (!head || same_address(head->saddr, h->key.saddr)) && shows_inside(skb, &h->key.saddr)))
		return drop_skb(skb, DROP_FRAGMENT);
	if (head && !same_address(head->saddr, h->key.saddr)) {
		make_key(&piece->to, head->saddr, h->key.daddr, 0, 0, 0);
		h->key.protocol = IPPROTO_IP; /* the ports are in the head */
		if (!rewrite_skb(skb, h, &piece->to, WRITE_SRC))
			return drop_skb(skb, DROP_FAILED);
	}
	return TC_ACT_UNSPEC;
}

#endif
