/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * The miss path and the lines of the file: what a new connection, or a packet that goes no further, is counted and logged
 * for. Of a live connection that meets a new policy nothing is asked: it only counts for another line from then on.
 */
#ifndef MASQC_NOTE_H
#define MASQC_NOTE_H

#include "accounts.h"
#include "base.h"
#include "drop.h"
#include "events.h"
#include "lines.h"
#include "take.h"
#include "work.h"

/* Set by the loader in every linked object: what no line of the file asks for is not there. */
const volatile __u32 logs_used = 0;
const volatile __u32 accounts_used = 0;

struct prefix_key {
	__u32 length;
	struct any_address address;
};

/* accounted: prefixes of `account`, written by apply before the switch; each linked object has its own. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct prefix_key);
	__type(value, __u8);
} accounted SEC(".maps");

static __always_inline struct tally *get_tally(__u16 rule)
{
	struct line *line = get_line(rule);
	__u32 key = line ? line->tally : 0;

	return key ? bpf_map_lookup_elem(&tallies, &key) : NULL;
}

/* An event of w's packet by the line `rule`, if that logs. */
__noinline int log_packet(struct work *w, __u32 rule, enum event_kind kind)
{
	struct line *line = bpf_map_lookup_elem(&lines, &rule);
	const struct header *h;
	struct event *e;

	if (!w || !line || !(line->logs & (kind == EVENT_LIMITED ? LOG_PACKETS | LOG_MAPPINGS : LOG_PACKETS)))
		return 0;
	e = begin_event(line->meter, line->tally, kind);
	if (!e)
		return 0;
	h = &w->h;
	widen_address(e->saddr.word, h->key.saddr);
	widen_address(e->daddr.word, h->key.daddr);
	e->sport = h->key.sport;
	e->dport = h->key.dport;
	e->protocol = h->key.protocol;
	e->tcp = h->tcp;
	e->icmp_type = h->icmp_type;
	e->icmp_code = h->icmp_code;
	e->length = h->length;
	e->rule = rule;
	e->generation = generation;
	if (w->packet.in == MASQC_SELF) {
		e->out = w->in;
	} else {
		e->in = w->in;
		e->out = kind == EVENT_CUT ? 0 : w->forth.out;
		e->local = w->packet.own && !e->out;
	}
	if (kind == EVENT_ALLOWED && w->forth.flags & FLOW_NAT_SRC) {
		widen_address(e->to_saddr.word, w->to.saddr);
		e->to_sport = w->to.sport;
	}
	if (kind == EVENT_ALLOWED && w->forth.flags & FLOW_NAT_DST) {
		widen_address(e->to_daddr.word, w->to.daddr);
		e->to_dport = w->to.dport;
	}
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* w's packet goes no further, by a line of the file: w->rule, or the one whose limit it is beyond. */
__noinline int note_refusal(struct work *w)
{
	enum event_kind kind = EVENT_DENIED;
	struct tally *t;

	if (!w)
		return 0;
	switch (w->reason) {
	case DROP_DENIED:
		break;
	case DROP_REJECTED:
		kind = EVENT_REJECTED;
		break;
	case DROP_LIMITED:
		kind = EVENT_LIMITED;
		break;
	case DROP_CUT:
		kind = EVENT_CUT;
		break;
	default:
		return 0;
	}
	t = get_tally(w->rule);
	if (t) {
		t->refused++;
		t->refused_bytes += w->h.length;
		if (kind == EVENT_LIMITED)
			t->limited++;
	}
	if (logs_used)
		log_packet(w, w->rule, kind);
	return 0;
}

static __always_inline bool is_accounted(addr_t address)
{
	struct prefix_key key = { .length = 128 };

	widen_address(key.address.word, address);
	return bpf_map_lookup_elem(&accounted, &key);
}

static __always_inline __u32 find_accounts(const struct flow_key *key, const struct flow_key *to)
{
	return (is_accounted(key->saddr) ? HOLD_ACCOUNT_SOURCE : 0) | (is_accounted(to->daddr) ? HOLD_ACCOUNT_TARGET : 0);
}

/* The slot of a flow that w describes: whom it counts for, and what it holds. */
static __always_inline void charge_slot(struct work *w, struct flow_slot *slot, const struct flow_key *key,
					const struct flow_key *to)
{
	struct line *nat = logs_used && w->nat ? get_line(w->nat) : NULL;
	__u32 holds = (slot->holds & HOLD_SHARE) | (w->took & HOLD_LIMITS) | (w->nat_took & HOLD_LIMITS) << HOLD_NAT_SHIFT;

	if (nat && nat->logs & LOG_MAPPINGS)
		holds |= HOLD_LOGGED;
	if (accounts_used)
		holds |= find_accounts(key, to);
	if (w->token)
		holds |= w->token & PORT_CROWD ? HOLD_PORT_CROWD : HOLD_PORT;
	slot->holds = holds;
	w->took = w->nat_took = w->token = 0;
}

/* The same for a flow that was there before: it is counted for its new lines, and no longer for the old ones. (For ports, too,
 * where hold_port_again was before.) */
__noinline int recharge_slot(struct work *w, struct flow_slot *slot, struct flow_key *key, struct flow_key *to)
{
	__u32 logged;
	int took;

	if (!w || !slot || !key || !to)
		return 0;
	logged = slot->holds & HOLD_LOGGED; /* a mapping that was not logged has no logged end */
	release_flows(slot, key, to);
	w->took = w->nat_took = 0;
	if (limits_used) {
		took = take_of_line(get_line(w->rule), charged_source(key, to, slot->uses), ASK_FLOWS);
		w->took = took > 0 ? took : 0;
		took = w->nat ? take_of_line(get_line(w->nat), source_of(key->saddr), ASK_FLOWS) : 0;
		w->nat_took = took > 0 ? took : 0;
	}
	charge_slot(w, slot, key, to);
	slot->holds &= ~(__u32)HOLD_LOGGED | logged;
	return 0;
}

static __always_inline void count_connection(struct work *w)
{
	struct tally *t = get_tally(w->rule);

	if (t)
		t->connections++;
	if (!w->nat)
		return;
	t = get_tally(w->nat);
	if (t)
		t->connections++;
}

/* What was let in without a flow: packets to many. */
__noinline bool admit_passing(struct work *w)
{
	struct tally *t;

	if (!w)
		return false;
	if (limits_used) {
		if (!admit(w, ASK_TOKENS)) {
			note_refusal(w);
			return false;
		}
	}
	t = get_tally(w->rule);
	if (t) {
		t->packets++;
		t->bytes += w->h.length;
	}
	if (logs_used)
		log_packet(w, w->rule, EVENT_ALLOWED);
	return true;
}

#endif
