/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv6 for icmp.h, which includes it. */
#ifndef MASQC_ICMP_6_H
#define MASQC_ICMP_6_H

#include "checksum.h"
#include "parse.h"
#include "rewrite.h"

#define ERROR_PROTOCOL IPPROTO_ICMPV6 /* its checksum covers the addresses */

/* RFC 4443 section 2.4: the quoted packet is cut where the error would exceed 1280 bytes; what it is about is in front. */
static __noinline bool read_quote(struct __sk_buff *skb, const struct header *h, struct quote *q)
{
	__u32 at, end, i;
	struct ipv6hdr ip;
	__be16 words[4];
	__u8 next;

	if (!h || !q)
		return false;
	end = h->l3 + h->length;
	q->l3 = h->l4 + sizeof(struct icmphdr);
	at = q->l3 + sizeof(ip);
	if (at > end || bpf_skb_load_bytes(skb, q->l3, &ip, sizeof(ip)) || ip.version != 6)
		return false;
	q->id = q->sent_id = 0;
	q->fragment_at = 0;
	q->tail = false;
	next = ip.nexthdr;
	for (i = 0; i < MAX_EXTENSIONS && is_extension(next); i++) {
		struct extension one;

		if (at + sizeof(one) > end || bpf_skb_load_bytes(skb, at, &one, sizeof(one)))
			return false;
		if (next == IPPROTO_FRAGMENT_HEADER) {
			q->fragment_at = at;
			q->id = q->sent_id = one.id;
			q->tail = bpf_ntohs(one.offset) >> 3;
			at += sizeof(one);
			if (q->tail) {
				next = one.next;
				break;
			}
		} else {
			at += (one.size + 1) * 8;
		}
		next = one.next;
		if (at > q->l3 + sizeof(ip) + MAX_CHAIN)
			return false;
	}
	q->l4 = at;
	make_key(&q->key, read_address(&ip.saddr), read_address(&ip.daddr), 0, 0, next);
	q->l4_check = 0;
	q->has_tcp_check = false;
	if (q->fragment_at && !recognize_datagram() && q->tail)
		return false;
	if (q->tail)
		return true;
	if (at + sizeof(words) > end || bpf_skb_load_bytes(skb, at, words, sizeof(words)))
		return !has_ports(next) && next != IPPROTO_ICMPV6 && !is_extension(next);
	if (has_ports(next)) {
		q->key.sport = words[0];
		q->key.dport = words[1];
		if (next == IPPROTO_UDP || is_like_udp(next))
			q->l4_check = words[3];
		if (next == IPPROTO_TCP)
			q->has_tcp_check = at + 18 <= end && !bpf_skb_load_bytes(skb, at + 16, &q->l4_check, 2);
	} else if (next == IPPROTO_ICMPV6) {
		if (!icmp_key(*(__u8 *)&words[0], words[2], &q->key))
			return false;
		q->l4_check = words[1];
	}
	return !is_extension(next);
}

/*
 * Rewrites the quote so that it shows what the receiver sent: the reverse of `back`, what the packets that answer the
 * quoted ones become. The outer checksum follows every change; a quoted L4 checksum changes so that it cancels the changes
 * that it covers.
 */
static __noinline bool rewrite_quote(struct __sk_buff *skb, const struct header *h, const struct quote *q,
					  const struct flow_key *back)
{
	sum_t addresses, ports, outer;
	addr_t pair[2];

	if (!h || !q || !back)
		return false;
	addresses = replace_address(q->key.saddr, back->daddr) + replace_address(q->key.daddr, back->saddr);
	ports = replace16(q->key.sport, back->dport) + replace16(q->key.dport, back->sport);
	pair[0] = back->daddr;
	pair[1] = back->saddr;
	outer = addresses;
	if (q->id != q->sent_id) {
		__be32 id = q->sent_id;

		if (bpf_skb_store_bytes(skb, q->fragment_at + offsetof(struct extension, id), &id, sizeof(id), 0))
			return false;
		outer += replace32(q->id, id);
	}
	if (!rewrite_quoted_l4(skb, q, back, ports, addresses + ports, addresses + ports, &outer))
		return false;
	return !bpf_skb_store_bytes(skb, q->l3 + offsetof(struct ipv6hdr, saddr), pair, sizeof(pair), 0) &&
	       !bpf_l4_csum_replace(skb, h->l4 + offsetof(struct icmphdr, checksum), 0, narrow(outer), 0);
}

/* The quoted IP header has no checksum. */
static __always_inline bool has_right_header(struct __sk_buff *skb, const struct quote *q)
{
	return true;
}

/* Of the error itself. */
static __always_inline sum_t icmp_pseudo_sum(const struct header *h)
{
	return sum_pseudo(&h->key, IPPROTO_ICMPV6, h->length - (h->l4 - h->l3));
}

#endif
