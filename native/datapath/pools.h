/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Nor does one source take all outside ports of a pool: it gets another one while it has fewer than PORT_SHARE times those that
 * nobody uses, as with the places of the table (shares.h). A block that is a source's alone (RFC 7422) is not shared.
 */
#ifndef MASQC_POOLS_H
#define MASQC_POOLS_H

#include "base.h"
#include "family.h"
#include "sketch.h"

#define PORT_SHARE 4

/* The pool that begins at `first` of an outside address, for one protocol. */
static __always_inline __u64 name_pool(addr_t outside, __u32 first, __u32 protocol)
{
	return (__u64)fold_address(outside) << 32 | protocol << 16 | first;
}

static __always_inline __u64 name_user(__u64 pool, addr_t inside)
{
	return pool * 0xbf58476d1ce4e5b9ULL ^ source_of(inside);
}

/* Whether the inside address may have a further port of the pool, which has `span`. Where none is left, the search says so. */
static __always_inline bool has_port_left(__u64 pool, addr_t inside, __u32 span)
{
	__u32 used = read_count(SKETCH_POOLS, pool);

	return used >= span || read_count(SKETCH_PORTS, name_user(pool, inside)) < PORT_SHARE * (span - used);
}

/* A port in use more (1) or less (-1). Who claims one counts it when all else is done: the stack is too full before. */
static __always_inline void count_port(__u64 pool, addr_t inside, __s32 by)
{
	count_in(SKETCH_POOLS, pool, by);
	count_in(SKETCH_PORTS, name_user(pool, inside), by);
}

#endif
