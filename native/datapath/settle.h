/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What the end of a flow settles, whoever removes it: the sweep, or a flow that takes its entries over. */
#ifndef MASQC_SETTLE_H
#define MASQC_SETTLE_H

#include "accounts.h"
#include "base.h"
#include "events.h"
#include "flow.h"
#include "limits.h"
#include "lines.h"
#include "mapping.h"
#include "maps.h"
#include "shares.h"

/* The end of a flow: its packets and bytes are added up, and it gives back what it holds. `to`: what its packets became; `back` may be
 * NULL. */
static __noinline int settle_flow(struct flow_slot *slot, struct flow_key *key, struct flow_key *to, struct flow_dir *forth,
				  struct flow_dir *back)
{
	struct charge *charge;
	bool rests = false;
	__u64 packets, bytes;

	if (!slot || !key || !to || !forth)
		return 0;
	packets = forth->packets + (back ? back->packets : 0);
	bytes = forth->bytes + (back ? back->bytes : 0);
	charge = get_charge(slot->generation, slot->rule);
	if (charge)
		count_ended(charge->tally, packets, bytes);
	charge = slot->nat ? get_charge(slot->generation, slot->nat) : NULL;
	if (charge)
		count_ended(charge->tally, packets, bytes);
	if (slot->holds & (HOLD_ACCOUNT_SOURCE | HOLD_ACCOUNT_TARGET))
		account_flow(slot, key, to, forth, back);
	if (slot->holds & (HOLD_LIMITS | HOLD_LIMITS << HOLD_NAT_SHIFT | HOLD_PORTS))
		release_flows(slot, key, to);
	if (slot->holds & HOLD_SHARE)
		count_share(charged_source(key, to, slot->uses), side_of(forth), -1);
	if (slot->uses)
		rests = release_uses(key, to, slot->uses, coarse_now());
	if (slot->holds & HOLD_LOGGED && (rests || !(slot->uses & USE_SOURCE)))
		log_mapping(slot, key, to, EVENT_UNMAPPED, forth->out, !(slot->uses & USE_SOURCE));
	slot->holds = 0;
	return 0;
}

#endif
