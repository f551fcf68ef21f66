/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv6 for parse.h, which includes it. */
#ifndef MASQC_PARSE_6_H
#define MASQC_PARSE_6_H

#include "flow.h"

/* RFC 4443 section 4, 2.1 */
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY 129

/* Extension headers (IANA: IPv6 Extension Header Types) that linux/in.h lacks. */
#define IPPROTO_HOP_BY_HOP 0
#define IPPROTO_ROUTING_HEADER 43
#define IPPROTO_FRAGMENT_HEADER 44
#define IPPROTO_DESTINATION_OPTIONS 60
#define IPPROTO_HIP 139
#define IPPROTO_SHIM6 140
#define IPPROTO_EXPERIMENT 253 /* and 254 */

#define MAX_EXTENSIONS 8
#define MAX_CHAIN 256 /* bytes of them that are walked */

struct extension {
	__u8 next;
	__u8 size;     /* in units of eight bytes, without the first; of a fragment header reserved */
	union {
		struct {
			__u8 type;     /* routing */
			__u8 segments; /* left */
		};
		__be16 offset; /* fragment: offset << 3 | more fragments */
	};
	__be32 id;     /* fragment */
};

static __always_inline bool is_extension(__u8 next)
{
	return next == IPPROTO_HOP_BY_HOP || next == IPPROTO_ROUTING_HEADER || next == IPPROTO_FRAGMENT_HEADER ||
	       next == IPPROTO_DESTINATION_OPTIONS;
}

/* What may lead to another header that we do not look for. */
static __always_inline bool is_unknown_extension(__u8 next)
{
	return next == IPPROTO_HIP || next == IPPROTO_SHIM6 || next >= IPPROTO_EXPERIMENT;
}

/* RFC 4443 section 2.1: types below 128 are errors; these exist. */
static __always_inline bool is_icmp_error(__u8 type)
{
	return type >= 1 && type <= 4;
}

static __always_inline bool is_icmp_request(__u8 type)
{
	return type == ICMPV6_ECHO_REQUEST;
}

/* The ICMP part of a key: a request's identifier is its sport, a reply's its dport. False: not a query. */
static __always_inline bool icmp_key(__u8 type, __be16 id, struct flow_key *key)
{
	if (type == ICMPV6_ECHO_REQUEST) {
		key->sport = id;
		key->dport = 0;
		return true;
	}
	if (type == ICMPV6_ECHO_REPLY) {
		key->sport = 0;
		key->dport = id;
		return true;
	}
	return false;
}

/* Of the pseudo header (RFC 8200 section 8.1). */
static __always_inline __u64 sum_pseudo(const struct flow_key *key, __u8 protocol, __u16 payload)
{
	return sum_address(key->saddr) + sum_address(key->daddr) + bpf_htons(payload) + bpf_htons(protocol);
}

/* Ones' complement sum of the pseudo header, not inverted: what CHECKSUM_PARTIAL leaves in the field. */
static __always_inline bool looks_partial(const struct flow_key *key, __u16 payload, __sum16 check)
{
	__u64 sum = sum_pseudo(key, key->protocol, payload);

	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum == check;
}

/*
 * Walks the extension headers from h->l4 on; h->l4 and *next are of what they lead to. PARSED_FLOW: there is more to read.
 * RFC 8200 section 4.1: hop-by-hop options come first or not at all. RFC 5095: no routing header that still leads elsewhere.
 */
static __always_inline enum parsed walk_extensions(void *data, void *end, struct header *h, __u8 *next)
{
	__u32 at = h->l4, first = at;
	__u8 kind = *next;
	int i;

	for (i = 0; i < MAX_EXTENSIONS && is_extension(kind); i++) {
		struct extension *one;
		__u8 this = kind;

		asm volatile("%0 &= 511" : "+r"(at)); /* one range for the verifier, however many there were */
		one = data + at;
		if ((void *)(one + 1) > end || (this == IPPROTO_HOP_BY_HOP && i))
			return PARSED_MALFORMED;
		kind = one->next;
		if (this == IPPROTO_ROUTING_HEADER && (!one->type || one->segments))
			return PARSED_SOURCE_ROUTED;
		if (this == IPPROTO_FRAGMENT_HEADER) {
			__u16 offset = bpf_ntohs(one->offset);

			h->fragment_id = one->id;
			h->fragment = offset;
			h->fragment_at = at;
			h->head = offset & 1 && !(offset >> 3);
			at += 8;
			if (offset >> 3) {
				h->l4 = at;
				*next = kind;
				return PARSED_FRAGMENT;
			}
			continue;
		}
		at += (one->size + 1) * 8;
		if (at > first + MAX_CHAIN)
			return PARSED_UNKNOWN_HEADER;
	}
	asm volatile("%0 &= 511" : "+r"(at));
	h->l4 = at;
	*next = kind;
	return is_extension(*next) || is_unknown_extension(*next) ? PARSED_UNKNOWN_HEADER : PARSED_FLOW;
}

/*
 * `options`: take packets with extension headers (variable offsets). `l3` is 14 or 0, a constant where speed matters.
 */
static __always_inline enum parsed parse_ip(void *data, void *end, __u32 l3, bool options, struct header *h)
{
	struct ipv6hdr *ip = data + l3;
	__u32 size = sizeof(*ip);
	__u8 next;
	void *l4;

	if ((void *)(ip + 1) > end)
		return PARSED_MALFORMED;
	if (ip->version != 6)
		return PARSED_MALFORMED;
	next = ip->nexthdr;
	h->l3 = l3;
	h->l4 = l3 + size;
	h->length = size + bpf_ntohs(ip->payload_len);
	h->ttl = ip->hop_limit;
	h->tcp = 0;
	h->icmp_type = 0;
	h->partial = false;
	h->dont_fragment = true;
	h->head = false;
	h->key.saddr = read_address(&ip->saddr);
	h->key.daddr = read_address(&ip->daddr);
	h->key.sport = 0;
	h->key.dport = 0;
	h->key.protocol = next;
	h->key.pad[0] = h->key.pad[1] = h->key.pad[2] = 0;
	if (same_address(h->key.saddr, h->key.daddr))
		return PARSED_MALFORMED;
	l4 = ip + 1;
	if (is_extension(next) || is_unknown_extension(next)) {
		enum parsed parsed;

		if (!options)
			return PARSED_OPTIONS;
		parsed = walk_extensions(data, end, h, &next);
		h->key.protocol = next;
		if (parsed != PARSED_FLOW)
			return parsed;
		size = h->l4 - l3;
		if (h->length < size)
			return PARSED_MALFORMED;
		l4 = data + h->l4;
	}

	if (next == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;
		__u32 payload;

		if ((void *)(tcp + 1) > end || tcp->doff < 5)
			return h->head ? PARSED_TINY : PARSED_MALFORMED;
		payload = h->length - size - tcp->doff * 4;
		if ((__s32)payload < 0)
			return h->head ? PARSED_TINY : PARSED_MALFORMED;
		h->key.sport = tcp->source;
		h->key.dport = tcp->dest;
		h->tcp = ((__u8 *)tcp)[13];
		h->l4_size = tcp->doff * 4;
		h->seq = bpf_ntohl(tcp->seq);
		h->ack = bpf_ntohl(tcp->ack_seq);
		h->end = h->seq + payload + !!(h->tcp & TCP_SYN) + !!(h->tcp & TCP_FIN);
		h->partial = looks_partial(&h->key, h->length - size, tcp->check);
	} else if (next == IPPROTO_UDP) {
		struct udphdr *udp = l4;

		if ((void *)(udp + 1) > end || h->length - size < sizeof(*udp))
			return h->head ? PARSED_TINY : PARSED_MALFORMED;
		if (!udp->check) /* RFC 8200 section 8.1 */
			return h->head ? PARSED_TINY : PARSED_MALFORMED;
		h->l4_size = sizeof(*udp);
		h->key.sport = udp->source;
		h->key.dport = udp->dest;
		h->partial = looks_partial(&h->key, h->length - size, udp->check);
	} else if (next == IPPROTO_ICMPV6) {
		struct icmphdr *icmp = l4;

		if ((void *)(icmp + 1) > end || h->length - size < sizeof(*icmp))
			return h->head ? PARSED_TINY : PARSED_MALFORMED;
		h->icmp_type = icmp->type;
		h->icmp_code = icmp->code;
		h->partial = looks_partial(&h->key, h->length - size, icmp->checksum);
		if (!icmp_key(icmp->type, icmp->un.echo.id, &h->key)) {
			if (!is_icmp_error(icmp->type))
				return PARSED_ODD;
			return h->head ? PARSED_ERROR_HEAD : PARSED_ERROR;
		}
	} else if (next == IPPROTO_SCTP || is_like_udp(next)) {
		__be16 *ports = l4;

		if ((void *)(ports + 4) > end || h->length - size < (next == IPPROTO_UDPLITE ? 8 : 12))
			return h->head ? PARSED_TINY : PARSED_MALFORMED;
		h->key.sport = ports[0];
		h->key.dport = ports[1];
	}
	return h->head ? PARSED_FRAGMENT : PARSED_FLOW;
}

#endif
