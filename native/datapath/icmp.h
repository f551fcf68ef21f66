/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* ICMP errors: they belong to the flow that they quote, and never refresh it (RFC 5508 REQ-4 to REQ-6). */
#ifndef MASQC_ICMP_H
#define MASQC_ICMP_H

#include "base.h"
#include "checksum.h"
#include "drop.h"
#include "family.h"
#include "forward.h"
#include "maps.h"
#include "nexthop.h"
#include "target.h"

/* The packet that an error quotes. */
struct quote {
	struct flow_key key;  /* as quoted */
	__u32 l3;             /* offset of the quoted IP header */
	__u32 l4;
	__u16 ip_check;
	__u16 l4_check;       /* of UDP and ICMP; TCP's lies beyond the eight bytes that are sure to be there */
	bool has_tcp_check;
	__u8 pad[7];
};

/* What is known of an error: too large for the stack. */
struct error {
	struct quote quote;
	struct flow_key key;  /* of the flow that carries it */
	struct flow_key to;   /* what that flow's packets become */
	struct header outer;
	struct next_hop next;
};

/* errors: key 0; written by the CPU that handles an error, means nothing afterwards. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct error);
} errors SEC(".maps");

static __always_inline struct error *get_error(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&errors, &zero);
}

#define SUM_PIECE 64
#define SUM_PIECES 24 /* 1536 bytes: an error is at most 576 long, or as long as the MTU (RFC 4884, RFC 1812) */

/* The bytes from `from` to `to`, and what `sum` stands for, are a right Internet checksum. Longer ones than SUM_PIECES are trusted. */
static __noinline bool has_right_sum(struct __sk_buff *skb, __u32 from, __u32 to, sum_t sum)
{
	__u32 piece, at = from;

	for (piece = 0; piece < SUM_PIECES; piece++) {
		__be32 words[SUM_PIECE / 4] = {};
		__u32 last; /* index of the last byte of this piece */

		if (at >= to)
			return fold(sum) == 0xffff;
		last = to - at < SUM_PIECE ? to - at - 1 : SUM_PIECE - 1;
		asm volatile("%0 &= 63" : "+r"(last)); /* for the verifier of 6.1, which must see 1..64 in this register */
		if (bpf_skb_load_bytes(skb, at, words, last + 1))
			return false;
		sum += (__u32)bpf_csum_diff(NULL, 0, words, sizeof(words), 0);
		at += SUM_PIECE;
	}
	return at < to || fold(sum) == 0xffff;
}

#if FAMILY == 4
#include "icmp-4.h"
#else
#include "icmp-6.h"
#endif

/*
 * An error about a packet P of a flow travels the way of P's answers: the reverse of the quoted tuple, seen from where
 * the error comes, is the key of the direction that it takes. Whoever reports (a router on the way, too) appears with
 * the address that the answers appear with, where their source is hidden.
 */
static __noinline int icmp_error_in(struct __sk_buff *skb, struct header *h)
{
	struct error *e = get_error();
	struct flow_dir *flow;

	if (!h || !e)
		return TC_ACT_SHOT;
	if (skb->mark == ANSWER_MARK) {
		skb->mark = 0;
		return TC_ACT_UNSPEC;
	}
	if (!read_quote(skb, h, &e->quote))
		return drop_skb(skb, DROP_MALFORMED);
	reverse_key(&e->quote.key, &e->key);
	flow = bpf_map_lookup_elem(&MAP(flows), &e->key);
	if (!flow || flow->epoch == EPOCH_DYING || flow->flags & FLOW_OWN)
		return drop_skb(skb, DROP_STRAY);
	/*
	 * RFC 5508 REQ-3: an error whose own checksum is wrong is dropped, and one whose quoted IP header has a wrong one; the
	 * quoted transport checksum may be as it is.
	 */
	if (!has_right_sum(skb, h->l4, h->l3 + h->length, icmp_pseudo_sum(h)) || !has_right_header(skb, &e->quote))
		return drop_skb(skb, DROP_MALFORMED);
	if (!open_door(flow->door, skb->ifindex))
		return drop_skb(skb, DROP_WRONG_INTERFACE);
	translate_key(&e->key, flow, &e->to);
	if (flow->flags & (FLOW_NAT_SRC | FLOW_NAT_DST) && !rewrite_quote(skb, h, &e->quote, &e->to))
		return drop_skb(skb, DROP_FAILED);
	e->outer = *h;
	e->outer.key.sport = 0;
	e->outer.key.dport = 0;
	e->outer.key.protocol = ERROR_PROTOCOL;
	if (!(flow->flags & FLOW_NAT_SRC))
		e->to.saddr = h->key.saddr;
	e->to.sport = 0;
	e->to.dport = 0;
	if (flow->flags & FLOW_LOCAL) {
		if (flow->flags & FLOW_NAT_DST && !rewrite_skb(skb, &e->outer, &e->to, WRITE_DST))
			return drop_skb(skb, DROP_FAILED);
		return TC_ACT_UNSPEC;
	}
	if (h->ttl <= 1 || h->length > flow->mtu)
		return drop_skb(skb, DROP_STRAY);
	if (!(flow->flags & FLOW_NAT_SRC) && !same_address(h->key.saddr, e->key.saddr) &&
	    is_hidden_by(flow->seat, e->to.saddr)) /* an inside router, about a flow without masquerade */
		return drop_skb(skb, DROP_UNTRANSLATED);
	e->next = (struct next_hop){ .probe = false };
	return send_on(skb, &e->outer, flow, &e->to, &e->next);
}

/*
 * An error that the stack wrote about a packet whose destination was rewritten at ingress: the quote gets the outside
 * address back. Other quotes are as their receiver sent them.
 */
static __noinline int icmp_error_out(struct __sk_buff *skb, struct header *h)
{
	struct error *e = get_error();
	struct flow_dir *flow;

	if (!h || !e)
		return TC_ACT_SHOT;
	if (!read_quote(skb, h, &e->quote))
		return TC_ACT_UNSPEC;
	reverse_key(&e->quote.key, &e->key);
	flow = bpf_map_lookup_elem(&MAP(flows), &e->key);
	if (!flow || !(flow->flags & FLOW_NAT_SRC))
		return TC_ACT_UNSPEC;
	translate_key(&e->key, flow, &e->to);
	if (!rewrite_quote(skb, h, &e->quote, &e->to))
		return drop_skb(skb, DROP_FAILED);
	return TC_ACT_UNSPEC;
}

#endif
