/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* From bytes to a flow key, with every access checked. Works on any pair of packet pointers (XDP or TC). */
#ifndef MASQC_PARSE_H
#define MASQC_PARSE_H

#include "base.h"
#include "family.h"
#include "flow.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct header {
	struct flow_key key;
	__u32 seq;        /* TCP, host order */
	__u32 end;        /* TCP: sequence number after this segment */
	__u32 ack;
	__u32 l3;         /* offset of the IP header: 0 or 14 */
	__u32 l4;         /* offset of what follows it */
	__u32 length;     /* of the IP packet, bytes */
	__u8 ttl;
	__u8 tos;
	__u8 tcp;         /* flags */
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 l4_size;     /* of the TCP or UDP header */
	bool dont_fragment;
	bool head;        /* the first piece of a datagram */
	bool partial;     /* the L4 checksum looks like CHECKSUM_PARTIAL's pseudo-header sum */
	__u16 fragment;   /* IPv6: offset and flags of the fragment header, host order, if there is one */
	__u16 fragment_at; /* its offset in the packet */
	__be32 fragment_id;
};

enum parsed {
	PARSED_FLOW,       /* `key` names the flow that it belongs to */
	PARSED_ERROR,      /* an ICMP error */
	PARSED_ERROR_HEAD, /* the head of one in pieces */
	PARSED_ODD,        /* an ICMP message that is neither query nor error */
	PARSED_FRAGMENT,   /* `key` is filled where the piece has the ports (h->head) */
	PARSED_TINY,       /* a head that is too short for them */
	PARSED_OPTIONS,    /* has IP options (extension headers) where the caller does not take them */
	PARSED_SOURCE_ROUTED, /* IPv6: a routing header that still leads elsewhere */
	PARSED_UNKNOWN_HEADER, /* IPv6: nobody knows what follows it */
	PARSED_OTHER_FAMILY,
	PARSED_OTHER,      /* neither IPv4 nor IPv6: not ours */
	PARSED_MALFORMED,
};

/* DCCP (RFC 4340, 5597) and UDP-Lite (RFC 3828): ports, and a checksum over them and the addresses, where UDP has them. */
static __always_inline bool is_like_udp(__u8 protocol)
{
	return protocol == IPPROTO_UDPLITE || protocol == IPPROTO_DCCP;
}

static __always_inline bool has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP || is_like_udp(protocol);
}

#if FAMILY == 4
#include "parse-4.h"
#else
#include "parse-6.h"
#endif

/* l3 is 14 where the device has an Ethernet header; ethertypes other than IP are not ours. */
static __always_inline enum parsed parse_packet(void *data, void *end, __u32 l3, bool options, struct header *h)
{
	if (l3) {
		struct ethhdr *eth = data;

		if ((void *)(eth + 1) > end)
			return PARSED_OTHER;
		if (eth->h_proto == bpf_htons(OTHER_ETHERTYPE))
			return PARSED_OTHER_FAMILY;
		if (eth->h_proto != bpf_htons(IP_ETHERTYPE))
			return PARSED_OTHER;
	} else {
		__u8 *first = data;

		if ((void *)(first + 1) > end)
			return PARSED_OTHER;
		if ((*first >> 4) != FAMILY)
			return PARSED_OTHER_FAMILY;
	}
	return parse_ip(data, end, l3, options, h);
}

#endif
