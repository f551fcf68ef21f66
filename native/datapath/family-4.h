/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv4 for family.h. Words of struct masqc_packet are in host order, the first one is the address. */
#ifndef MASQC_FAMILY_4_H
#define MASQC_FAMILY_4_H

#include "base.h"

typedef __be32 addr_t;

#define AF AF_INET
/* Functions whose keys would fill the caller's stack if they were IPv6's. */
#define WIDE __always_inline
#define IP_ICMP IPPROTO_ICMP
#define IP_HEADER sizeof(struct iphdr)
#define IP_ETHERTYPE ETH_P_IP
#define OTHER_ETHERTYPE ETH_P_IPV6

static __always_inline bool is_zero(addr_t a)
{
	return !a;
}

static __always_inline bool same_address(addr_t a, addr_t b)
{
	return a == b;
}

/* For keyed hashes: all bits count, none are mixed yet. */
static __always_inline __u32 fold_address(addr_t a)
{
	return a;
}

/* Who is limited `per source` (limits.h). */
static __always_inline __u64 source_of(addr_t a)
{
	return bpf_ntohl(a);
}

/* As an IPv6 address, ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), for maps that both families share. Network byte order. */
static __always_inline void widen_address(__be32 words[4], addr_t a)
{
	words[0] = words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = a;
}

static __always_inline void write_words(__u32 words[4], addr_t a)
{
	words[0] = bpf_ntohl(a);
}

static __always_inline addr_t read_words(const __u32 words[4])
{
	return bpf_htonl(words[0]);
}

static __always_inline bool is_multicast(addr_t address)
{
	return (bpf_ntohl(address) & 0xf0000000) == 0xe0000000;
}

/* Of a whole network: no route leads there, whatever the table says. */
static __always_inline bool is_for_many(addr_t address)
{
	return is_multicast(address) || address == 0xffffffff;
}

/* Means nothing without its link. (169.254.0.0/16 is routed like any other.) */
static __always_inline bool is_link_local(addr_t address)
{
	return false;
}

/* RFC 1918, RFC 6598, RFC 3927 */
static __always_inline bool is_private(addr_t address)
{
	__u32 a = bpf_ntohl(address);

	return (a & 0xff000000) == 0x0a000000 || (a & 0xfff00000) == 0xac100000 || (a & 0xffff0000) == 0xc0a80000 ||
	       (a & 0xffc00000) == 0x64400000 || (a & 0xffff0000) == 0xa9fe0000;
}

/* No packet on a wire has these as its source. */
static __always_inline bool is_impossible_source(addr_t address)
{
	__u32 a = bpf_ntohl(address);

	return (a & 0xff000000) == 0x7f000000 || a >= 0xe0000000 || (a & 0xff000000) == 0;
}

static __always_inline void fib_from(struct bpf_fib_lookup *fib, addr_t address)
{
	fib->ipv4_src = address;
}

static __always_inline void fib_to(struct bpf_fib_lookup *fib, addr_t address)
{
	fib->ipv4_dst = address;
}

static __always_inline addr_t fib_source(const struct bpf_fib_lookup *fib)
{
	return fib->ipv4_src;
}

static __always_inline addr_t fib_hop(const struct bpf_fib_lookup *fib)
{
	return fib->ipv4_dst;
}

#define SOCK_TUPLE sizeof(((struct bpf_sock_tuple *)0)->ipv4)

static __always_inline void fill_sock_tuple(struct bpf_sock_tuple *tuple, addr_t saddr, addr_t daddr, __be16 sport,
					    __be16 dport)
{
	tuple->ipv4.saddr = saddr;
	tuple->ipv4.daddr = daddr;
	tuple->ipv4.sport = sport;
	tuple->ipv4.dport = dport;
}

static __always_inline void set_neighbour(struct bpf_redir_neigh *neighbour, addr_t hop)
{
	neighbour->nh_family = AF_INET;
	neighbour->ipv4_nh = hop;
}

#endif
