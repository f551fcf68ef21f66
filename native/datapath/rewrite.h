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

#if FAMILY == 4
#include "rewrite-4.h"
#else
#include "rewrite-6.h"
#endif

#endif
