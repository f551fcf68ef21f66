/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * IP options (RFC 791): all pass by TC, but for those that choose their own way. Those that note the way (record route,
 * timestamps) hold inside addresses: they are blanked in what leaves by an interface that hides such.
 */
#ifndef MASQC_OPTIONS_4_H
#define MASQC_OPTIONS_4_H

#include "base.h"
#include "checksum.h"
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
static __noinline __attribute__((unused)) enum drop_reason judge_options(struct __sk_buff *skb, __u32 l3, __u32 l4)
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

/*
 * Writes no-operations over record route and timestamp options of the IP header at l3, whose options judge_options has seen.
 * The header's checksum follows, so that a checksum over all of it (an error's, about a quote) stays right. False: the
 * helper failed.
 */
static __noinline bool blank_ways(struct __sk_buff *skb, __u32 l3, __u32 l4)
{
	__u8 options[MAX_OPTIONS] = {};
	__u32 from = l3 + sizeof(struct iphdr), last = l4 - from - 1, size = last + 1, i;
	bool blank = false, found = false;
	__u32 was, is;
	__sum16 check;
	__u8 left = 0;

	if (l4 <= from || l4 > from + MAX_OPTIONS)
		return true;
	asm volatile("%0 &= 63" : "+r"(last)); /* as in has_right_sum */
	if (last >= MAX_OPTIONS || bpf_skb_load_bytes(skb, from, options, last + 1))
		return false;
	was = bpf_csum_diff(NULL, 0, (__be32 *)options, sizeof(options), 0);
#pragma unroll
	for (i = 0; i < MAX_OPTIONS; i++) {
		if (i < size) {
			if (!left) {
				if (options[i] == IPOPT_END)
					size = 0;
				left = options[i] == IPOPT_NOOP || i + 1 >= MAX_OPTIONS || !options[i + 1] ? 1 : options[i + 1];
				blank = options[i] == IPOPT_RR || options[i] == IPOPT_TIMESTAMP;
				found |= blank;
			}
			if (blank)
				options[i] = IPOPT_NOOP;
			left--;
		}
	}
	if (!found)
		return true;
	if (bpf_skb_load_bytes(skb, l3 + offsetof(struct iphdr, check), &check, sizeof(check)))
		return false;
	is = bpf_csum_diff(NULL, 0, (__be32 *)options, sizeof(options), 0);
	check = update_sum(check, (sum_t)(__u32)~was + is);
	return !bpf_skb_store_bytes(skb, from, options, last + 1, 0) &&
	       !bpf_skb_store_bytes(skb, l3 + offsetof(struct iphdr, check), &check, sizeof(check), 0);
}

#endif
