/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* `reject`, at TC ingress: the packet becomes its own answer and goes back where it came from. */
#ifndef MASQC_REJECT_H
#define MASQC_REJECT_H

#include "addresses.h"
#include "base.h"
#include "checksum.h"
#include "forward.h"
#include "work.h"

#define QUOTED 28 /* bytes of the rejected packet in the error: IP header and eight more (RFC 792) */

/* Sum of `size` bytes (a multiple of 4) at `from`. */
static __always_inline sum_t sum_bytes(void *from, __u32 size)
{
	return (sum_t)bpf_csum_diff(NULL, 0, from, size, 0);
}

struct reset {
	struct iphdr ip;
	struct tcphdr tcp;
};

struct unreachable {
	struct iphdr ip;
	struct icmphdr icmp;
	__u8 quote[QUOTED];
};

static __always_inline void fill_ip(struct iphdr *ip, __be32 from, __be32 to, __u8 protocol, __u16 size)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = bpf_htons(size);
	ip->frag_off = bpf_htons(IP_DONT_FRAGMENT);
	ip->ttl = 64;
	ip->protocol = protocol;
	ip->saddr = from;
	ip->daddr = to;
	ip->check = ~fold(sum_bytes(ip, sizeof(*ip)));
}

/* RFC 9293 section 3.5.2: a segment with ACK is answered with its number, another by acknowledging what it holds. */
static __always_inline void fill_reset(struct reset *r, const struct header *h)
{
	sum_t pseudo = (sum_t)h->key.saddr + h->key.daddr + bpf_htons(IPPROTO_TCP) + bpf_htons(sizeof(r->tcp));

	fill_ip(&r->ip, h->key.daddr, h->key.saddr, IPPROTO_TCP, sizeof(*r));
	__builtin_memset(&r->tcp, 0, sizeof(r->tcp));
	r->tcp.source = h->key.dport;
	r->tcp.dest = h->key.sport;
	r->tcp.doff = 5;
	r->tcp.rst = 1;
	if (h->tcp & TCP_ACK) {
		r->tcp.seq = bpf_htonl(h->ack);
	} else {
		r->tcp.ack = 1;
		r->tcp.ack_seq = bpf_htonl(h->end);
	}
	/* CHECKSUM_PARTIAL outlives the rewriting: the device, or the receiver's trust, completes a pseudo-header sum. */
	r->tcp.check = h->partial ? fold(pseudo) : ~fold(pseudo + sum_bytes(&r->tcp, sizeof(r->tcp)));
}

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

static __noinline int reject_skb(struct __sk_buff *skb, struct work *w)
{
	struct header *h;
	__u32 l3;

	if (!w)
		return TC_ACT_SHOT;
	h = &w->h;
	l3 = h->l3 & 0xf;
	count_drop(w->reason, skb->len);
	/* no answer to what went to many, and none for a packet that is not whole */
	if (is_for_many(h->key.daddr) || skb->pkt_type != PACKET_HOST || h->l4 != l3 + sizeof(struct iphdr))
		return TC_ACT_SHOT;
	if (h->key.protocol == IPPROTO_TCP) {
		struct reset r;

		if (h->tcp & TCP_RST)
			return TC_ACT_SHOT;
		fill_reset(&r, h);
		if (!turn_around(skb, l3, sizeof(r)) || bpf_skb_store_bytes(skb, l3, &r, sizeof(r), BPF_F_INVALIDATE_HASH))
			return TC_ACT_SHOT;
	} else {
		struct unreachable u;
		__be32 from = h->key.daddr;

		if (!w->packet.own || w->packet.own == MASQC_NOWHERE) { /* the gateway answers with its own address on that side */
			__builtin_memset(&w->fib, 0, sizeof(w->fib));
			w->fib.family = AF_INET;
			w->fib.tot_len = 1;
			w->fib.ifindex = w->in;
			w->fib.ipv4_dst = h->key.saddr;
			if (!is_routed(bpf_fib_lookup(skb, &w->fib, sizeof(w->fib),
						      BPF_FIB_LOOKUP_OUTPUT | BPF_FIB_LOOKUP_SRC)))
				return TC_ACT_SHOT;
			from = w->fib.ipv4_src;
		}
		fill_ip(&u.ip, from, h->key.saddr, IPPROTO_ICMP, sizeof(u));
		u.icmp = (struct icmphdr){ .type = ICMP_DEST_UNREACH, .code = ICMP_ADMIN_PROHIBITED };
		if (bpf_skb_load_bytes(skb, l3, u.quote, QUOTED))
			return TC_ACT_SHOT;
		u.icmp.checksum = ~fold(sum_bytes(&u.icmp, sizeof(u.icmp) + QUOTED));
		if (!turn_around(skb, l3, sizeof(u)) || bpf_skb_store_bytes(skb, l3, &u, sizeof(u), BPF_F_INVALIDATE_HASH))
			return TC_ACT_SHOT;
	}
	skb->tc_index = TC_DONE;
	return bpf_redirect(skb->ifindex, 0);
}

#endif
