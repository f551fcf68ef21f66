/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IP options (RFC 791): all pass by TC, but for those that choose their own way. */
#ifndef MASQC_OPTIONS_4_H
#define MASQC_OPTIONS_4_H

#include "base.h"
#include "drop.h"
#include "parse.h"

#define MAX_OPTIONS 40
#define HEADERS_ROOM 80 /* the longest IP header and TCP's own fields */

/* Bytes after l3 that have to be readable. */
static __always_inline __u32 measure_headers(struct __sk_buff *skb, __u32 l3)
{
	__u8 first;

	return !bpf_skb_load_bytes(skb, l3, &first, 1) && (first & 0xf) > 5 ? HEADERS_ROOM : 40;
}

/* Options between the fixed header at l3 and l4. DROP_NONE: fine. RFC 6274 section 3.13.2: no source routes. */
static __noinline enum drop_reason judge_options(struct __sk_buff *skb, __u32 l3, __u32 l4)
{
	__u32 at = l3 + sizeof(struct iphdr), i;
	__u8 option[2];

	for (i = 0; i < MAX_OPTIONS; i++) {
		if (at >= l4)
			return DROP_NONE;
		if (bpf_skb_load_bytes(skb, at, option, 1))
			return DROP_MALFORMED;
		if (option[0] == IPOPT_END)
			return DROP_NONE;
		if (option[0] == IPOPT_NOOP) {
			at++;
			continue;
		}
		if (option[0] == IPOPT_LSRR || option[0] == IPOPT_SSRR)
			return DROP_SOURCE_ROUTED;
		if (bpf_skb_load_bytes(skb, at + 1, option + 1, 1) || option[1] < 2 || at + option[1] > l4)
			return DROP_MALFORMED;
		at += option[1];
	}
	return DROP_NONE;
}

#endif
