/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv6 for outside.h, which includes it: NPTv6 (RFC 6296), prefixes of up to /64. */
#ifndef MASQC_OUTSIDE_6_H
#define MASQC_OUTSIDE_6_H

#include "packet.h"

/* 32 bits of an address in memory. */
typedef __be32 __attribute__((may_alias)) word_t;

/* The ones' complement sum of a 16-bit word that is not 0xffff; of the two zeros the one that no word of all ones is. */
static __always_inline __u32 raise_word(__u32 word, __u32 adjust)
{
	word += adjust;
	word = (word & 0xffff) + (word >> 16);
	return word == 0xffff ? 0 : word;
}

/* The first half of a word that is not all ones. */
static __always_inline __u32 raise_half(__u32 word, __u32 adjust)
{
	if (word >> 16 != 0xffff)
		return raise_word(word >> 16, adjust) << 16 | (word & 0xffff);
	return (word & 0xffff0000) | raise_word(word & 0xffff, adjust);
}

/*
 * Of what comes after the prefix, one word takes up what the exchange changes in checksums: up to /48 the subnet's (section
 * 3.4), else the first of the interface identifier that is not all ones (section 3.5). False: there is none (section 3.6).
 */
static __noinline __attribute__((unused)) bool move_address(const addr_t *address, const __u32 *prefix, __u32 length, __u32 adjust,
							      addr_t *to)
{
	const word_t *from = (const word_t *)address;
	word_t *into = (word_t *)to;
	__u32 word, rest;

	if (!from || !prefix || !into)
		return false;
	rest = length < 32 ? 0xffffffffU >> length : 0;
	into[0] = bpf_htonl(prefix[0] | (bpf_ntohl(from[0]) & rest));
	rest = length >= 64 ? 0 : length > 32 ? 0xffffffffU >> (length - 32) : 0xffffffffU;
	word = prefix[1] | (bpf_ntohl(from[1]) & rest);
	if (length <= 48) {
		if ((word & 0xffff) == 0xffff)
			return false;
		word = (word & 0xffff0000) | raise_word(word & 0xffff, adjust);
	}
	into[1] = bpf_htonl(word);
	word = bpf_ntohl(from[2]);
	if (length > 48 && word != 0xffffffff) {
		word = raise_half(word, adjust);
		length = 0;
	}
	into[2] = bpf_htonl(word);
	word = bpf_ntohl(from[3]);
	if (length > 48 && word != 0xffffffff) {
		word = raise_half(word, adjust);
		length = 0;
	}
	into[3] = bpf_htonl(word);
	return length <= 48;
}

#endif
