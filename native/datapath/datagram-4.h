/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv4 for datagram.h, which includes it: identification, offset and `more fragments` stand in the header (RFC 791). */
#ifndef MASQC_DATAGRAM_4_H
#define MASQC_DATAGRAM_4_H

#include "checksum.h"
#include "parse.h"

static __always_inline __u8 datagram_protocol(__u8 protocol)
{
	return protocol;
}

/* Where the bytes begin that offsets are counted in. */
static __always_inline __u32 fragment_start(const struct header *h)
{
	return h->l4;
}

static __always_inline bool read_fragment(struct __sk_buff *skb, const struct header *h, struct piece *p)
{
	struct {
		__be16 id;
		__be16 offset;
	} ip;

	if (bpf_skb_load_bytes(skb, (h->l3 & 0xf) + offsetof(struct iphdr, id), &ip, sizeof(ip)))
		return false;
	p->key.id = ip.id;
	p->more = ip.offset & bpf_htons(IP_MORE_FRAGMENTS);
	p->range.first = bpf_ntohs(ip.offset) & IP_OFFSET;
	return true;
}

/* Another identification. All packet pointers are invalid afterwards. */
static __noinline bool write_id(struct __sk_buff *skb, const struct header *h, __be32 from, __be32 to)
{
	__u32 l3 = h ? h->l3 & 0xf : 0;
	__be16 id = to;

	if (from == to)
		return true;
	return h && !bpf_skb_store_bytes(skb, l3 + offsetof(struct iphdr, id), &id, sizeof(id), 0) &&
	       !bpf_l3_csum_replace(skb, l3 + offsetof(struct iphdr, check), from, to, sizeof(id));
}

static __always_inline __be32 choose_id(void)
{
	__u16 id = bpf_get_prandom_u32();

	return id ? id : 1;
}

#endif
