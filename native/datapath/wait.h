/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Pieces that are not the head: known datagrams' go on, the others wait in the stash until their head or their end comes. */
#ifndef MASQC_WAIT_H
#define MASQC_WAIT_H

#include "base.h"
#include "datagram.h"
#include "drop.h"
#include "pieces.h"
#include "stash.h"

#define AGE_FREE 0xffffffffU

struct place {
	struct datagram_key key;
	__u32 buckets;
	__u32 now;
	__u32 age;         /* of the best place: the longer it has been waiting; 0: none */
	__u32 bucket;      /* where that is */
	__u32 way;
	__u32 word;        /* as it was there */
	__u16 first;
	bool repeats;      /* this very piece waits already */
};

static long judge_place(__u32 i, struct place *s)
{
	__u32 index = i < STASH_WAYS ? s->buckets & 0xffff : s->buckets >> 16, word, age;
	struct bucket *b = get_bucket(index);
	struct held *e;

	if (!b)
		return 1;
	e = &b->held[i % STASH_WAYS];
	word = READ_ONCE(e->word);
	if ((word & HELD_STATE) == HELD_BUSY)
		return 0;
	age = AGE_FREE;
	if ((word & HELD_STATE) == HELD_WAITS) {
		age = s->now - e->since + 1;
		if (age <= PIECE_LIFE && e->first == s->first && is_key(&e->key, &s->key)) {
			s->repeats = true;
			return 1;
		}
	}
	if (age > s->age) {
		s->age = age;
		s->bucket = index;
		s->way = i % STASH_WAYS;
		s->word = word;
	}
	return 0;
}

enum stashed {
	STASH_KEPT,    /* or dropped and counted: it is dealt with */
	STASH_MISSED,  /* its head has come meanwhile: it is as if it came now */
};

static __noinline enum stashed stash_piece(struct __sk_buff *skb, const struct header *h, const struct piece *p,
					   struct datagram *copy)
{
	struct place s = {};
	struct held_bytes *room;
	struct bucket *b;
	struct held *e;
	__u32 length, last, index;

	if (!h || !p || !copy)
		return STASH_KEPT;
	length = (h->l3 & 0xf) + h->length;
	if (length > PIECE_ROOM || length > skb->len) {
		count_drop(DROP_FRAGMENT, skb->len);
		return STASH_KEPT;
	}
	s.key = p->key;
	s.first = p->range.first;
	s.now = coarse_now();
	s.buckets = find_buckets(&s.key);
	bpf_loop(2 * STASH_WAYS, judge_place, &s, 0);
	if (s.repeats) {
		count_drop(DROP_OVERLAP, skb->len);
		return STASH_KEPT;
	}
	b = get_bucket(s.bucket);
	if (!b || !s.age)
		goto full;
	e = &b->held[s.way % STASH_WAYS];
	if (!swap_state(e, s.word, HELD_BUSY))
		goto full;
	if (s.age == AGE_FREE)
		__sync_fetch_and_add(&b->pieces, 1);
	else
		count_drop(s.age > PIECE_LIFE ? DROP_FRAGMENT : DROP_STASH_FULL, e->length);
	index = s.bucket * STASH_WAYS + s.way;
	room = bpf_map_lookup_elem(&MAP(stash_bytes), &index);
	last = length - 1;
	asm volatile("%0 &= 2047" : "+r"(last)); /* for the verifier of 6.1, which must see 1..2048 in this register */
	if (!room || bpf_skb_load_bytes(skb, 0, room, last + 1)) {
		free_place(b, e);
		count_drop(DROP_FAILED, skb->len);
		return STASH_KEPT;
	}
	e->key = s.key;
	e->since = s.now;
	e->length = length;
	e->first = s.first;
	set_state(e, HELD_WAITS);
	if (!find_datagram(&s.key, s.now, copy))
		return STASH_KEPT;
	/* the head has come since: it has either seen this piece, or has not and we take it back */
	s.word = READ_ONCE(e->word);
	if ((s.word & HELD_STATE) != HELD_WAITS || !is_key(&e->key, &s.key) || !swap_state(e, s.word, HELD_BUSY))
		return STASH_KEPT;
	free_place(b, e);
	return STASH_MISSED;
full:
	count_drop(DROP_STASH_FULL, skb->len);
	return STASH_KEPT;
}

/*
 * A piece that is not the head, in w->h and w->piece. ASK_POLICY: its flow has to be decided again, and is in w->known.
 */
static __noinline int tail_in(struct __sk_buff *skb, struct piece_work *w)
{
	struct flow_dir *flow;

	if (!w)
		return TC_ACT_SHOT;
	if (!find_datagram(&w->piece.key, coarse_now(), &w->known) &&
	    stash_piece(skb, &w->h, &w->piece, &w->known) == STASH_KEPT)
		return TC_ACT_SHOT;
	if (w->known.fate == DATAGRAM_DROPPED)
		return drop_skb(skb, w->known.reason);
	if (w->known.fate == DATAGRAM_PASSES)
		return TC_ACT_UNSPEC;
	flow = find_flow(&w->known.flow);
	if (!flow || flow->epoch == EPOCH_DYING || flow->slot != w->known.slot)
		return drop_datagram(skb, w, DROP_ENDING);
	if (w->known.fate == DATAGRAM_FOLLOWS && flow->epoch != get_epoch())
		return ASK_POLICY;
	return tail_on(skb, w, flow);
}

/* The sweep, for one bucket: nothing waits longer than PIECE_LIFE. */
static long expire_bucket(__u32 index, __u32 *now)
{
	struct bucket *b = get_bucket(index);
	struct held *e;
	__u32 i, word;

	if (!b || !READ_ONCE(b->pieces))
		return 0;
	for (i = 0; i < STASH_WAYS; i++) {
		e = &b->held[i];
		word = READ_ONCE(e->word);
		if ((word & HELD_STATE) != HELD_WAITS || *now - e->since < PIECE_LIFE || !swap_state(e, word, HELD_BUSY))
			continue;
		count_drop(DROP_FRAGMENT, e->length);
		free_place(b, e);
	}
	return 0;
}

#endif
