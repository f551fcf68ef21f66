/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* A walk over all flows by test runs of apply: ages the stamps of epochs that come round, or ends what is older (`flush`). */
#ifndef MASQC_RESTAMP_H
#define MASQC_RESTAMP_H

#include "base.h"
#include "epoch.h"
#include "flow.h"
#include "maps.h"
#include "target.h"

#define RESTAMP_STEP 10000 /* slots a run: about 1 ms */

struct restamp {
	__u32 start;
	__u32 limit;
	__u32 now;
	__u8 first;   /* epochs first..last become EPOCH_LONG_AGO; first 0: what is not of epoch `last` ends */
	__u8 last;
	__u8 pad[2];
};

static long restamp_slot(__u32 i, struct restamp *r)
{
	__u32 index = r->start + i;
	struct flow_dir *forth, *back;
	struct flow_slot *slot;
	struct flow_key key, other;

	if (index >= r->limit)
		return 1;
	slot = bpf_map_lookup_elem(&MAP(slots), &index);
	if (!slot)
		return 1;
	if (slot->state != SLOT_LIVE || (r->first ? slot->epoch < r->first || slot->epoch > r->last : slot->epoch == r->last))
		return 0;
	slot_key(slot, &key);
	forth = find_beside(&key, slot_number(index));
	if (!forth)
		return 0;
	opposite_key(&key, forth, &other);
	back = find_beside(&other, slot_number(index));
	if (!r->first) {
		stamp_entry(back, EPOCH_DYING);
		stamp_entry(forth, EPOCH_DYING);
		slot->deadline = r->now;
		return 0;
	}
	slot->epoch = EPOCH_LONG_AGO;
	stamp_entry(back, EPOCH_LONG_AGO);
	stamp_entry(forth, EPOCH_LONG_AGO);
	return 0;
}

#endif
