/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv4 for rewrite.h, which includes it. `to`: what the packet becomes. */
#ifndef MASQC_REWRITE_4_H
#define MASQC_REWRITE_4_H

#include "checksum.h"
#include "parse.h"

/* XDP: all of it. `h` must come from parse_ip of these very bytes, without options. False: out of bounds. */
static __always_inline bool rewrite_frame(void *data, void *end, const struct header *h, const struct flow_key *to)
{
	struct iphdr *ip = data + sizeof(struct ethhdr);
	void *l4 = ip + 1;
	sum_t addresses = replace32(h->key.saddr, to->saddr) + replace32(h->key.daddr, to->daddr);
	sum_t ports = replace16(h->key.sport, to->sport) + replace16(h->key.dport, to->dport);

	if (!rewrite_l4(l4, end, h->key.protocol, to, addresses + ports, ports) || l4 > end)
		return false;
	ip->saddr = to->saddr;
	ip->daddr = to->daddr;
	ip->ttl--;
	ip->check = update_sum(ip->check, addresses + (__u16)~bpf_htons(0x100));
	return true;
}

/* TC. All packet pointers are invalid afterwards. False: out of bounds or the helper failed. */
static __always_inline bool rewrite_skb(struct __sk_buff *skb, const struct header *h, const struct flow_key *to,
					__u32 what)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 l3 = h->l3 & 0xf, l4 = h->l4 & 0x7f;
	struct iphdr *ip = data + l3;
	sum_t addresses = 0, ports = 0, ttl = 0;
	__be16 *words = data + l4;
	__u8 protocol = h->key.protocol;

	if ((void *)(ip + 1) > end)
		return false;
	if (what & WRITE_SRC) {
		addresses += replace32(h->key.saddr, to->saddr);
		ports += replace16(h->key.sport, to->sport);
		ip->saddr = to->saddr;
	}
	if (what & WRITE_DST) {
		addresses += replace32(h->key.daddr, to->daddr);
		ports += replace16(h->key.dport, to->dport);
		ip->daddr = to->daddr;
	}
	if (what & WRITE_TTL) {
		ip->ttl--;
		ttl = (__u16)~bpf_htons(0x100);
	}
	ip->check = update_sum(ip->check, addresses + ttl);
	if (!addresses && !ports)
		return true;

	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || is_like_udp(protocol)) {
		__u32 at = l4 + (protocol == IPPROTO_TCP ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check));
		__u64 mangled = protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;

		if ((void *)(words + 2) > end)
			return false;
		if (what & WRITE_SRC)
			words[0] = to->sport;
		if (what & WRITE_DST)
			words[1] = to->dport;
		return !bpf_l4_csum_replace(skb, at, 0, narrow(addresses), BPF_F_PSEUDO_HDR | mangled) &&
		       !bpf_l4_csum_replace(skb, at, 0, narrow(ports), mangled);
	}
	if (protocol == IPPROTO_ICMP) {
		struct icmphdr *icmp = data + l4;

		if ((void *)(icmp + 1) > end)
			return false;
		/* one of them is 0; not by the type: with identifier 0 a reply has the key of a request */
		icmp->un.echo.id = (what & WRITE_SRC ? to->sport : h->key.sport) | (what & WRITE_DST ? to->dport : h->key.dport);
		return !bpf_l4_csum_replace(skb, l4 + offsetof(struct icmphdr, checksum), 0, narrow(ports), 0);
	}
	return true;
}

#endif
