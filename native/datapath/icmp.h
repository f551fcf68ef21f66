/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* ICMP errors: they belong to the flow that they quote, and never refresh it (RFC 5508 REQ-4 to REQ-6). */
#ifndef MASQC_ICMP_H
#define MASQC_ICMP_H

#include "base.h"
#include "checksum.h"
#include "drop.h"
#include "forward.h"
#include "maps.h"
#include "nexthop.h"

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

static __always_inline bool read_quote(struct __sk_buff *skb, const struct header *h, struct quote *q)
{
	struct iphdr ip;
	__be16 words[4];
	__u32 size;

	q->l3 = h->l4 + sizeof(struct icmphdr);
	if (q->l3 + sizeof(ip) > h->l3 + h->length || bpf_skb_load_bytes(skb, q->l3, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return false;
	size = ip.ihl * 4;
	q->l4 = q->l3 + size;
	q->key = (struct flow_key){ .saddr = ip.saddr, .daddr = ip.daddr, .protocol = ip.protocol };
	q->ip_check = ip.check;
	q->l4_check = 0;
	q->has_tcp_check = false;
	if (ip.frag_off & bpf_htons(IP_OFFSET) || q->l4 + sizeof(words) > h->l3 + h->length)
		return false; /* RFC 792: eight bytes of it at least */
	if (bpf_skb_load_bytes(skb, q->l4, words, sizeof(words)))
		return ip.protocol != IPPROTO_TCP && ip.protocol != IPPROTO_UDP && ip.protocol != IPPROTO_ICMP;
	if (ip.protocol == IPPROTO_TCP || ip.protocol == IPPROTO_UDP || ip.protocol == IPPROTO_SCTP) {
		q->key.sport = words[0];
		q->key.dport = words[1];
		if (ip.protocol == IPPROTO_UDP)
			q->l4_check = words[3];
		if (ip.protocol == IPPROTO_TCP)
			q->has_tcp_check = q->l4 + 18 <= h->l3 + h->length &&
					   !bpf_skb_load_bytes(skb, q->l4 + 16, &q->l4_check, 2);
	} else if (ip.protocol == IPPROTO_ICMP) {
		if (!icmp_key(*(__u8 *)&words[0], words[2], &q->key))
			return false;
		q->l4_check = words[1];
	}
	return true;
}

/*
 * Rewrites the quote so that it shows what the receiver sent: the reverse of `back`, whose packets answer the quoted
 * ones. The outer ICMP checksum follows every change; a quoted L4 checksum changes so that it cancels the changes that
 * it covers.
 */
static __always_inline bool rewrite_quote(struct __sk_buff *skb, const struct header *h, const struct quote *q,
					  const struct flow_dir *back)
{
	sum_t addresses = replace32(q->key.saddr, back->daddr) + replace32(q->key.daddr, back->saddr);
	sum_t ports = replace16(q->key.sport, back->dport) + replace16(q->key.dport, back->sport);
	__be32 pair[2] = { back->daddr, back->saddr };
	__be16 words[2] = { back->dport, back->sport };
	__u16 ip_check = update_sum(q->ip_check, addresses), l4_check = q->l4_check;
	sum_t outer = addresses + replace16(q->ip_check, ip_check);
	__u32 at = 0;

	if (q->key.protocol == IPPROTO_TCP || q->key.protocol == IPPROTO_UDP || q->key.protocol == IPPROTO_SCTP) {
		if (bpf_skb_store_bytes(skb, q->l4, words, sizeof(words), 0))
			return false;
		outer += ports;
		if (q->key.protocol == IPPROTO_UDP) {
			at = q->l4 + 6;
			l4_check = update_udp_sum(l4_check, addresses + ports);
		} else if (q->has_tcp_check) {
			at = q->l4 + 16;
			l4_check = update_sum(l4_check, addresses + ports);
		}
	} else if (q->key.protocol == IPPROTO_ICMP) {
		__be16 id = words[0] | words[1];

		if (bpf_skb_store_bytes(skb, q->l4 + 4, &id, sizeof(id), 0))
			return false;
		outer += ports;
		at = q->l4 + 2;
		l4_check = update_sum(l4_check, ports);
	}
	if (at) {
		if (bpf_skb_store_bytes(skb, at, &l4_check, sizeof(l4_check), 0))
			return false;
		outer += replace16(q->l4_check, l4_check);
	}
	return !bpf_skb_store_bytes(skb, q->l3 + offsetof(struct iphdr, saddr), pair, sizeof(pair), 0) &&
	       !bpf_skb_store_bytes(skb, q->l3 + offsetof(struct iphdr, check), &ip_check, sizeof(ip_check), 0) &&
	       !bpf_l4_csum_replace(skb, h->l4 + offsetof(struct icmphdr, checksum), 0, narrow(outer), 0);
}

#define SUM_PIECE 64
#define SUM_PIECES 24 /* 1536 bytes: an error is at most 576 long, or as long as the MTU (RFC 4884, RFC 1812) */

/* RFC 5508 REQ-3: an error whose own checksum is wrong is dropped. Longer ones than SUM_PIECES are trusted. */
static __noinline bool has_right_sum(struct __sk_buff *skb, __u32 from, __u32 to)
{
	__u32 piece, at = from;
	sum_t sum = 0;

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

/*
 * An error about a packet P of a flow travels the way of P's answers: the reverse of the quoted tuple, seen from where
 * the error comes, is the key of the direction that it takes. Whoever reports (a router on the way, too) appears with
 * the address that the answers appear with, where their source is hidden.
 */
static __noinline int icmp_error_in(struct __sk_buff *skb, struct header *h)
{
	struct flow_dir *flow;
	struct flow_dir to;
	struct flow_key key;
	struct quote q = {};
	struct header outer;

	if (!h)
		return TC_ACT_SHOT;
	if (!read_quote(skb, h, &q))
		return drop_skb(skb, DROP_MALFORMED);
	reverse_key(&q.key, &key);
	flow = bpf_map_lookup_elem(&flows4, &key);
	if (!flow || flow->epoch == EPOCH_DYING || flow->flags & FLOW_OWN)
		return drop_skb(skb, DROP_STRAY);
	if (!has_right_sum(skb, h->l4, h->l3 + h->length))
		return drop_skb(skb, DROP_MALFORMED);
	if (!open_door(flow->door, skb->ifindex))
		return drop_skb(skb, DROP_WRONG_INTERFACE);
	if (flow->flags & (FLOW_NAT_SRC | FLOW_NAT_DST) && !rewrite_quote(skb, h, &q, flow))
		return drop_skb(skb, DROP_FAILED);
	outer = *h;
	outer.key.sport = 0;
	outer.key.dport = 0;
	outer.key.protocol = IPPROTO_IP; /* addresses only */
	to = *flow;
	if (!(flow->flags & FLOW_NAT_SRC))
		to.saddr = h->key.saddr;
	to.sport = 0;
	to.dport = 0;
	if (flow->flags & FLOW_LOCAL) {
		if (flow->flags & FLOW_NAT_DST && !rewrite_skb(skb, &outer, &to, WRITE_DST))
			return drop_skb(skb, DROP_FAILED);
		return TC_ACT_UNSPEC;
	}
	if (h->ttl <= 1 || h->length > flow->mtu)
		return drop_skb(skb, DROP_STRAY);
	if (to.saddr != flow->saddr && is_hidden_by(to.seat, to.saddr)) /* an inside router, about a flow without masquerade */
		return drop_skb(skb, DROP_UNTRANSLATED);
	return send_on(skb, &outer, &to, 0, false);
}

/*
 * An error that the stack wrote about a packet whose destination was rewritten at ingress: the quote gets the outside
 * address back. Other quotes are as their receiver sent them.
 */
static __noinline int icmp_error_out(struct __sk_buff *skb, struct header *h)
{
	struct flow_dir *flow;
	struct flow_key key;
	struct quote q = {};

	if (!h)
		return TC_ACT_SHOT;
	if (!read_quote(skb, h, &q))
		return TC_ACT_UNSPEC;
	reverse_key(&q.key, &key);
	flow = bpf_map_lookup_elem(&flows4, &key);
	if (flow && flow->flags & FLOW_NAT_SRC && !rewrite_quote(skb, h, &q, flow))
		return drop_skb(skb, DROP_FAILED);
	return TC_ACT_UNSPEC;
}

#endif
