/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv4 for outside.h, which includes it. */
#ifndef MASQC_OUTSIDE_4_H
#define MASQC_OUTSIDE_4_H

#include "packet.h"

/* It names them; else it is the address of the interface. */
static __always_inline bool has_outside(const struct masqc_packet *p)
{
	return p->nat_first;
}

static __always_inline bool is_outside(const struct masqc_packet *p, addr_t address)
{
	__u32 a = bpf_ntohl(address);

	return a >= p->nat_first && a <= p->nat_last;
}

/* A host keeps its outside address (RFC 4787 REQ-2). */
static __always_inline addr_t pair_address(const struct masqc_packet *p)
{
	__u32 span = p->nat_last - p->nat_first + 1;
	__u32 host = p->saddr[0] * 2654435769U;

	return bpf_htonl(p->nat_first + (span ? (host >> 8) % span : 0));
}

#endif
