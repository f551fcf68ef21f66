/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What the packets of a flow become, as a key: `translate_key` (of the family) and what follows from it. */
#ifndef MASQC_TARGET_H
#define MASQC_TARGET_H

#include "family.h"
#include "flow.h"
#include "maps.h"
#include "table.h"

#if FAMILY == 4
#include "target-4.h"
#else
#include "target-6.h"
#endif

/* The key of the packets that answer those of `key`, whose entry is `dir`. In place: a second key would fill the stack. */
static __always_inline void opposite_key(const struct flow_key *key, const struct flow_dir *dir, struct flow_key *out)
{
	addr_t saddr;
	__be16 sport;

	translate_key(key, dir, out);
	saddr = out->saddr;
	out->saddr = out->daddr;
	out->daddr = saddr;
	sport = out->sport;
	out->sport = out->dport;
	out->dport = sport;
}

#endif
