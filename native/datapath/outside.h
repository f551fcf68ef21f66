/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Outside addresses: what the policy answers, and the move from one prefix to another of the same length. */
#ifndef MASQC_OUTSIDE_H
#define MASQC_OUTSIDE_H

#include "family.h"
#include "packet.h"

#if FAMILY == 4
#include "outside-4.h"
#else
#include "outside-6.h"
#endif

/* The answer names one; else it is the address of the interface. */
static __always_inline bool has_outside(const struct masqc_packet *p)
{
	return p->translation == MASQC_PREFIX || !is_zero(read_words(p->nat_addr));
}

/* What a source becomes. False: it has no place outside. */
static __always_inline bool outside_address(const struct masqc_packet *p, const addr_t *source, addr_t *to)
{
	if (p->translation == MASQC_PREFIX)
		return move_address(source, p->nat_addr, p->prefix, p->adjust, to);
	*to = read_words(p->nat_addr);
	return true;
}

#endif
