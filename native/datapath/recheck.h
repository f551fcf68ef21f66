/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * A flow of an older epoch meets the policy again, with the packet that started it and by the two interfaces that it
 * uses: replies may come first. Nothing is logged and no limit consumed. The same verdict and a translation that still
 * fits: both entries and the slot are stamped. Else the flow ends.
 */
#ifndef MASQC_RECHECK_H
#define MASQC_RECHECK_H

#include "base.h"
#include "decide.h"
#include "epoch.h"
#include "hold.h"
#include "nexthop.h"
#include "note.h"
#include "tcp.h"
#include "work.h"

/* Set by the loader in every linked object: its place in the program arrays, and whether older flows end (`flush`). */
const volatile __u32 place = 0;
const volatile __u32 flush = 0;

enum fate {
	FATE_NEW,       /* no live flow: the packet may start one */
	FATE_KEPT,
	FATE_CUT,       /* ends, w->reason says why */
	FATE_REJECTED,  /* ends, and the sender is told */
};

/* Are the outside address and port of the flow what the masquerade or map of the answer gives to this source? */
static __always_inline bool is_in_pool(struct work *w, const struct flow_dir *forth, const struct flow_key *key,
				       const struct flow_key *to)
{
	const struct masqc_packet *p = &w->packet;
	__u32 port = bpf_ntohs(forth->sport);

	if (!(forth->flags & FLOW_NAT_SRC))
		return false;
	if (has_outside(p) ? !outside_address(p, &key->saddr, &w->nat_address) || !same_address(to->saddr, w->nat_address) :
			     !(forth->flags & FLOW_OWN_ADDRESS))
		return false;
	if (p->translation == MASQC_PREFIX)
		return forth->sport == key->sport;
	if (p->protocol == IP_ICMP && p->translation != MASQC_BLOCK)
		return true;
	if (p->protocol != IP_ICMP && !has_ports(p->protocol))
		return true;
	return port >= p->port_first && port <= p->port_last;
}

/* The questions of decide_arrival, for a flow that has its interfaces. STEP_CREATE: it may stay as it is. */
static __always_inline enum step ask_again(void *ctx, struct work *w, const struct flow_key *key, __u32 in,
					   const struct flow_dir *forth, const struct flow_dir *back, bool adopted,
					   bool door)
{
	struct masqc_packet *p = &w->packet;
	bool redirected = false, local = forth->flags & FLOW_LOCAL, own = forth->flags & FLOW_OWN;
	__u32 seat = forth->seat, back_seat = back->seat;
	struct iface *out, *home;
	struct flow_key *to = &w->became;
	addr_t target;

	translate_key(key, forth, to);
	describe_tuple(w, key, forth->tcp << 8, own ? MASQC_SELF : get_id(in));
	if (!own && p->in == MASQC_NOWHERE)
		return refuse(w, DROP_UNDECLARED);
	if (local || (!own && forth->flags & FLOW_NAT_DST && route(ctx, &w->fib, key, in) == BPF_FIB_LKUP_RET_NOT_FWDED))
		p->own = find_own(ctx, w, &key->daddr);
	masqc_policy_ingress(p);
	w->rule = p->rule;
	w->map.rule = 0;
	if (p->verdict == MASQC_MAP && !note_map(w, &key->daddr))
		return refuse(w, DROP_CUT);
	if (own)
		return p->verdict == MASQC_CONTINUE || p->verdict == MASQC_REDIRECT || p->verdict == MASQC_MAP ||
				       p->verdict == MASQC_ALLOW ?
			       STEP_CREATE : obey(w);
	if (adopted && (p->verdict == MASQC_CONTINUE || p->verdict == MASQC_REDIRECT || p->verdict == MASQC_MAP)) {
		w->rule = 0;
		return STEP_CREATE;
	}
	if (p->verdict == MASQC_REDIRECT) {
		redirected = true;
		target = read_words(p->to_addr);
		if (!(forth->flags & FLOW_NAT_DST) || !same_address(target, to->daddr) ||
		    (p->to_port && p->protocol != IP_ICMP ? p->to_port != bpf_ntohs(forth->dport) :
								 forth->dport != key->dport))
			return refuse(w, DROP_CUT);
		write_words(p->daddr, target);
		if (p->to_port && p->protocol != IP_ICMP)
			p->dport = p->to_port;
		if (local)
			return STEP_CREATE;
	} else if (p->verdict != MASQC_CONTINUE && p->verdict != MASQC_MAP) {
		enum step step = obey(w);

		return step == STEP_CREATE ? refuse(w, DROP_DENIED) : step;
	} else if (door) {
		w->nat_address = NO_ADDRESS;
		w->rechecks = 1;
		if (enter_door(ctx, w) != DOOR_OPEN || !same_address(w->to.daddr, to->daddr) || w->to.dport != to->dport ||
		    (is_hidden(w) ? !same_address(to->saddr, w->nat_address) : forth->flags & FLOW_NAT_SRC))
			return refuse(w, DROP_CUT);
		return STEP_CREATE;
	} else if (w->map.rule) {
		if (!(forth->flags & FLOW_NAT_DST) || forth->dport != key->dport || !same_address(to->daddr, w->map.inside))
			return refuse(w, DROP_CUT);
		write_words(p->daddr, to->daddr);
		p->own = local ? find_own(ctx, w, &w->map.inside) : 0;
	} else if (forth->flags & FLOW_NAT_DST) {
		return refuse(w, DROP_CUT);
	}
	p->out = local ? MASQC_SELF : get_id(forth->out);
	if (!local && p->out == MASQC_NOWHERE)
		return refuse(w, DROP_UNDECLARED);
	clear_answer(p);
	if (redirected)
		p->verdict = MASQC_ALLOW;
	masqc_policy_forward(p);
	if (!redirected)
		w->rule = p->rule;
	if (p->verdict != MASQC_ALLOW || local)
		return obey(w);
	home = bpf_map_lookup_elem(&interfaces, &back_seat);
	if (back->out != in && home && home->flags & MAP(IFACE_HIDES) && is_private(key->daddr))
		return refuse(w, DROP_FORGED);
	if (!p->nat && w->map.rule && forth->out == in)
		ask_appearance(w, key);
	w->nat = p->nat ? p->nat : w->map.rule;
	w->uses = p->nat && p->habits & MASQC_OUTBOUND ? BY_FORTH : 0;
	if (p->nat)
		return is_in_pool(w, forth, key, to) ? STEP_CREATE : refuse(w, DROP_CUT);
	if ((redirected || w->map.rule) && forth->out == in) /* the client appears with its outside address */
		return forth->flags & FLOW_NAT_SRC && (!p->own || same_address(to->saddr, key->daddr)) ? STEP_CREATE : refuse(w, DROP_CUT);
	out = bpf_map_lookup_elem(&interfaces, &seat);
	if (forth->flags & FLOW_NAT_SRC || !out)
		return refuse(w, DROP_CUT);
	return out->flags & MAP(IFACE_HIDES) && is_private(key->saddr) ? refuse(w, DROP_UNTRANSLATED) : STEP_CREATE;
}

/* `flow` is one direction of it. */
static __noinline enum fate recheck(void *ctx, struct work *w, struct flow_dir *flow)
{
	struct flow_key *key;
	struct flow_dir *forth, *back;
	struct flow_slot *slot;
	__u32 index, seat, in;
	struct iface *door;
	enum step step;
	bool adopted;

	if (!w || !flow)
		return FATE_CUT;
	w->reason = DROP_ENDING;
	index = flow->slot;
	slot = get_slot(index);
	if (!slot)
		return FATE_CUT;
	key = &w->started;
	slot_key(slot, key);
	forth = find_beside(key, index);
	if (!forth || !(forth->flags & FLOW_ORIGINAL))
		return FATE_CUT;
	opposite_key(key, forth, &w->reply);
	back = find_beside(&w->reply, index);
	if (!back)
		return FATE_CUT;
	w->reason = DROP_CUT;
	seat = forth->door >> 24;
	door = bpf_map_lookup_elem(&interfaces, &seat);
	if (flush || !door || !door->ifindex)
		return FATE_CUT;
	adopted = forth->flags & FLOW_LOCAL && !slot->rule;
	in = w->in;
	w->arrived = w->h.key;
	w->in = door->ifindex;
	w->h.key = *key;
	w->rule = w->nat = w->uses = 0;
	step = ask_again(ctx, w, key, w->in, forth, back, adopted, slot->uses & USE_TARGET);
	w->rechecks = 0;
	w->in = in;
	w->h.key = w->arrived;
	if (step == STEP_CREATE) {
		translate_key(key, forth, &w->became);
		hold_port_again(w, slot, key, &w->became);
		recharge_slot(w, slot, key, &w->became);
		slot->rule = w->rule;
		slot->nat = w->nat;
		slot->generation = generation;
		slot->epoch = w->epoch;
		mark_sides(slot, w->uses);
		stamp_entry(back, w->epoch);
		stamp_entry(forth, w->epoch);
		return FATE_KEPT;
	}
	w->reason = DROP_CUT;
	return step == STEP_REJECT ? FATE_REJECTED : FATE_CUT;
}

/*
 * What becomes of the flow that the packet in w->h belongs to. A program that is no longer the deciding one trusts what it
 * finds: the next packet asks the one that is.
 */
static __always_inline enum fate meet_flow(void *ctx, struct work *w)
{
	struct flow_dir *flow = find_flow(&w->h.key);
	struct control *c = get_control();
	__u32 active = c ? READ_ONCE(c->active) : 0;
	bool deciding = (active & 0xff) == place;

	w->epoch = deciding ? active >> 8 : EPOCH_LONG_AGO;
	w->hop = NO_ADDRESS;
	w->unknown = !flow;
	if (!flow || flow->epoch == EPOCH_DYING || starts_again(&w->h.key, &w->h, flow))
		return FATE_NEW;
	if (!deciding || flow->epoch == w->epoch)
		return FATE_KEPT;
	return recheck(ctx, w, flow);
}

/* Ends the flow of the packet in w->h. */
static __always_inline void cut_flow(struct work *w)
{
	struct flow_dir *flow = find_flow(&w->h.key);

	if (flow && flow->epoch != EPOCH_DYING)
		end_flow(&w->h.key, flow, coarse_now());
}

#endif
