/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* beyond.h for IPv4. */
#ifndef MASQC_BEYOND_4_H
#define MASQC_BEYOND_4_H

#include "parse.h"

#define DHCP_CLIENT bpf_htons(68)
#define DHCP_SERVER bpf_htons(67)

/* Wherever it goes: the stack forwards none of it. */
static __always_inline bool is_beyond_rules(const struct header *h)
{
	const struct flow_key *key = &h->key;

	if (key->protocol == IPPROTO_UDP && (key->dport == DHCP_CLIENT || key->dport == DHCP_SERVER) && key->daddr == 0xffffffff)
		return true;
	if (key->protocol == IPPROTO_UDP && key->sport == DHCP_SERVER && key->dport == DHCP_CLIENT)
		return true; /* an offer may go to an address that is not there yet */
	return key->protocol == IPPROTO_IGMP && is_multicast(key->daddr);
}

#endif
