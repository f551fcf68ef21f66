/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Counts of many, in bounded memory (a count-min sketch, Cormode and Muthukrishnan 2005): what is counted has a place in each of
 * two rows, by two keyed hashes, and what the smaller one says is at least its count.
 */
#ifndef MASQC_SKETCH_H
#define MASQC_SKETCH_H

#include "base.h"
#include "family.h"
#include "maps.h"

#define SKETCH_ROW 4096

enum sketch {
	SKETCH_FLOWS,         /* of a source (shares.h) */
	SKETCH_PORTS,         /* of a source in a pool (pools.h) */
	SKETCH_POOLS,         /* ports of a pool that are in use */
	SKETCH_COUNT,
};

/* shares4, shares6: two rows for each sketch, and then flows by the seat that they begin at (shares.h); written by the miss path
 * and where flows are settled; never go. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * SKETCH_COUNT * SKETCH_ROW + MAX_SEATS);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(shares) SEC(".maps");

static __always_inline void drop_count(__u32 *count)
{
	if (READ_ONCE(*count))
		__sync_fetch_and_add(count, -1);
}

/* Where `name` stands in the rows: 12 bits for the first, then 12 for the second. */
static __always_inline __u32 hash_name(__u64 name)
{
	struct control *c = get_control();
	__u64 hash, seed = c ? c->seed : 0;

	hash = (name ^ seed << 32 ^ seed) * 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93ULL;
	return hash >> 40;
}

/* What that has in the first (0) or second row (1). */
static __always_inline __u32 *find_count(enum sketch sketch, __u32 hash, __u32 row)
{
	__u32 key = (2 * sketch + row) * SKETCH_ROW + (hash >> (row ? 0 : 12) & (SKETCH_ROW - 1));

	return bpf_map_lookup_elem(&MAP(shares), &key);
}

static __always_inline void add_to_count(__u32 *count, __s32 by)
{
	if (!count)
		return;
	if (by > 0)
		__sync_fetch_and_add(count, 1);
	else
		drop_count(count);
}

/* One more (1) or less (-1). (This and the next are global: the verifier looks at them once.) */
__noinline int count_in(enum sketch sketch, __u64 name, __s32 by)
{
	__u32 hash = hash_name(name);

	add_to_count(find_count(sketch, hash, 0), by);
	add_to_count(find_count(sketch, hash, 1), by);
	return 0;
}

__noinline __u32 read_count(enum sketch sketch, __u64 name)
{
	__u32 hash = hash_name(name), *one = find_count(sketch, hash, 0), *two = find_count(sketch, hash, 1);

	if (!one || !two)
		return 0;
	return READ_ONCE(*one) < READ_ONCE(*two) ? READ_ONCE(*one) : READ_ONCE(*two);
}

#endif
