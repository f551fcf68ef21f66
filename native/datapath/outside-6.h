/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv6 for outside.h, which includes it: a masquerade takes the address of the interface. */
#ifndef MASQC_OUTSIDE_6_H
#define MASQC_OUTSIDE_6_H

#include "packet.h"

static __always_inline bool has_outside(const struct masqc_packet *p)
{
	return false;
}

static __always_inline bool is_outside(const struct masqc_packet *p, addr_t address)
{
	return false;
}

static __always_inline addr_t pair_address(const struct masqc_packet *p)
{
	return NO_ADDRESS;
}

#endif
