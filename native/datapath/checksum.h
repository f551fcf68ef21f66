/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Incremental Internet checksums (RFC 1624): differences are added up, then folded into the old sum once. */
#ifndef MASQC_CHECKSUM_H
#define MASQC_CHECKSUM_H

#include "base.h"

/* A sum of 16- and 32-bit words in network order, to be folded. */
typedef __u64 sum_t;

static __always_inline __u16 fold(sum_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

static __always_inline sum_t replace32(__be32 from, __be32 to)
{
	return (sum_t)(__u32)~from + to;
}

static __always_inline sum_t replace16(__be16 from, __be16 to)
{
	return (sum_t)(__u16)~from + to;
}

/* RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m') */
static __always_inline __sum16 update_sum(__sum16 check, sum_t difference)
{
	return (__sum16)~fold((sum_t)(__u16)~check + difference);
}

/* RFC 768: 0 means that there is none and stays; a computed 0 goes out as 0xffff. */
static __always_inline __sum16 update_udp_sum(__sum16 check, sum_t difference)
{
	if (!check)
		return 0;
	check = update_sum(check, difference);
	return check ? check : 0xffff;
}

/* The 32-bit ones' complement sum that bpf_l4_csum_replace takes as `to` with size 0. */
static __always_inline __u32 narrow(sum_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (__u32)sum;
}

#endif
