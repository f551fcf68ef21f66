/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Datagrams in pieces. The ports are in the head (the piece with offset 0): what becomes of the head is noted under what
 * all pieces have in common, and the others follow it.
 */
#ifndef MASQC_DATAGRAM_H
#define MASQC_DATAGRAM_H

#include "base.h"
#include "drop.h"
#include "family.h"
#include "flow.h"
#include "parse.h"

/*
 * Coarse units that a datagram is remembered after its last piece, and that a piece waits for its head. RFC 6146 section 4:
 * FRAGMENT_MIN is 2 seconds.
 */
#define PIECE_LIFE (2 * COARSE_SECOND)
/* And after all of it has been seen: what comes then under the same identification is another datagram. */
#define DONE_LIFE 4

enum datagram_side {
	SIDE_ARRIVES = 0,  /* met at TC ingress, `ifindex` is the way in */
	SIDE_LEAVES = 1,   /* met at TC egress as the stack forwards it, `ifindex` is the way out */
	SIDE_OWN = 2,      /* the same, sent by the gateway */
};

/* Network byte order; `id` is the identification as the header has it, for IPv4 in the low 16 bits. */
struct datagram_key {
	addr_t saddr;
	addr_t daddr;
	__be32 id;
	__u32 ifindex;
	__u8 protocol;     /* IPv6: 0, an identification is unique among all (RFC 8200 section 4.5) */
	__u8 side;         /* enum datagram_side */
	__u8 pad[FAMILY == 4 ? 2 : 6];
};
_Static_assert(sizeof(struct datagram_key) == 10 + 2 * sizeof(addr_t) + sizeof(((struct datagram_key *)0)->pad), "datagram_key");

enum datagram_fate {
	DATAGRAM_FOLLOWS = 1,  /* goes the way of the packets of `flow` */
	DATAGRAM_ERROR = 2, /* an ICMP error: the same, but its own source stays where the flow hides none */
	DATAGRAM_PASSES = 3, /* is the stack's, without a flow */
	DATAGRAM_DROPPED = 4,  /* for `reason` */
};

/* Part of a datagram's payload in units of eight bytes: first..end - 1; end 0: none. */
struct range {
	__u16 first;
	__u16 end;
};
#define MAX_RANGES 8

struct datagram {
	struct flow_key flow;
	__u32 slot;        /* of the flow: another one with the same key is another decision */
	__u32 last;        /* coarse time of its last piece */
	__be32 id;         /* that it leaves with (idents.h) */
	addr_t saddr;      /* SIDE_LEAVES, SIDE_OWN: the source that it leaves with */
	__u8 fate;         /* enum datagram_fate */
	__u8 reason;       /* enum drop_reason, DATAGRAM_DROPPED */
	__u8 done;         /* every piece has been seen */
	__u8 pad;
	__u16 total;       /* units of the whole payload, 0 while the last piece has not been seen */
	__u16 pad2;
	struct range seen[MAX_RANGES]; /* neither adjacent nor overlapping; pieces beyond MAX_RANGES holes are not noted */
};
_Static_assert(!(sizeof(struct datagram) & (FAMILY == 4 ? 3 : 7)) && sizeof(struct datagram) == offsetof(struct datagram, seen) + 4 * MAX_RANGES, "datagram");

/* datagrams4, datagrams6: key is a datagram of which pieces are met; written with its head and, as to what has been seen, with the others;
 * the least recently used entry goes. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct datagram_key);
	__type(value, struct datagram);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(datagrams) SEC(".maps");

/* A piece as its own header describes it; of a datagram's bytes after the last header that all pieces have. */
struct piece {
	struct datagram_key key;
	struct range range;
	bool more;         /* it is not the last one */
	__u8 pad[3];
};

#if FAMILY == 4
#include "datagram-4.h"
#else
#include "datagram-6.h"
#endif

/* What the piece's own header says is right as far as it can be judged alone; fills `p`. */
static __noinline enum drop_reason read_piece(struct __sk_buff *skb, const struct header *h, enum datagram_side side,
					      struct piece *p)
{
	__u32 size, offset, before;

	if (!h || !p || !read_fragment(skb, h, p))
		return DROP_FAILED;
	p->key.saddr = h->key.saddr;
	p->key.daddr = h->key.daddr;
	p->key.ifindex = skb->ifindex;
	p->key.protocol = datagram_protocol(h->key.protocol);
	p->key.side = side;
	__builtin_memset(p->key.pad, 0, sizeof(p->key.pad));
	offset = p->range.first * 8;
	before = fragment_start(h) - h->l3;
	size = h->length > before ? h->length - before : 0;
	/* RFC 791, RFC 8200: all but the last hold multiples of eight bytes, and nothing lies beyond 65,535 */
	if (!size || (p->more && size & 7) || offset + size + before > 65535)
		return DROP_MALFORMED;
	/* RFC 1858, RFC 3128: no piece but the head has bytes of a TCP header */
	if (h->key.protocol == IPPROTO_TCP && offset && offset < sizeof(struct tcphdr))
		return DROP_TINY_FRAGMENT;
	p->range.end = p->range.first + (size + 7) / 8;
	return DROP_NONE;
}

/* Copies what is known of the datagram. The record in the map, to note pieces in; NULL: nothing, or nothing any more. */
static __noinline struct datagram *find_datagram(const struct datagram_key *key, __u32 now, struct datagram *copy)
{
	struct datagram *d;

	if (!key || !copy)
		return NULL;
	d = bpf_map_lookup_elem(&MAP(datagrams), key);
	if (!d)
		return NULL;
	*copy = *d;
	if (now - copy->last >= (copy->done ? DONE_LIFE : PIECE_LIFE))
		return NULL;
	/* an entry that has been evicted meanwhile may be another datagram's */
	return bpf_map_lookup_elem(&MAP(datagrams), key) == d ? d : NULL;
}


enum overlap {
	OVERLAP_NONE,
	OVERLAP_REPEATS,   /* every byte of it has been seen */
	OVERLAP_PART,
};

struct fit {
	struct datagram *d;
	__u32 first;
	__u32 end;
	enum overlap overlap;
	__u32 before;      /* the range that ends where the piece begins; MAX_RANGES: none */
	__u32 after;       /* and that begins where it ends */
	__u32 place;       /* without a range */
};

static long fit_range(__u32 i, struct fit *f)
{
	struct range range;

	if (i >= MAX_RANGES)
		return 1;
	range = f->d->seen[i];
	if (!range.end) {
		f->place = i;
		return 0;
	}
	if (f->first < range.end && f->end > range.first) {
		f->overlap = f->first >= range.first && f->end <= range.end ? OVERLAP_REPEATS : OVERLAP_PART;
		return 1;
	}
	if (range.end == f->first)
		f->before = i;
	if (range.first == f->end)
		f->after = i;
	return 0;
}

/*
 * Notes a piece, unless it holds bytes that have been seen. As the kernel's own reassembly: what repeats is left out, what
 * overlaps in part spoils the datagram (RFC 5722).
 */
static __noinline enum overlap note_piece(struct datagram *d, const struct piece *p)
{
	struct fit f = { .d = d, .before = MAX_RANGES, .after = MAX_RANGES, .place = MAX_RANGES };
	struct range is;

	if (!d || !p)
		return OVERLAP_NONE;
	is = p->range;
	f.first = is.first;
	f.end = is.end;
	bpf_loop(MAX_RANGES, fit_range, &f, 0);
	if (f.overlap != OVERLAP_NONE)
		return f.overlap;
	if (d->total && (is.end > d->total || !p->more))
		return OVERLAP_PART; /* beyond the end that has been seen, or another end */
	if (!p->more)
		d->total = is.end;
	if (f.before < MAX_RANGES) {
		is.first = d->seen[f.before].first;
		d->seen[f.before].end = 0;
		f.place = f.before;
	}
	if (f.after < MAX_RANGES) {
		is.end = d->seen[f.after].end;
		d->seen[f.after].end = 0;
		f.place = f.after;
	}
	if (f.place < MAX_RANGES)
		d->seen[f.place] = is;
	if (!is.first && is.end == d->total)
		d->done = 1;
	return OVERLAP_NONE;
}

#endif
