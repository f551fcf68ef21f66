/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Making a flow: a slot, then the reply's entry, whose insertion claims the outside port, then the original's. Whoever
 * loses a race uses the winner's; what the loser has already inserted is left to the sweep. A tuple that is being removed
 * starts again in the same entries (takeover.h).
 */
#ifndef MASQC_CREATE_H
#define MASQC_CREATE_H

#include "base.h"
#include "claim-lone.h"
#include "claim.h"
#include "epoch.h"
#include "hold.h"
#include "mapping.h"
#include "maps.h"
#include "nexthop.h"
#include "note.h"
#include "shares.h"
#include "table.h"
#include "take.h"
#include "target.h"
#include "tcp.h"
#include "work.h"

/*
 * A new connection on the tuple of one that has ended: the policy has let it in, and it takes over the entries where they
 * are what it would have made. False: they end, and it is made anew.
 */
static __noinline bool reopen_flow(struct work *w, struct control *c, struct flow_dir *flow, __u32 now)
{
	const __u8 kind = FLOW_NAT_SRC | FLOW_NAT_DST | FLOW_LOCAL | FLOW_OWN;
	const struct flow_dir *new;
	struct flow_slot *slot;
	struct flow_dir *back;
	struct flow_key is;
	__u16 port;
	bool fits;

	if (!w || !c || !flow)
		return false;
	new = &w->forth;
	back = find_back(&w->h.key, flow);
	slot = get_slot(flow->slot);
	port = bpf_ntohs(flow->sport);
	translate_key(&w->h.key, flow, &is);
	fits = !((flow->flags ^ new->flags) & kind) && flow->door == new->door && same_address(is.daddr, w->to.daddr) &&
	       is.dport == w->to.dport && same_address(is.saddr, w->to.saddr) &&
	       (is_hidden(w) ? port >= w->port_first && port <= w->port_last : is.sport == w->to.sport);
	if (!back || !slot || slot->state != SLOT_LIVE || !fits) {
		end_flow(&w->h.key, flow, now);
		return false;
	}
	back->tcp = 0;
	back->tcp_end = back->tcp_ack = 0;
	flow->tcp_end = w->h.end;
	flow->tcp_ack = w->h.seq;
	flow->tcp = TCP_SYN;
	flow->last = now;
	slot->created = now;
	mark_assured(slot, false);
	mark_sides(slot, w->uses);
	slot->deadline = now + time_to_look(c, CLASS_TCP_SYN);
	hold_port_again(w, slot, &w->h.key, &is);
	recharge_slot(w, slot, &w->h.key, &is);
	slot->rule = w->rule;
	slot->nat = w->nat;
	slot->generation = generation;
	slot->epoch = w->epoch;
	stamp_entry(back, w->epoch);
	stamp_entry(flow, w->epoch);
	return true;
}

/* The ports of both entries, and the reply's key, before an outside port is claimed. */
static __always_inline void fill_entries(struct work *w)
{
	w->forth.sport = w->to.sport;
	w->forth.dport = w->to.dport;
	w->back.sport = w->h.key.dport;
	w->back.dport = w->h.key.sport;
	reverse_key(&w->to, &w->reply);
}

/* Counts and logs it. `slot` of a new flow, NULL for a tuple that is used again. */
__noinline int begin_connection(struct work *w, struct flow_slot *slot)
{
	if (!w)
		return 0;
	count_connection(w);
	if (!logs_used)
		return 0;
	log_packet(w, w->rule, EVENT_ALLOWED);
	if (slot && slot->holds & HOLD_LOGGED && (w->fresh || !is_mapped(w)))
		log_mapping(slot, &w->h.key, &w->to, EVENT_MAPPED, w->forth.out, !is_mapped(w));
	return 0;
}

/* It came through a door: until the inside answers it lives no longer than the inside has kept that open. */
static __always_inline void enter_no_longer(struct work *w, struct flow_slot *slot, __u32 timeout)
{
	if ((__s32)(slot->deadline - w->until) > 0)
		slot->deadline = w->until;
	if ((__s32)(w->back.last - (w->until - timeout)) > 0)
		w->back.last = w->until - timeout;
}

/* False: w->reason says whether the table is full, or only w's source has had its share. (A connection that was there before
 * the programs were goes on.) */
static __always_inline bool has_place(struct work *w, struct control *c)
{
	__u32 left = count_free(c);

	if (!left)
		return false;
	if (w->adopted || has_share_left(charged_source(&w->h.key, &w->to, w->uses), side_of(&w->forth), left))
		return true;
	w->reason = DROP_SOURCE_SHARE;
	return false;
}

/*
 * Makes the flow that w describes. True: w->h.key is in flows4 now (of this flow, or of the one that won the race).
 * False: w->reason says why not.
 */
static __noinline bool create_flow(void *ctx, struct work *w)
{
	__u32 now = coarse_now(), index = 0;
	struct control *c = get_control();
	enum flow_class class;
	struct flow_slot *slot;
	struct flow_dir *there;
	bool claimed;

	if (!w || !c)
		return false;
	w->made = 0;
	there = w->unknown ? NULL : find_flow(&w->h.key); /* who was faster since is found by insert_forth */
	w->inherits = 0;
	w->token = w->stale = 0;
	if (there && there->epoch != EPOCH_DYING) {
		if (!starts_again(&w->h.key, &w->h, there))
			return true;
		if (limits_used && !admit(w, ASK_TOKENS))
			return false;
		if (reopen_flow(w, c, there, now)) {
			begin_connection(w, NULL);
			return true;
		}
		if (limits_used)
			return_tokens(w);
	}
	if (there && !take_over(w, there, now)) {
		w->reason = DROP_ENDING;
		return false;
	}
	if (limits_used && !admit(w, ASK_ALL)) {
		give_back(w, true, now);
		return false;
	}
	w->reason = DROP_TABLE_FULL;
	slot = has_place(w, c) && take_slot(c, &index) ? bpf_map_lookup_elem(&MAP(slots), &index) : NULL;
	if (!slot) {
		give_back(w, true, now);
		if (limits_used)
			return_tokens(w);
		return false;
	}
	w->forth.slot = w->back.slot = slot_number(index);
	w->forth.last = w->back.last = now;
	w->forth.epoch = w->back.epoch = w->epoch;
	class = flow_class(w->h.key.protocol);
	if (w->h.key.protocol == IPPROTO_TCP) {
		class = CLASS_TCP_SYN;
		w->forth.tcp_end = w->h.end;
		w->forth.tcp = TCP_SYN;
		w->forth.tcp_ack = w->h.seq;
		if (w->adopted) {
			class = CLASS_TCP;
			w->forth.tcp = w->back.tcp = TCP_SYN | TCP_ACK;
			w->forth.tcp_ack = w->back.tcp_end = w->h.ack;
			w->back.tcp_ack = w->h.seq;
		}
	}
	if (w->h.key.protocol == IP_ICMP)
		w->forth.tcp = w->h.icmp_type;
	set_slot_key(slot, &w->h.key);
	slot->created = now;
	slot->deadline = now + time_to_look(c, class);
	if ((w->uses & (BY_FORTH | BY_BACK)) == BY_BACK && w->until)
		enter_no_longer(w, slot, c->timeouts[class & (CLASS_COUNT - 1)]);
	slot->rule = w->rule;
	slot->nat = w->nat;
	slot->generation = generation;
	slot->epoch = w->epoch;
	slot->uses = 0;
	slot->holds = 0;
	WRITE_ONCE(slot->state, SLOT_LIVE);

	fill_entries(w);
	w->reason = is_hidden(w) ? DROP_PORTS_EXHAUSTED : DROP_PORT_TAKEN;
	if (!store_target(&w->forth, &w->back, &w->h.key, &w->to) || !hold_target(w))
		claimed = false;
	else if (is_hidden(w) && w->translation == MASQC_PREFIX)
		claimed = claim_reply(w); /* its own address, with every port of it */
	else if (is_hidden(w) && is_mapped(w))
		claimed = claim_mapping(ctx, w, c->seed, now) && claim_reply(w);
	else if (is_hidden(w))
		claimed = ask_lone_port(w, &w->h.key, ASK_ALL) && claim_some_port(ctx, w);
	else
		claimed = claim_reply(w);
	w->to.sport = w->forth.sport = w->reply.dport;
	if (w->stale)
		give_port(w->stale, w->stale_who);
	if (!claimed) {
		give_back(w, true, now);
		if (w->uses)
			release_uses(&w->h.key, &w->to, w->uses, now);
		free_slot(slot, index);
		there = find_flow(&w->h.key);
		if (limits_used)
			return_tokens(w);
		if (there && there->epoch != EPOCH_DYING)
			return true;
		if (w->reason == DROP_LIMITED)
			w->rule = w->nat; /* it is the masquerade's limit of ports */
		return false;
	}
	slot->uses = w->uses;
	if (insert_forth(w)) {
		give_back(w, false, now);
		count_share(charged_source(&w->h.key, &w->to, w->uses), side_of(&w->forth), 1);
		slot->holds = HOLD_SHARE;
		charge_slot(w, slot, &w->h.key, &w->to);
		begin_connection(w, slot);
		w->made = 1;
		return true;
	}
	give_back(w, true, now);
	there = bpf_map_lookup_elem(&MAP(flows), &w->reply);
	if (there && there->slot == w->back.slot)
		there->epoch = EPOCH_DYING;
	set_slot_key(slot, &w->reply); /* the sweep removes it */
	slot->uses = 0;
	if (w->uses)
		release_uses(&w->h.key, &w->to, w->uses, now);
	slot->deadline = now + COARSE_SECOND;
	WRITE_ONCE(slot->state, SLOT_HALF);
	there = find_flow(&w->h.key);
	if (limits_used)
		return_tokens(w);
	if (there && there->epoch != EPOCH_DYING)
		return true;
	w->reason = DROP_ENDING;
	return false;
}

#endif
