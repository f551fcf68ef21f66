/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Writing a flow's translation into a packet: directly (XDP), or through the skb (TC), whose checksum may be left to
 * hardware (CHECKSUM_PARTIAL) or already summed (CHECKSUM_COMPLETE), which only the kernel's helpers know. */
#ifndef MASQC_REWRITE_H
#define MASQC_REWRITE_H

#include "base.h"
#include "checksum.h"
#include "flow.h"
#include "family.h"
#include "parse.h"

/* What to write: bits of `what`. */
enum {
	WRITE_SRC = 1,
	WRITE_DST = 2,
	WRITE_TTL = 4, /* one less */
};

/* The 32-bit ones' complement sum that bpf_l4_csum_replace takes as `to` with size 0. */
static __always_inline __u32 narrow(sum_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (__u32)sum;
}

#if FAMILY == 4
#include "rewrite-4.h"
#else
#include "rewrite-6.h"
#endif

#endif
