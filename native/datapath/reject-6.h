/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv6 for reject.h, which includes it: the answers. */
#ifndef MASQC_REJECT_6_H
#define MASQC_REJECT_6_H

#include "checksum.h"
#include "parse.h"

/* Bytes of the rejected packet in the error: what fits in 1280 (RFC 4443 section 2.4 (c)); a shorter one is quoted whole. */
#define QUOTED 1232
#define SUMMED 416 /* at once: bpf_csum_diff takes 512 */

#define ICMPV6_UNREACHABLE 1
#define ICMPV6_PROHIBITED 1 /* code */

struct reset {
	struct ipv6hdr ip;
	struct tcphdr tcp;
};

struct unreachable {
	struct ipv6hdr ip;
	struct icmphdr icmp;
	__u8 quote[QUOTED];
};

_Static_assert(sizeof(struct unreachable) == 1280, "unreachable: RFC 8200 section 5");

static __always_inline sum_t fill_ip(struct ipv6hdr *ip, addr_t from, addr_t to, __u8 protocol, __u16 size)
{
	struct flow_key ends = { .saddr = from, .daddr = to };

	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->payload_len = bpf_htons(size - sizeof(*ip));
	ip->hop_limit = 64;
	ip->nexthdr = protocol;
	__builtin_memcpy(&ip->saddr, &from, sizeof(from));
	__builtin_memcpy(&ip->daddr, &to, sizeof(to));
	return sum_pseudo(&ends, protocol, size - sizeof(*ip));
}

static __always_inline void fill_reset(struct reset *r, const struct header *h)
{
	fill_segment(&r->tcp, h, fill_ip(&r->ip, h->key.daddr, h->key.saddr, IPPROTO_TCP, sizeof(*r)));
}

/* Administratively prohibited, about the packet in `h`. Returns the size of the answer, 0: the packet can't be read. */
static __always_inline __u32 fill_unreachable(struct __sk_buff *skb, struct unreachable *u, const struct header *h,
					      addr_t from)
{
	__u32 last = QUOTED - 1, quoted; /* index of the last quoted byte */
	sum_t pseudo;
	int i;

	for (i = 0; i < QUOTED / 8; i++)
		WRITE_ONCE(((__u64 *)u->quote)[i], 0);
	if (h->length < QUOTED) {
		last = h->length - 1;
		asm volatile("%0 &= 2047" : "+r"(last)); /* for the verifier of 6.1, which must see 1..QUOTED */
		if (last >= QUOTED)
			return 0;
		asm volatile("" : "+r"(last)); /* the bound is this register's */
	}
	quoted = last + 1;
	if (bpf_skb_load_bytes(skb, h->l3 & 0xf, u->quote, quoted))
		return 0;
	pseudo = fill_ip(&u->ip, from, h->key.saddr, IPPROTO_ICMPV6, sizeof(u->ip) + sizeof(u->icmp) + quoted);
	u->icmp = (struct icmphdr){ .type = ICMPV6_UNREACHABLE, .code = ICMPV6_PROHIBITED };
	/* zeros after the quote count for nothing */
	u->icmp.checksum = ~fold(pseudo + sum_bytes(&u->icmp, SUMMED) + sum_bytes((void *)&u->icmp + SUMMED, SUMMED) +
				 sum_bytes((void *)&u->icmp + 2 * SUMMED, sizeof(u->icmp) + QUOTED - 2 * SUMMED));
	return sizeof(u->ip) + sizeof(u->icmp) + quoted;
}

#endif
