/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv6 for rewrite.h, which includes it. `to`: what the packet becomes. */
#ifndef MASQC_REWRITE_6_H
#define MASQC_REWRITE_6_H

#include "checksum.h"
#include "parse.h"

static __always_inline sum_t replace_address(addr_t from, addr_t to)
{
	return sum_address(~from) + sum_address(to);
}

/* XDP: all of it. `h` must come from parse_ip of these very bytes, without options. False: out of bounds. */
static __always_inline bool rewrite_frame(void *data, void *end, const struct header *h, const struct flow_key *to)
{
	struct ipv6hdr *ip = data + sizeof(struct ethhdr);
	void *l4 = ip + 1;
	sum_t addresses, ports;

	if (l4 > end)
		return false;
	if (same_address(h->key.saddr, to->saddr) && same_address(h->key.daddr, to->daddr) && h->key.sport == to->sport &&
	    h->key.dport == to->dport) {
		ip->hop_limit--;
		return true;
	}
	addresses = replace_address(h->key.saddr, to->saddr) + replace_address(h->key.daddr, to->daddr);
	ports = replace16(h->key.sport, to->sport) + replace16(h->key.dport, to->dport);
	if (!rewrite_l4(l4, end, h->key.protocol, to, addresses + ports, addresses + ports))
		return false;
	write_address(&ip->saddr, to->saddr);
	write_address(&ip->daddr, to->daddr);
	ip->hop_limit--;
	return true;
}

/*
 * TC. All packet pointers are invalid afterwards. False: out of bounds or the helper failed.
 * No header checksum balances an address: a sum that the device has made of the packet follows it here (RECOMPUTE), and
 * by the pseudo header's difference there, which takes it back.
 */
static __always_inline bool rewrite_skb(struct __sk_buff *skb, const struct header *h, const struct flow_key *to,
					__u32 what)
{
	__u32 l3 = h->l3 & 0xf, l4 = h->l4 & 0x1ff, at;
	sum_t addresses = 0, ports = 0;
	__u8 protocol = h->key.protocol;
	__be16 words[2] = { h->key.sport, h->key.dport };
	__u64 mangled = protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;

	if (what & WRITE_TTL) {
		__u8 ttl = h->ttl - 1;

		if (bpf_skb_store_bytes(skb, l3 + offsetof(struct ipv6hdr, hop_limit), &ttl, 1, BPF_F_RECOMPUTE_CSUM))
			return false;
	}
	if (what & WRITE_SRC && !same_address(h->key.saddr, to->saddr)) {
		addresses += replace_address(h->key.saddr, to->saddr);
		if (bpf_skb_store_bytes(skb, l3 + offsetof(struct ipv6hdr, saddr), &to->saddr, sizeof(to->saddr),
					BPF_F_RECOMPUTE_CSUM))
			return false;
	}
	if (what & WRITE_DST && !same_address(h->key.daddr, to->daddr)) {
		addresses += replace_address(h->key.daddr, to->daddr);
		if (bpf_skb_store_bytes(skb, l3 + offsetof(struct ipv6hdr, daddr), &to->daddr, sizeof(to->daddr),
					BPF_F_RECOMPUTE_CSUM))
			return false;
	}
	if (what & WRITE_SRC) {
		ports += replace16(h->key.sport, to->sport);
		words[0] = to->sport;
	}
	if (what & WRITE_DST) {
		ports += replace16(h->key.dport, to->dport);
		words[1] = to->dport;
	}
	if (!addresses && words[0] == h->key.sport && words[1] == h->key.dport)
		return true;
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || is_like_udp(protocol)) {
		at = l4 + (protocol == IPPROTO_TCP ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check));
		if (bpf_skb_store_bytes(skb, l4, words, sizeof(words), 0))
			return false;
	} else if (protocol == IPPROTO_ICMPV6) {
		__be16 id = words[0] | words[1]; /* one of them is 0; not by the type: with identifier 0 a reply has the key of a request */

		at = l4 + offsetof(struct icmphdr, checksum);
		if (!is_icmp_error(h->icmp_type) && bpf_skb_store_bytes(skb, l4 + offsetof(struct icmphdr, un), &id, sizeof(id), 0))
			return false;
	} else {
		return true;
	}
	return !bpf_l4_csum_replace(skb, at, 0, narrow(addresses), BPF_F_PSEUDO_HDR | mangled) &&
	       !bpf_l4_csum_replace(skb, at, 0, narrow(ports), mangled);
}

#endif
