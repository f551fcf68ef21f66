/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * `log`: events for whoever reads the ring (`masqc log`). An event that is beyond the rate of its line, or for which the ring
 * has no room, is counted and lost; the packet never waits for it.
 */
#ifndef MASQC_EVENTS_H
#define MASQC_EVENTS_H

#include "accounts.h"
#include "base.h"
#include "flow.h"
#include "lines.h"

enum event_kind {
	EVENT_ALLOWED = 1,    /* a connection begins */
	EVENT_DENIED = 2,
	EVENT_REJECTED = 3,
	EVENT_LIMITED = 4,    /* allowed, but beyond the limit */
	EVENT_CUT = 5,        /* a live connection that a new policy denies */
	EVENT_MAPPED = 6,     /* an inside socket has this outside port from now on */
	EVENT_UNMAPPED = 7,   /* and no longer */
};

/* Addresses in network byte order, as the packet arrived, and what they become (zeros: the same or unknown). */
struct event {
	__u64 time;           /* CLOCK_MONOTONIC, ns */
	struct any_address saddr;
	struct any_address daddr;
	struct any_address to_saddr;
	struct any_address to_daddr;
	__be16 sport;
	__be16 dport;
	__be16 to_sport;
	__be16 to_dport;
	__u32 in;             /* ifindex; 0: the gateway itself, or none */
	__u32 out;            /* the same; 0 also where it is not known yet */
	__u32 length;         /* of the IP packet */
	__u16 rule;           /* line of the file that `generation` is of */
	__u16 generation;
	__u8 kind;            /* enum event_kind */
	__u8 protocol;
	__u8 tcp;             /* flags */
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 local;           /* it is for the gateway */
	__u8 pad[2];
};
_Static_assert(sizeof(struct event) == 104, "event");

/* events: written on the miss path and by the sweep, taken out by one reader at a time; what is not read stays, and when it
 * is full, new events are lost. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 * 1024);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} events SEC(".maps");

/* Room for an event of the line, with its time and names; NULL: there is none to be written. The caller submits it. */
static __always_inline struct event *begin_event(__u32 meter, __u32 tally, enum event_kind kind)
{
	struct logger *l = bpf_map_lookup_elem(&loggers, &meter);
	__u64 now = bpf_ktime_get_ns();
	struct event *e = NULL;
	struct tally *t;
	bool held;

	if (!l || !l->rate.interval)
		return NULL;
	held = !take_token(&l->tat, l->rate.interval, l->rate.tolerance, now);
	if (!held)
		e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		t = bpf_map_lookup_elem(&tallies, &tally);
		if (t && held)
			t->held_back++;
		else if (t)
			t->lost++;
		return NULL;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->time = now;
	e->kind = kind;
	return e;
}

/* The source of `key` has, or no longer has, that of `to` as its outside socket. */
static __always_inline void log_mapping(const struct flow_slot *slot, const struct flow_key *key, const struct flow_key *to,
					enum event_kind kind, __u32 out, bool peer)
{
	struct charge *charge = get_charge(slot->generation, slot->nat);
	struct event *e = charge ? begin_event(charge->meter, charge->tally, kind) : NULL;

	if (!e)
		return;
	widen_address(e->saddr.word, key->saddr);
	widen_address(e->to_saddr.word, to->saddr);
	e->sport = key->sport;
	e->to_sport = to->sport;
	if (peer) { /* the port is this peer's only */
		widen_address(e->daddr.word, key->daddr);
		e->dport = key->dport;
	}
	e->protocol = key->protocol;
	e->out = out;
	e->rule = slot->nat;
	e->generation = slot->generation;
	bpf_ringbuf_submit(e, 0);
}

#endif
