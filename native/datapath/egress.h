/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* TC egress, packets that did not come by a redirect: what the stack forwards, whole or in pieces. */
#ifndef MASQC_EGRESS_H
#define MASQC_EGRESS_H

#include "base.h"
#include "drop.h"
#include "flow.h"
#include "forward.h"
#include "maps.h"
#include "parse.h"
#include "rewrite.h"

/*
 * Packets that the stack forwards (it had to answer for TTL or MTU, or a program did not see them): sources are
 * rewritten here, and nothing leaves that its flow does not let leave this way.
 */
static __noinline int leave_forwarded(struct __sk_buff *skb, struct header *h)
{
	struct flow_dir *flow, *back;
	struct flow_key other;

	if (!h)
		return TC_ACT_SHOT;
	flow = bpf_map_lookup_elem(&flows4, &h->key);
	if (flow && !flow->dying && !(flow->flags & (FLOW_LOCAL | FLOW_OWN))) {
		if (flow->out != skb->ifindex)
			return drop_skb(skb, DROP_WRONG_INTERFACE);
		if (flow->flags & FLOW_NAT_DST)
			return drop_skb(skb, DROP_UNTRANSLATED);
		if (flow->flags & FLOW_NAT_SRC && !rewrite_skb(skb, h, flow, WRITE_SRC))
			return drop_skb(skb, DROP_FAILED);
		return TC_ACT_UNSPEC;
	}
	/* rewritten at ingress, and needs nothing more? */
	reverse_key(&h->key, &other);
	back = bpf_map_lookup_elem(&flows4, &other);
	if (back && !back->dying && open_door(back->door, skb->ifindex) && !(back->flags & FLOW_LOCAL))
		return TC_ACT_UNSPEC;
	return drop_skb(skb, DROP_UNTRANSLATED);
}

/* The head of a datagram that the stack has cut in pieces: the others follow it at once, on the same CPU. */
struct pieces {
	__be32 saddr;      /* as the stack sends them */
	__be32 daddr;
	__be32 to;         /* the source that they leave with */
	__u32 ifindex;
	__be16 id;
	__u8 protocol;
	__u8 pad[5];
};

/* last_head: key 0; written and read by TC egress of its CPU; overwritten by the next head. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pieces);
} last_head SEC(".maps");

#define ASK_POLICY 0x100 /* no verdict: the head of a new flow of the gateway's own */

/*
 * Pieces that the stack made: of forwarded packets, because the way out is too narrow and the sender allows it (no DF),
 * and of the gateway's own. The head has the ports; the others take the source that it took.
 */
static __noinline int leave_in_pieces(struct __sk_buff *skb, struct header *h)
{
	bool own = !skb->ingress_ifindex;
	struct flow_dir *flow;
	struct pieces *p;
	__u32 zero = 0;
	__be16 id;
	int verdict;

	if (!h)
		return TC_ACT_SHOT;
	p = bpf_map_lookup_elem(&last_head, &zero);
	if (!p || bpf_skb_load_bytes(skb, h->l3 + offsetof(struct iphdr, id), &id, sizeof(id)))
		return drop_skb(skb, DROP_FAILED);
	if (h->head) {
		flow = bpf_map_lookup_elem(&flows4, &h->key);
		p->saddr = h->key.saddr;
		p->daddr = h->key.daddr;
		p->to = flow && flow->flags & FLOW_NAT_SRC ? flow->saddr : h->key.saddr;
		p->id = id;
		p->protocol = h->key.protocol;
		if (!own)
			verdict = leave_forwarded(skb, h);
		else if (flow && !flow->dying && flow->flags & FLOW_OWN)
			verdict = send_skb(skb, h, flow, coarse_now());
		else
			verdict = ASK_POLICY;
		p->ifindex = verdict == TC_ACT_SHOT ? 0 : skb->ifindex;
		return verdict;
	}
	if (p->saddr != h->key.saddr || p->daddr != h->key.daddr || p->id != id || p->protocol != h->key.protocol ||
	    p->ifindex != skb->ifindex)
		return own ? TC_ACT_UNSPEC : drop_skb(skb, DROP_FRAGMENT);
	if (p->to != p->saddr) {
		struct flow_dir to = { .saddr = p->to };
		struct header piece = *h;

		piece.key.protocol = IPPROTO_IP; /* the ports are in the head */
		if (!rewrite_skb(skb, &piece, &to, WRITE_SRC))
			return drop_skb(skb, DROP_FAILED);
	}
	return TC_ACT_UNSPEC;
}

#endif
