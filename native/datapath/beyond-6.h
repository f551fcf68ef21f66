/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* beyond.h for IPv6 (RFC 4890 section 4.4.1): neighbour and router discovery, multicast listeners, DHCPv6. */
#ifndef MASQC_BEYOND_6_H
#define MASQC_BEYOND_6_H

#include "parse.h"

#define DHCP_CLIENT bpf_htons(546)
#define DHCP_SERVER bpf_htons(547)

/* Of one link: routers do not forward it, and who sends it can prove so. */
static __always_inline bool is_discovery(const struct header *h)
{
	switch (h->icmp_type) {
	case 133: /* RFC 4861: router and neighbour discovery, redirect */
	case 134:
	case 135:
	case 136:
	case 137:
	case 141: /* RFC 3122 */
	case 142:
	case 148: /* RFC 3971 */
	case 149:
		return h->ttl == 255;
	case 130: /* RFC 2710, RFC 3810: a report may come before there is an address */
	case 131:
	case 132:
	case 143:
		return h->ttl == 1 && (is_link_local(h->key.saddr) || is_zero(h->key.saddr));
	case 151: /* RFC 4286 */
	case 152:
	case 153:
		return h->ttl == 1 && is_link_local(h->key.saddr);
	default:
		return false;
	}
}

/* Wherever it goes: the stack forwards none of it. */
static __always_inline bool is_beyond_rules(const struct header *h)
{
	const struct flow_key *key = &h->key;

	if (key->protocol == IPPROTO_ICMPV6)
		return is_discovery(h);
	if (key->protocol != IPPROTO_UDP)
		return false;
	if (key->sport == DHCP_SERVER && key->dport == DHCP_CLIENT)
		return is_link_local(key->daddr);
	return key->dport == DHCP_SERVER && is_link_local(key->saddr) && is_multicast(key->daddr);
}

#endif
