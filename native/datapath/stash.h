/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Pieces that came before their head wait here. The stash is an array of buckets; a source has two of them, by a hash that
 * nobody outside can foretell, so that it can't fill more than those, and memory is what the array is. A piece waits
 * PIECE_LIFE at most and makes room for a younger one of its buckets when they are full.
 */
#ifndef MASQC_STASH_H
#define MASQC_STASH_H

#include "base.h"
#include "datagram.h"
#include "drop.h"
#include "maps.h"

#define STASH_BUCKETS 32
#define STASH_WAYS 32
#define PIECE_ROOM 2048 /* bytes of a frame; longer pieces do not wait */

/* The low bits of held.word; the others count its uses, so that a place that has changed hands is seen. */
enum held_state {
	HELD_FREE = 0,
	HELD_BUSY = 1,     /* somebody writes or reads it */
	HELD_WAITS = 2,
	HELD_STATE = 3,    /* the mask */
};

struct held {
	struct datagram_key key;
	__u32 word;
	__u32 since;       /* coarse time */
	__u16 length;      /* of the frame, link header included */
	__u16 first;       /* as range.first */
	__u32 pad[FAMILY == 4 ? 0 : 1];
};

struct bucket {
	__u32 pieces;      /* places that are not free */
	__u32 pad;
	struct held held[STASH_WAYS];
};
_Static_assert(sizeof(struct held) == sizeof(struct datagram_key) + 12 + (FAMILY == 4 ? 0 : 4), "held");

/* stash4, stash6: key is the number of a bucket; places are claimed by swapping held.word, by TC ingress and the sweep; entries never
 * go. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STASH_BUCKETS);
	__type(key, __u32);
	__type(value, struct bucket);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(stash) SEC(".maps");

struct held_bytes {
	__u8 bytes[PIECE_ROOM];
};

/* stash_bytes4, stash_bytes6: key is bucket * STASH_WAYS + place; written by whoever has claimed the place. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STASH_BUCKETS * STASH_WAYS);
	__type(key, __u32);
	__type(value, struct held_bytes);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(stash_bytes) SEC(".maps");

/* The two buckets of a source: low and high half. */
static __always_inline __u32 find_buckets(const struct datagram_key *key)
{
	struct control *c = get_control();
	__u32 hash = (fold_address(key->saddr) ^ (c ? c->seed : 0)) * 2654435769U + key->ifindex * 2246822519U;
	__u32 one, two;

	hash ^= hash >> 15;
	hash *= 2146121005U;
	hash ^= hash >> 13;
	one = hash % STASH_BUCKETS;
	two = (hash >> 8) % (STASH_BUCKETS - 1);
	return one | (one + 1 + two) % STASH_BUCKETS << 16;
}

static __always_inline struct bucket *get_bucket(__u32 index)
{
	return bpf_map_lookup_elem(&MAP(stash), &index);
}

/* Do pieces wait that may be of this datagram? */
static __always_inline bool may_wait(const struct datagram_key *key)
{
	__u32 buckets = find_buckets(key);
	struct bucket *one = get_bucket(buckets & 0xffff), *two = get_bucket(buckets >> 16);

	return one && two && (READ_ONCE(one->pieces) || READ_ONCE(two->pieces));
}

static __always_inline bool is_key(const struct datagram_key *a, const struct datagram_key *b)
{
	return same_address(a->saddr, b->saddr) && same_address(a->daddr, b->daddr) && a->id == b->id && a->ifindex == b->ifindex &&
	       a->protocol == b->protocol;
}

static __always_inline __u32 next_word(__u32 word, enum held_state state)
{
	return ((word | HELD_STATE) + 1) | state;
}

/* The state changes, nobody was faster. */
static __always_inline bool swap_state(struct held *e, __u32 word, enum held_state state)
{
	return __sync_val_compare_and_swap(&e->word, word, next_word(word, state)) == word;
}

/* Of a place that is ours. */
static __always_inline void set_state(struct held *e, enum held_state state)
{
	__sync_lock_test_and_set(&e->word, next_word(e->word, state));
}

static __always_inline void free_place(struct bucket *b, struct held *e)
{
	set_state(e, HELD_FREE);
	__sync_fetch_and_add(&b->pieces, -1);
}

struct recall {
	struct datagram_key key;
	__u32 buckets;
	__u32 ifindex;
	__u32 l3;
	enum drop_reason reason; /* DROP_NONE: they come in again; else they are dropped */
	struct __sk_buff *skb;
	__u32 pieces;      /* that were found */
	__u32 bytes;
	__u32 failed;      /* that could not come in again */
};

/* The frame becomes the one in `room` and comes in once more. */
static __always_inline bool send_held(struct recall *r, struct held_bytes *room, __u32 length)
{
	struct __sk_buff *skb = r->skb;
	__u32 last;

	if (bpf_skb_change_tail(skb, length, 0))
		return false;
	/* a sum that the device has made covers what follows the link header */
	if (r->l3 && bpf_skb_store_bytes(skb, 0, room, sizeof(struct ethhdr), 0))
		return false;
	if (r->l3) {
		last = length - sizeof(struct ethhdr) - 1;
		asm volatile("%0 &= 2047" : "+r"(last));
		if (last >= PIECE_ROOM - sizeof(struct ethhdr) ||
		    bpf_skb_store_bytes(skb, sizeof(struct ethhdr), room->bytes + sizeof(struct ethhdr), last + 1,
					BPF_F_RECOMPUTE_CSUM))
			return false;
	} else {
		last = length - 1;
		asm volatile("%0 &= 2047" : "+r"(last));
		if (bpf_skb_store_bytes(skb, 0, room, last + 1, BPF_F_RECOMPUTE_CSUM))
			return false;
	}
	return !bpf_clone_redirect(skb, r->ifindex, BPF_F_INGRESS);
}

static long recall_piece(__u32 i, struct recall *r)
{
	__u32 bucket = i < STASH_WAYS ? r->buckets & 0xffff : r->buckets >> 16, index, word;
	struct bucket *b = get_bucket(bucket);
	struct held_bytes *room;
	struct held *e;

	if (!b)
		return 1;
	e = &b->held[i % STASH_WAYS];
	word = READ_ONCE(e->word);
	if ((word & HELD_STATE) != HELD_WAITS || !is_key(&e->key, &r->key) || !swap_state(e, word, HELD_BUSY))
		return 0;
	if (r->reason == DROP_NONE && !r->pieces && bpf_clone_redirect(r->skb, r->ifindex, BPF_F_INGRESS))
		r->failed++;
	r->pieces++;
	r->bytes += e->length;
	index = bucket * STASH_WAYS + i % STASH_WAYS;
	room = bpf_map_lookup_elem(&MAP(stash_bytes), &index);
	if (r->reason == DROP_NONE && (!room || !send_held(r, room, e->length)))
		r->failed++;
	free_place(b, e);
	return 0;
}

/*
 * The head is here, in skb, and what becomes of its datagram is noted. Where pieces wait, the head comes in again, and
 * after it the pieces, which now find what is noted: true, and the caller has nothing more to do.
 */
__noinline bool recall_pieces(struct __sk_buff *skb, const struct datagram_key *key, __u32 l3,
				     enum drop_reason reason)
{
	struct recall r = {};

	if (!key || !may_wait(key))
		return false;
	r.key = *key;
	r.buckets = find_buckets(&r.key);
	r.ifindex = skb->ifindex;
	r.l3 = l3;
	r.reason = reason;
	r.skb = skb;
	bpf_loop(2 * STASH_WAYS, recall_piece, &r, 0);
	if (reason != DROP_NONE)
		count_drops(reason, r.pieces, r.bytes);
	else if (r.failed)
		count_drops(DROP_FAILED, r.failed, r.bytes);
	return r.pieces;
}

#endif
