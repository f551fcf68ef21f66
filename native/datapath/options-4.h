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

struct option_walk {
	struct __sk_buff *skb;
	__u32 at;
	__u32 end;
	enum drop_reason reason;
};

/* One option; a callback, which the verifier walks through once only. */
static long judge_option(__u32 i, struct option_walk *walk)
{
	__u8 option[2];

	if (walk->at >= walk->end)
		return 1;
	walk->reason = DROP_MALFORMED;
	if (bpf_skb_load_bytes(walk->skb, walk->at, option, 1))
		return 1;
	if (option[0] == IPOPT_LSRR || option[0] == IPOPT_SSRR) {
		walk->reason = DROP_SOURCE_ROUTED;
		return 1;
	}
	if (option[0] != IPOPT_END && option[0] != IPOPT_NOOP &&
	    (bpf_skb_load_bytes(walk->skb, walk->at + 1, option + 1, 1) || option[1] < 2 || walk->at + option[1] > walk->end))
		return 1;
	walk->reason = DROP_NONE;
	walk->at += option[0] == IPOPT_NOOP ? 1 : option[1];
	return option[0] == IPOPT_END;
}

/* Options between the fixed header at l3 and l4. DROP_NONE: fine. RFC 6274 section 3.13.2: no source routes. */
static __noinline __attribute__((unused)) enum drop_reason judge_options(struct __sk_buff *skb, __u32 l3, __u32 l4)
{
	struct option_walk walk = { .skb = skb, .at = l3 + sizeof(struct iphdr), .end = l4, .reason = DROP_NONE };

	bpf_loop(MAX_OPTIONS, judge_option, &walk, 0);
	return walk.reason;
}

struct blanking {
	__u8 options[MAX_OPTIONS + 1] __attribute__((aligned(4)));
	__u8 left;    /* bytes of the option that is being walked */
	bool blank;   /* it goes */
	bool found;
	__u32 size;
};

/* One byte; a callback, which the verifier walks through once only. */
static long blank_byte(__u32 i, struct blanking *b)
{
	__u8 *option;

	if (i >= b->size || i >= MAX_OPTIONS)
		return 1;
	option = b->options + i;
	if (!b->left) {
		if (*option == IPOPT_END)
			return 1;
		b->left = *option == IPOPT_NOOP || !option[1] ? 1 : option[1];
		b->blank = *option == IPOPT_RR || *option == IPOPT_TIMESTAMP;
		b->found |= b->blank;
	}
	if (b->blank)
		*option = IPOPT_NOOP;
	b->left--;
	return 0;
}

/*
 * Writes no-operations over record route and timestamp options of the IP header at l3, whose options judge_options has seen.
 * The header's checksum follows, so that a checksum over all of it (an error's, about a quote) stays right. False: the
 * helper failed.
 */
static __noinline bool blank_ways(struct __sk_buff *skb, __u32 l3, __u32 l4)
{
	__u32 from = l3 + sizeof(struct iphdr), last = l4 - from - 1, was, is;
	struct blanking b = { .size = last + 1 };
	__sum16 check;

	if (l4 <= from || l4 > from + MAX_OPTIONS)
		return true;
	asm volatile("%0 &= 63" : "+r"(last)); /* as in sum_piece */
	if (last >= MAX_OPTIONS || bpf_skb_load_bytes(skb, from, b.options, last + 1))
		return false;
	was = bpf_csum_diff(NULL, 0, (__be32 *)b.options, MAX_OPTIONS, 0);
	bpf_loop(MAX_OPTIONS, blank_byte, &b, 0);
	if (!b.found)
		return true;
	if (bpf_skb_load_bytes(skb, l3 + offsetof(struct iphdr, check), &check, sizeof(check)))
		return false;
	is = bpf_csum_diff(NULL, 0, (__be32 *)b.options, MAX_OPTIONS, 0);
	check = update_sum(check, (sum_t)(__u32)~was + is);
	return !bpf_skb_store_bytes(skb, from, b.options, last + 1, 0) &&
	       !bpf_skb_store_bytes(skb, l3 + offsetof(struct iphdr, check), &check, sizeof(check), 0);
}

#endif
