/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv4 for outside.h, which includes it. */
#ifndef MASQC_OUTSIDE_4_H
#define MASQC_OUTSIDE_4_H

#include "packet.h"

/* What comes after the prefix stays. */
static __always_inline bool move_address(const addr_t *address, const __u32 *prefix, __u32 length, __u32 adjust, addr_t *to)
{
	__u32 rest = length < 32 ? 0xffffffffU >> length : 0;

	*to = bpf_htonl(prefix[0] | (bpf_ntohl(*address) & rest));
	return true;
}

#endif
