/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What no rule may forbid, or the network stops working: the gateway's own DHCP, multicast membership, and of IPv6 discovery. */
#ifndef MASQC_BEYOND_H
#define MASQC_BEYOND_H

#include "family.h"

#if FAMILY == 4
#include "beyond-4.h"
#else
#include "beyond-6.h"
#endif

/* To an address of the gateway. */
static __always_inline bool is_local_beyond_rules(const struct header *h)
{
	const struct flow_key *key = &h->key;

	return key->protocol == IPPROTO_UDP && key->dport == DHCP_SERVER &&
	       (key->sport == DHCP_CLIENT || key->sport == DHCP_SERVER);
}

/* Of the gateway's own. */
static __always_inline bool is_own_beyond_rules(const struct header *h)
{
	const struct flow_key *key = &h->key;

	return key->protocol == IPPROTO_UDP && (key->sport == DHCP_CLIENT || key->sport == DHCP_SERVER) &&
	       (key->dport == DHCP_CLIENT || key->dport == DHCP_SERVER);
}

#endif
