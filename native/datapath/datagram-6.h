/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv6 for datagram.h, which includes it: identification, offset and `more fragments` stand in a header of their own. */
#ifndef MASQC_DATAGRAM_6_H
#define MASQC_DATAGRAM_6_H

#include "parse.h"

static __always_inline __u8 datagram_protocol(__u8 protocol)
{
	return 0;
}

/* Where the bytes begin that offsets are counted in. */
static __always_inline __u32 fragment_start(const struct header *h)
{
	return h->fragment_at + 8;
}

static __always_inline bool read_fragment(struct __sk_buff *skb, const struct header *h, struct piece *p)
{
	p->key.id = h->fragment_id;
	p->more = h->fragment & 1;
	p->range.first = h->fragment >> 3;
	return true;
}

/* Another identification. No checksum covers it but one that the device has made. */
static __noinline bool write_id(struct __sk_buff *skb, const struct header *h, __be32 from, __be32 to)
{
	return from == to || (h && !bpf_skb_store_bytes(skb, h->fragment_at + offsetof(struct extension, id), &to,
							sizeof(to), BPF_F_RECOMPUTE_CSUM));
}

static __always_inline __be32 choose_id(void)
{
	return bpf_get_prandom_u32();
}

#endif
