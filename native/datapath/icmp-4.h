/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv4 for icmp.h, which includes it. */
#ifndef MASQC_ICMP_4_H
#define MASQC_ICMP_4_H

#include "checksum.h"
#include "parse.h"
#include "rewrite.h"

#define ERROR_PROTOCOL IPPROTO_IP /* its checksum does not cover the addresses: nothing but these to rewrite */

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
	q->id = q->sent_id = ip.id;
	q->tail = ip.frag_off & bpf_htons(IP_OFFSET);
	if (q->l4 + sizeof(words) > h->l3 + h->length)
		return false; /* RFC 792: eight bytes of it at least */
	if (ip.frag_off & bpf_htons(IP_OFFSET | IP_MORE_FRAGMENTS) && !recognize_datagram() && q->tail)
		return false;
	if (q->tail)
		return true;
	if (bpf_skb_load_bytes(skb, q->l4, words, sizeof(words)))
		return !has_ports(ip.protocol) && ip.protocol != IPPROTO_ICMP;
	if (has_ports(ip.protocol)) {
		q->key.sport = words[0];
		q->key.dport = words[1];
		if (ip.protocol == IPPROTO_UDP || is_like_udp(ip.protocol))
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
 * Rewrites the quote so that it shows what the receiver sent: the reverse of `back`, what the packets that answer the
 * quoted ones become. The outer ICMP checksum follows every change; a quoted L4 checksum changes so that it cancels the changes that
 * it covers.
 */
static __always_inline bool rewrite_quote(struct __sk_buff *skb, const struct header *h, const struct quote *q,
					  const struct flow_key *back)
{
	sum_t addresses = replace32(q->key.saddr, back->daddr) + replace32(q->key.daddr, back->saddr);
	sum_t ports = replace16(q->key.sport, back->dport) + replace16(q->key.dport, back->sport);
	__be32 pair[2] = { back->daddr, back->saddr };
	sum_t ids = replace16(q->id, q->sent_id);
	__u16 ip_check = update_sum(q->ip_check, addresses + ids);
	sum_t outer = addresses + ids + replace16(q->ip_check, ip_check);
	__be16 sent_id = q->sent_id;

	if (q->id != q->sent_id && bpf_skb_store_bytes(skb, q->l3 + offsetof(struct iphdr, id), &sent_id, sizeof(sent_id), 0))
		return false;
	if (!rewrite_quoted_l4(skb, q, back, ports, addresses + ports, ports, &outer))
		return false;
	return !bpf_skb_store_bytes(skb, q->l3 + offsetof(struct iphdr, saddr), pair, sizeof(pair), 0) &&
	       !bpf_skb_store_bytes(skb, q->l3 + offsetof(struct iphdr, check), &ip_check, sizeof(ip_check), 0) &&
	       !bpf_l4_csum_replace(skb, h->l4 + offsetof(struct icmphdr, checksum), 0, narrow(outer), 0);
}

/* ICMP has none. */
static __always_inline sum_t icmp_pseudo_sum(const struct header *h)
{
	return 0;
}

/* Of the quoted IP header. */
static __always_inline bool has_right_header(struct __sk_buff *skb, const struct quote *q)
{
	return has_right_sum(skb, q->l3, q->l4, 0);
}

#endif
