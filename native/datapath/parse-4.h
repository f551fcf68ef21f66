/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv4 for parse.h, which includes it. */
#ifndef MASQC_PARSE_4_H
#define MASQC_PARSE_4_H

#include "flow.h"

/* RFC 792 without source quench, which nobody must believe (RFC 6633), and redirects, which are for one network only. */
static __always_inline bool is_icmp_error(__u8 type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

static __always_inline bool is_icmp_request(__u8 type)
{
	return type == ICMP_ECHO || type == ICMP_TIMESTAMP;
}

/* The ICMP part of a key: a request's identifier is its sport, a reply's its dport. False: not a query. */
static __always_inline bool icmp_key(__u8 type, __be16 id, struct flow_key *key)
{
	if (is_icmp_request(type)) {
		key->sport = id;
		key->dport = 0;
		return true;
	}
	if (type == ICMP_ECHOREPLY || type == ICMP_TIMESTAMPREPLY) {
		key->sport = 0;
		key->dport = id;
		return true;
	}
	return false;
}

/* Ones' complement sum of the pseudo header, not inverted: what CHECKSUM_PARTIAL leaves in the field. */
static __always_inline bool looks_partial(const struct flow_key *key, __u16 payload, __sum16 check)
{
	__u64 sum = (__u64)key->saddr + key->daddr + bpf_htons(payload) + bpf_htons(key->protocol);

	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum == check;
}

/*
 * `options`: take headers with IP options (variable offsets). `l3` is 14 or 0, a constant where speed matters.
 */
static __always_inline enum parsed parse_ip(void *data, void *end, __u32 l3, bool options, struct header *h)
{
	struct iphdr *ip = data + l3;
	__u32 size = sizeof(*ip);
	__u16 fragment;
	void *l4;

	if ((void *)(ip + 1) > end)
		return PARSED_MALFORMED;
	if (ip->version != 4 || ip->ihl < 5)
		return PARSED_MALFORMED;
	if (ip->ihl != 5) {
		if (!options)
			return PARSED_OPTIONS;
		size = (ip->ihl & 0xf) * 4;
	}
	l4 = (void *)ip + size;
	h->l3 = l3;
	h->l4 = l3 + size;
	h->length = bpf_ntohs(ip->tot_len);
	h->ttl = ip->ttl;
	h->tos = ip->tos;
	h->tcp = 0;
	h->partial = false;
	h->key.saddr = ip->saddr;
	h->key.daddr = ip->daddr;
	h->key.sport = 0;
	h->key.dport = 0;
	h->key.protocol = ip->protocol;
	h->key.pad[0] = h->key.pad[1] = h->key.pad[2] = 0;
	if (h->length < size || ip->saddr == ip->daddr)
		return PARSED_MALFORMED;
	fragment = bpf_ntohs(ip->frag_off);
	h->dont_fragment = fragment & IP_DONT_FRAGMENT;
	h->head = (fragment & (IP_MORE_FRAGMENTS | IP_OFFSET)) == IP_MORE_FRAGMENTS;
	if (fragment & IP_OFFSET)
		return PARSED_FRAGMENT;

	if (ip->protocol == IPPROTO_TCP) {
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
	} else if (ip->protocol == IPPROTO_UDP) {
		struct udphdr *udp = l4;

		if ((void *)(udp + 1) > end || h->length - size < sizeof(*udp))
			return h->head ? PARSED_TINY : PARSED_MALFORMED;
		h->l4_size = sizeof(*udp);
		h->key.sport = udp->source;
		h->key.dport = udp->dest;
		h->partial = looks_partial(&h->key, h->length - size, udp->check);
	} else if (ip->protocol == IPPROTO_ICMP) {
		struct icmphdr *icmp = l4;

		if ((void *)(icmp + 1) > end || h->length - size < sizeof(*icmp))
			return h->head ? PARSED_TINY : PARSED_MALFORMED;
		h->icmp_type = icmp->type;
		h->icmp_code = icmp->code;
		if (!icmp_key(icmp->type, icmp->un.echo.id, &h->key)) {
			if (!is_icmp_error(icmp->type))
				return PARSED_ODD;
			return h->head ? PARSED_ERROR_HEAD : PARSED_ERROR;
		}
	} else if (ip->protocol == IPPROTO_SCTP || is_like_udp(ip->protocol)) {
		__be16 *ports = l4;

		if ((void *)(ports + 4) > end || h->length - size < (ip->protocol == IPPROTO_UDPLITE ? 8 : 12))
			return h->head ? PARSED_TINY : PARSED_MALFORMED;
		h->key.sport = ports[0];
		h->key.dport = ports[1];
	}
	return h->head ? PARSED_FRAGMENT : PARSED_FLOW;
}

#endif
