/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv6 for family.h. Words of struct masqc_packet are in host order, first bits first. */
#ifndef MASQC_FAMILY_6_H
#define MASQC_FAMILY_6_H

#include <linux/ipv6.h>

#include "base.h"

typedef struct addr6 addr_t;

#define AF AF_INET6
#define IP_ICMP IPPROTO_ICMPV6
#define IP_HEADER sizeof(struct ipv6hdr)
#define IP_ETHERTYPE ETH_P_IPV6
#define OTHER_ETHERTYPE ETH_P_IP

static __always_inline bool is_zero(addr_t a)
{
	return !(a.word[0] | a.word[1] | a.word[2] | a.word[3]);
}

static __always_inline bool same_address(addr_t a, addr_t b)
{
	return !((a.word[0] ^ b.word[0]) | (a.word[1] ^ b.word[1]) | (a.word[2] ^ b.word[2]) | (a.word[3] ^ b.word[3]));
}

/* For keyed hashes: all bits count. An odd factor for each word, or hosts that swap two words would meet. */
static __always_inline __u32 fold_address(addr_t a)
{
	return a.word[0] * 0x9e3779b1 ^ a.word[1] * 0x85ebca77 ^ a.word[2] * 0xc2b2ae3d ^ a.word[3];
}

static __always_inline void write_words(__u32 words[4], addr_t a)
{
	words[0] = bpf_ntohl(a.word[0]);
	words[1] = bpf_ntohl(a.word[1]);
	words[2] = bpf_ntohl(a.word[2]);
	words[3] = bpf_ntohl(a.word[3]);
}

static __always_inline addr_t read_words(const __u32 words[4])
{
	return (addr_t){ { bpf_htonl(words[0]), bpf_htonl(words[1]), bpf_htonl(words[2]), bpf_htonl(words[3]) } };
}

static __always_inline addr_t read_address(const struct in6_addr *from)
{
	addr_t a;

	__builtin_memcpy(&a, from, sizeof(a));
	return a;
}

static __always_inline bool is_multicast(addr_t a)
{
	return (bpf_ntohl(a.word[0]) & 0xff000000) == 0xff000000;
}

/* fe80::/10 */
static __always_inline bool is_link_local(addr_t a)
{
	return (bpf_ntohl(a.word[0]) & 0xffc00000) == 0xfe800000;
}

/* No route leads there. */
static __always_inline bool is_for_many(addr_t a)
{
	return is_multicast(a);
}

/* RFC 4193 (fc00::/7), RFC 4291 section 2.5.6 */
static __always_inline bool is_private(addr_t a)
{
	return (bpf_ntohl(a.word[0]) & 0xfe000000) == 0xfc000000 || is_link_local(a);
}

/* No packet on a wire has these as its source: ::/96 with what is in it (unspecified, loopback), ::ffff:0:0/96, ff00::/8. */
static __always_inline bool is_impossible_source(addr_t a)
{
	return is_multicast(a) ||
	       (!a.word[0] && !a.word[1] && (!a.word[2] || a.word[2] == bpf_htonl(0xffff)));
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
