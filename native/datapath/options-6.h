/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Extension headers: parse-6.h has walked and judged them. */
#ifndef MASQC_OPTIONS_6_H
#define MASQC_OPTIONS_6_H

#include "base.h"
#include "drop.h"
#include "parse.h"

#define HEADERS_ROOM (sizeof(struct ipv6hdr) + MAX_CHAIN + sizeof(struct tcphdr))

static __always_inline enum drop_reason judge_options(struct __sk_buff *skb, __u32 l3, __u32 l4)
{
	return DROP_NONE;
}

/* Bytes after l3 that have to be readable. */
static __always_inline __u32 measure_headers(struct __sk_buff *skb, __u32 l3)
{
	__u8 next;

	if (bpf_skb_load_bytes(skb, l3 + offsetof(struct ipv6hdr, nexthdr), &next, 1) || !is_extension(next))
		return sizeof(struct ipv6hdr) + sizeof(struct tcphdr);
	return HEADERS_ROOM;
}

/* Extension headers note no way. */
static __always_inline bool blank_ways(struct __sk_buff *skb, __u32 l3, __u32 l4)
{
	return true;
}

#endif
