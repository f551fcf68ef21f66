/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv6 for outside.h, which includes it: NPTv6 (RFC 6296), prefixes of up to /64. */
#ifndef MASQC_OUTSIDE_6_H
#define MASQC_OUTSIDE_6_H

#include "packet.h"

/* The ones' complement sum of a 16-bit word that is not 0xffff; of the two zeros the one that no word of all ones is. */
static __always_inline __u32 raise_word(__u32 word, __u32 adjust)
{
	word += adjust;
	word = (word & 0xffff) + (word >> 16);
	return word == 0xffff ? 0 : word;
}

/*
 * Of what comes after the prefix, one word takes up what the exchange changes in checksums: up to /48 the subnet's (section
 * 3.4), else the first of the interface identifier that is not all ones (section 3.5). False: there is none (section 3.6).
 */
static __always_inline bool move_address(addr_t address, const __u32 *prefix, __u32 length, __u32 adjust, addr_t *to)
{
	__u32 words[4], rest;

	write_words(words, address);
	rest = length < 32 ? 0xffffffffU >> length : 0;
	words[0] = prefix[0] | (words[0] & rest);
	rest = length >= 64 ? 0 : length > 32 ? 0xffffffffU >> (length - 32) : 0xffffffffU;
	words[1] = prefix[1] | (words[1] & rest);
	if (length <= 48) {
		if ((words[1] & 0xffff) == 0xffff)
			return false;
		words[1] = (words[1] & 0xffff0000) | raise_word(words[1] & 0xffff, adjust);
	} else if (words[2] >> 16 != 0xffff) {
		words[2] = raise_word(words[2] >> 16, adjust) << 16 | (words[2] & 0xffff);
	} else if ((words[2] & 0xffff) != 0xffff) {
		words[2] = 0xffff0000 | raise_word(words[2] & 0xffff, adjust);
	} else if (words[3] >> 16 != 0xffff) {
		words[3] = raise_word(words[3] >> 16, adjust) << 16 | (words[3] & 0xffff);
	} else if ((words[3] & 0xffff) != 0xffff) {
		words[3] = 0xffff0000 | raise_word(words[3] & 0xffff, adjust);
	} else {
		return false;
	}
	*to = read_words(words);
	return true;
}

#endif
