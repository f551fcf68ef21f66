/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Answers to packets that do not go on: to those of a `reject` line a RST (TCP) or ICMP 3/13, to those whose flow can't be set
 * up ICMP 3/13 (RFC 5508 REQ-8), inside only. The packet becomes its own answer and goes back where it came from; at TC egress that is
 * the gateway itself, so that a program of its own learns at once.
 */
#ifndef MASQC_REJECT_H
#define MASQC_REJECT_H

#include "addresses.h"
#include "answer.h"
#include "base.h"
#include "checksum.h"
#include "family.h"
#include "forward.h"
#include "work.h"

/* Sum of `size` bytes (a multiple of 4) at `from`. */
static __always_inline sum_t sum_bytes(void *from, __u32 size)
{
	return (sum_t)bpf_csum_diff(NULL, 0, from, size, 0);
}

/*
 * RFC 9293 section 3.5.2: a segment with ACK is answered with its number, another by acknowledging what it holds.
 * `pseudo`: sum of the pseudo header.
 */
static __always_inline void fill_segment(struct tcphdr *tcp, const struct header *h, sum_t pseudo)
{
	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->source = h->key.dport;
	tcp->dest = h->key.sport;
	tcp->doff = 5;
	tcp->rst = 1;
	if (h->tcp & TCP_ACK) {
		tcp->seq = bpf_htonl(h->ack);
	} else {
		tcp->ack = 1;
		tcp->ack_seq = bpf_htonl(h->end);
	}
	/* CHECKSUM_PARTIAL outlives the rewriting: the device, or the receiver's trust, completes a pseudo-header sum. */
	tcp->check = h->partial ? fold(pseudo) : ~fold(pseudo + sum_bytes(tcp, sizeof(*tcp)));
}

#if FAMILY == 4
#include "reject-4.h"
#else
#include "reject-6.h"
#endif

/* rejection4, rejection6: key 0; where an error is put together. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unreachable);
} MAP(rejection) SEC(".maps");

/* Gives the frame `size` bytes after the link header, and the addresses of the way back. */
static __always_inline bool turn_around(struct __sk_buff *skb, __u32 l3, __u32 size)
{
	__u8 eth[14], back[12];

	if (bpf_skb_change_tail(skb, l3 + size, 0))
		return false;
	if (!l3)
		return true;
	if (bpf_skb_load_bytes(skb, 0, eth, sizeof(eth)))
		return false;
	__builtin_memcpy(back, eth + 6, 6);
	__builtin_memcpy(back + 6, eth, 6);
	return !bpf_skb_store_bytes(skb, 0, back, sizeof(back), 0);
}

/* Sends it, when it has become the answer. */
static __always_inline int send_answer(struct __sk_buff *skb, bool own)
{
	if (own)
		SET_SKB(skb, mark, ANSWER_MARK);
	else
		SET_SKB(skb, tc_index, TC_DONE);
	return bpf_redirect(skb->ifindex, own ? BPF_F_INGRESS : 0);
}

/* `own`: a packet that the gateway sends, at TC egress. */
static __noinline int reject_skb(struct __sk_buff *skb, struct work *w, bool own)
{
	struct header *h;
	struct iface *in;
	bool full;
	__u32 l3;

	if (!w)
		return TC_ACT_SHOT;
	h = &w->h;
	l3 = h->l3 & 0xf;
	count_drop(w->reason, skb->len);
	/* no answer to what went to many */
	if (is_for_many(h->key.daddr) || (!own && skb->pkt_type != PACKET_HOST))
		return TC_ACT_SHOT;
	if (h->key.protocol == IPPROTO_TCP && h->tcp & TCP_RST)
		return TC_ACT_SHOT;
	in = get_interface(skb->ifindex);
	full = is_no_room(w->reason) || w->reason == DROP_PORT_TAKEN;
	if (full && !own && (!in || in->flags & MAP(IFACE_HIDES)))
		return TC_ACT_SHOT; /* a full table is nobody's business outside */
	if (!may_answer(&h->key.saddr))
		return TC_ACT_SHOT;
	if (h->key.protocol == IPPROTO_TCP && !full) {
		struct reset r;

		fill_reset(&r, h);
		if (!turn_around(skb, l3, sizeof(r)) || bpf_skb_store_bytes(skb, l3, &r, sizeof(r), BPF_F_INVALIDATE_HASH))
			return TC_ACT_SHOT;
	} else {
		addr_t from = h->key.daddr;
		struct unreachable *u;
		__u32 size, zero = 0;

		u = bpf_map_lookup_elem(&MAP(rejection), &zero);
		if (!u)
			return TC_ACT_SHOT;

		/* the gateway answers with its own address on that side; a martian to itself */
		if (!own && (!w->packet.own || w->packet.own == MASQC_NOWHERE)) {
			__builtin_memset(&w->fib, 0, sizeof(w->fib));
			w->fib.family = AF;
			w->fib.tot_len = 1;
			w->fib.ifindex = w->in;
			fib_to(&w->fib, h->key.saddr);
			if (!is_routed(bpf_fib_lookup(skb, &w->fib, sizeof(w->fib),
						      BPF_FIB_LOOKUP_OUTPUT | BPF_FIB_LOOKUP_SRC)))
				return TC_ACT_SHOT;
			from = fib_source(&w->fib);
		}
		size = fill_unreachable(skb, u, h, from);
		if (!size || size > sizeof(*u))
			return TC_ACT_SHOT;
		if (!turn_around(skb, l3, size) || bpf_skb_store_bytes(skb, l3, u, size, BPF_F_INVALIDATE_HASH))
			return TC_ACT_SHOT;
	}
	return send_answer(skb, own);
}

#endif
