/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * IPv6 packets go to the programs of datapath6, where apply has put them. Where it has not, the file lets no IPv6 through:
 * what would be forwarded and what nobody on the gateway asked for is dropped and counted.
 * Neighbour and router discovery, multicast listener reports, ICMPv6 errors and echo replies (RFC 4890 section 4.4) and
 * DHCPv6 to the client are let in, and the packets of connections that the gateway itself has.
 */
#ifndef MASQC_OTHER_4_H
#define MASQC_OTHER_4_H

#include <linux/ipv6.h>

#include "base.h"
#include "drop.h"
#include "forward.h"
#include "maps.h"

/* *_entry6: key 0, value the program of datapath6 for this hook; written by apply. */
PROGRAMS(xdp_entry6, 1);
PROGRAMS(tc_ingress_entry6, 1);
PROGRAMS(tc_egress_entry6, 1);

static __always_inline bool is_needed_icmpv6(__u8 type)
{
	return (type >= 1 && type <= 4) || type == 129 || (type >= 130 && type <= 137) || type == 143;
}

static __noinline int ipv6_in(struct __sk_buff *skb, __u32 l3)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_fib_lookup fib = {};
	struct ipv6hdr ip;
	struct bpf_sock *sock;
	__be16 ports[2];
	__u8 next, type;
	__u32 l4;
	long code;
	bool known;

	if (bpf_skb_load_bytes(skb, l3, &ip, sizeof(ip)))
		return drop_skb(skb, DROP_MALFORMED);
	next = ip.nexthdr;
	l4 = l3 + sizeof(ip);
	if (next == IPPROTO_HOPOPTS) { /* MLD (RFC 3810) carries a router alert */
		__u8 option[2];

		if (bpf_skb_load_bytes(skb, l4, option, 2))
			return drop_skb(skb, DROP_MALFORMED);
		next = option[0];
		l4 += (option[1] + 1) * 8;
	}
	fib.family = AF_INET6;
	fib.ifindex = skb->ifindex;
	__builtin_memcpy(fib.ipv6_src, &ip.saddr, 16);
	__builtin_memcpy(fib.ipv6_dst, &ip.daddr, 16);
	code = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	if (code == BPF_FIB_LKUP_RET_SUCCESS || code == BPF_FIB_LKUP_RET_NO_NEIGH ||
	    code == BPF_FIB_LKUP_RET_FRAG_NEEDED) {
		/* forwarded; link-local and multicast destinations never are */
		if (ip.daddr.s6_addr[0] != 0xff && !(ip.daddr.s6_addr[0] == 0xfe && (ip.daddr.s6_addr[1] & 0xc0) == 0x80))
			return drop_skb(skb, DROP_IPV6);
	}
	if (next == IPPROTO_ICMPV6) {
		if (bpf_skb_load_bytes(skb, l4, &type, 1))
			return drop_skb(skb, DROP_MALFORMED);
		return is_needed_icmpv6(type) ? TC_ACT_UNSPEC : drop_skb(skb, DROP_IPV6);
	}
	if ((next != IPPROTO_UDP && next != IPPROTO_TCP) || bpf_skb_load_bytes(skb, l4, ports, sizeof(ports)))
		return drop_skb(skb, DROP_IPV6);
	if (next == IPPROTO_UDP && ports[1] == bpf_htons(546))
		return TC_ACT_UNSPEC;
	__builtin_memcpy(tuple.ipv6.saddr, &ip.saddr, 16);
	__builtin_memcpy(tuple.ipv6.daddr, &ip.daddr, 16);
	tuple.ipv6.sport = ports[0];
	tuple.ipv6.dport = ports[1];
	if (next == IPPROTO_TCP)
		sock = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	else
		sock = bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (!sock)
		return drop_skb(skb, DROP_IPV6);
	known = next == IPPROTO_TCP ? sock->state != TCP_LISTEN : sock->dst_port != 0;
	bpf_sk_release(sock);
	return known ? TC_ACT_UNSPEC : drop_skb(skb, DROP_IPV6);
}

static __always_inline int hand_over_frame(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &xdp_entry6, 0);
	return XDP_PASS;
}

static __always_inline int hand_over_in(struct __sk_buff *skb, __u32 l3)
{
	bpf_tail_call(skb, &tc_ingress_entry6, 0);
	return ipv6_in(skb, l3);
}

static __always_inline int hand_over_out(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &tc_egress_entry6, 0);
	return skb->ingress_ifindex ? drop_skb(skb, DROP_IPV6) : TC_ACT_UNSPEC;
}

#endif
