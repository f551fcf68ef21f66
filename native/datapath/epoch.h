/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Which policy a flow was decided by. control.active holds the place of the deciding generation (low 8 bits) and the epoch
 * (next 8): 1..254, another one whenever live flows have to be decided again, so that one store switches both. A flow whose
 * stamp differs is a miss; the miss path decides it again and stamps it, or ends it. Epochs come round: before one is
 * used again, apply has `restamp` mark what still carries it as EPOCH_LONG_AGO.
 */
#ifndef MASQC_EPOCH_H
#define MASQC_EPOCH_H

#include "base.h"
#include "flow.h"
#include "maps.h"

static __always_inline __u8 get_epoch(void)
{
	struct control *c = get_control();

	return c ? READ_ONCE(c->active) >> 8 : EPOCH_LONG_AGO;
}

_Static_assert(offsetof(struct flow_dir, flags) % 4 == 0 &&
	       offsetof(struct flow_dir, epoch) == offsetof(struct flow_dir, flags) + 1, "stamp_entry swaps this word");

/* From `dying` (or not) to another stamp. */
static __always_inline bool swap_epoch(struct flow_dir *dir, bool dying, __u8 epoch)
{
	__u32 *word = (__u32 *)&dir->flags;
	union {
		__u32 word;
		struct {
			__u8 flags;
			__u8 epoch;
			__u8 rest[2];
		};
	} was, is;
	int i;

	for (i = 0; i < 4; i++) {
		was.word = READ_ONCE(*word);
		if ((was.epoch == EPOCH_DYING) != dying)
			return false;
		is = was;
		is.epoch = epoch;
		if (__sync_val_compare_and_swap(word, was.word, is.word) == was.word)
			return true;
	}
	return false;
}

/* Atomic, so that a flow that somebody ends at this moment stays ended. Without luck the next packet does it again.
 * `dir` may be NULL. */
static __noinline __attribute__((unused)) int stamp_entry(struct flow_dir *dir, __u8 epoch)
{
	return dir && swap_epoch(dir, false, epoch);
}

/* The stamp of a dying entry that has been written anew. */
static __always_inline bool wake_entry(struct flow_dir *dir, __u8 epoch)
{
	return swap_epoch(dir, true, epoch);
}

#endif
