/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv4 for reject.h, which includes it: the answers. */
#ifndef MASQC_REJECT_4_H
#define MASQC_REJECT_4_H

#include "checksum.h"
#include "parse.h"

#define QUOTED 28 /* bytes of the rejected packet in the error: IP header and eight more (RFC 792) */

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

static __always_inline void fill_reset(struct reset *r, const struct header *h)
{
	fill_ip(&r->ip, h->key.daddr, h->key.saddr, IPPROTO_TCP, sizeof(*r));
	fill_segment(&r->tcp, h, (sum_t)h->key.saddr + h->key.daddr + bpf_htons(IPPROTO_TCP) + bpf_htons(sizeof(r->tcp)));
}

/* Administratively prohibited, about the packet in `h`. Returns the size of the answer, 0: the packet
 * can't be read. */
static __always_inline __u32 fill_unreachable(struct __sk_buff *skb, struct unreachable *u, const struct header *h,
					     addr_t from)
{
	fill_ip(&u->ip, from, h->key.saddr, IPPROTO_ICMP, sizeof(*u));
	u->icmp = (struct icmphdr){ .type = ICMP_DEST_UNREACH, .code = ICMP_ADMIN_PROHIBITED };
	if (bpf_skb_load_bytes(skb, h->l3 & 0xf, u->quote, QUOTED))
		return 0;
	u->icmp.checksum = ~fold(sum_bytes(&u->icmp, sizeof(u->icmp) + QUOTED));
	return sizeof(*u);
}

#endif
