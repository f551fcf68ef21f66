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

/*
 * XDP: the ports, or the identifier, and the checksum at l4. `segment`: how the sum over pseudo header and ports changes;
 * `message`: that of an ICMP query. False: out of bounds.
 */
static __always_inline bool rewrite_l4(void *l4, void *end, __u8 protocol, const struct flow_key *to, sum_t segment,
				       sum_t message)
{
	if (protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;

		if ((void *)(tcp + 1) > end)
			return false;
		tcp->source = to->sport;
		tcp->dest = to->dport;
		tcp->check = update_sum(tcp->check, segment);
	} else if (protocol == IPPROTO_UDP || is_like_udp(protocol)) {
		struct udphdr *udp = l4;

		if ((void *)(udp + 1) > end)
			return false;
		udp->source = to->sport;
		udp->dest = to->dport;
		if (protocol == IPPROTO_UDP)
			udp->check = update_udp_sum(udp->check, segment);
		else
			udp->check = update_sum(udp->check, segment);
	} else if (protocol == IP_ICMP) {
		struct icmphdr *icmp = l4;

		if ((void *)(icmp + 1) > end)
			return false;
		icmp->un.echo.id = to->sport | to->dport;
		icmp->checksum = update_sum(icmp->checksum, message);
	}
	return true;
}

#if FAMILY == 4
#include "rewrite-4.h"
#else
#include "rewrite-6.h"
#endif

#endif
