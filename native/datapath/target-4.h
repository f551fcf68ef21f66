/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv4: an entry holds the addresses that its packets take. */
#ifndef MASQC_TARGET_4_H
#define MASQC_TARGET_4_H

#include "flow.h"

/* What a packet with this key becomes; `dir` is the entry of the key. */
static __always_inline void translate_key(const struct flow_key *key, const struct flow_dir *dir, struct flow_key *to)
{
	make_key(to, dir->saddr, dir->daddr, dir->sport, dir->dport, key->protocol);
}

/* Both entries of a flow to be: its packets with `key` become `to`. False: there is no room for it. */
static __always_inline bool store_target(struct flow_dir *forth, struct flow_dir *back, const struct flow_key *key,
					 const struct flow_key *to)
{
	forth->saddr = to->saddr;
	forth->daddr = to->daddr;
	back->saddr = key->daddr;
	back->daddr = key->saddr;
	return true;
}

/* A flow is moved (indexes of the old table and the new one): what its entries do not hold goes with it. */
static __always_inline void move_target(__u32 from, __u32 to)
{
}

/* translate_key for an entry of the old table. */
static __always_inline void translate_old_key(const struct flow_key *key, const struct flow_dir *dir, struct flow_key *to)
{
	translate_key(key, dir, to);
}

#endif
