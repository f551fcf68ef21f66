/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv6 for family.h. Words of struct masqc_packet are in host order, first bits first. */
#ifndef MASQC_FAMILY_6_H
#define MASQC_FAMILY_6_H

#include <linux/ipv6.h>

#include "base.h"

typedef addr6_t addr_t;

#define AF AF_INET6
#define WIDE __noinline __attribute__((unused))
#define IP_ICMP IPPROTO_ICMPV6
#define IP_HEADER sizeof(struct ipv6hdr)
#define IP_ETHERTYPE ETH_P_IPV6
#define OTHER_ETHERTYPE ETH_P_IP

static __always_inline bool is_zero(addr_t a)
{
	return !a;
}

static __always_inline bool same_address(addr_t a, addr_t b)
{
	return a == b;
}

/* The two halves as they stand in memory. */
static __always_inline __u64 half_of(addr_t a, int i)
{
	return ((const __u64 *)&a)[i];
}

/* The i-th 32 bits of it, host order. */
static __always_inline __u32 word_of(addr_t a, int i)
{
	return bpf_ntohl(((const __be32 *)&a)[i]);
}

/* For keyed hashes: all bits count. An odd factor for each half, or hosts that swap them would meet. */
static __always_inline __u32 fold_address(addr_t a)
{
	__u64 sum = half_of(a, 0) * 0x9e3779b97f4a7c15 ^ half_of(a, 1) * 0xc2b2ae3d27d4eb4f;

	return sum ^ sum >> 32;
}

/* Sum of its 16-bit words, to be folded. */
static __always_inline __u64 sum_address(addr_t a)
{
	__u64 first = half_of(a, 0), last = half_of(a, 1);

	return (first & 0xffffffff) + (first >> 32) + (last & 0xffffffff) + (last >> 32);
}

/* Who is limited `per source` (limits.h): the /64, of which a host may have every address. */
static __always_inline __u64 source_of(addr_t a)
{
	return half_of(a, 0);
}

static __always_inline void widen_address(__be32 words[4], addr_t a)
{
	words[0] = ((const __be32 *)&a)[0];
	words[1] = ((const __be32 *)&a)[1];
	words[2] = ((const __be32 *)&a)[2];
	words[3] = ((const __be32 *)&a)[3];
}

static __always_inline void write_words(__u32 words[4], addr_t a)
{
	words[0] = word_of(a, 0);
	words[1] = word_of(a, 1);
	words[2] = word_of(a, 2);
	words[3] = word_of(a, 3);
}

static __always_inline addr_t read_words(const __u32 words[4])
{
	addr_t a = 0;
	__be32 *to = (__be32 *)&a;

	to[0] = bpf_htonl(words[0]);
	to[1] = bpf_htonl(words[1]);
	to[2] = bpf_htonl(words[2]);
	to[3] = bpf_htonl(words[3]);
	return a;
}

/* In a packet, where it is not aligned: the machines that this runs on don't mind. */
static __always_inline addr_t read_address(const struct in6_addr *from)
{
	return *(const addr_t *)from;
}

static __always_inline void write_address(struct in6_addr *to, addr_t a)
{
	*(addr_t *)to = a;
}

/* The first 16 bits, host order. */
static __always_inline __u16 prefix_of(addr_t a)
{
	return word_of(a, 0) >> 16;
}

static __always_inline bool is_multicast(addr_t a)
{
	return prefix_of(a) >> 8 == 0xff;
}

/* fe80::/10: means nothing without its link. */
static __always_inline bool is_link_local(addr_t a)
{
	return (prefix_of(a) & 0xffc0) == 0xfe80;
}

/* No route leads there. */
static __always_inline bool is_for_many(addr_t a)
{
	return is_multicast(a);
}

/* RFC 4193 (fc00::/7), RFC 4291 section 2.5.6 */
static __always_inline bool is_private(addr_t a)
{
	return (prefix_of(a) & 0xfe00) == 0xfc00 || is_link_local(a);
}

/* No packet on a wire has these as its source: ::/96 with what is in it (unspecified, loopback), ::ffff:0:0/96, ff00::/8. */
static __always_inline bool is_impossible_source(addr_t a)
{
	return is_multicast(a) || (!half_of(a, 0) && (!word_of(a, 2) || word_of(a, 2) == 0xffff));
}

static __always_inline void fib_from(struct bpf_fib_lookup *fib, addr_t address)
{
	__builtin_memcpy(fib->ipv6_src, &address, sizeof(address));
}

static __always_inline void fib_to(struct bpf_fib_lookup *fib, addr_t address)
{
	__builtin_memcpy(fib->ipv6_dst, &address, sizeof(address));
}

static __always_inline addr_t fib_source(const struct bpf_fib_lookup *fib)
{
	addr_t a;

	__builtin_memcpy(&a, fib->ipv6_src, sizeof(a));
	return a;
}

static __always_inline addr_t fib_hop(const struct bpf_fib_lookup *fib)
{
	addr_t a;

	__builtin_memcpy(&a, fib->ipv6_dst, sizeof(a));
	return a;
}

#define SOCK_TUPLE sizeof(((struct bpf_sock_tuple *)0)->ipv6)

static __always_inline void fill_sock_tuple(struct bpf_sock_tuple *tuple, addr_t saddr, addr_t daddr, __be16 sport,
					    __be16 dport)
{
	__builtin_memcpy(tuple->ipv6.saddr, &saddr, sizeof(saddr));
	__builtin_memcpy(tuple->ipv6.daddr, &daddr, sizeof(daddr));
	tuple->ipv6.sport = sport;
	tuple->ipv6.dport = dport;
}

static __always_inline void set_neighbour(struct bpf_redir_neigh *neighbour, addr_t hop)
{
	neighbour->nh_family = AF_INET6;
	__builtin_memcpy(neighbour->ipv6_nh, &hop, sizeof(hop));
}

#endif
