/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * `limit` for each source, and live flows that are counted against a limit.
 *
 * A source is an IPv4 address, or the /64 of an IPv6 one (whoever has one address has all of them). `sources` never forgets
 * a source that owes something: an entry is given to another only when its bucket is full and it has no live flow, which is
 * the state of a source that was never seen. So it can't be pushed out by a flood. A source for which there is no place
 * shares one allowance of the line with all others of that kind: a flood of forged sources starves newcomers, and lets
 * nobody past the limit.
 */
#ifndef MASQC_LIMITS_H
#define MASQC_LIMITS_H

#include "base.h"
#include "flow.h"
#include "lines.h"
#include "mapping.h"
#include "maps.h"
#include "sketch.h"

#define SOURCE_WAYS 10

struct source {
	__u64 who;            /* source_of() of the address */
	__u64 tat;
	__u32 meter;          /* 0: free */
	__u32 flows;          /* live; of a limit of ports: ports */
};

struct source_set {
	struct bpf_spin_lock lock;
	__u32 pad;
	struct source ways[SOURCE_WAYS];
	__u64 pad2;
};
_Static_assert(sizeof(struct source_set) == 256, "source_set");

/* sources: key is a hash of source and meter, value the sources with that hash; written on the miss path and by the sweep
 * under its lock; an entry is reused when it says nothing any more. Its size, a power of two, is in control.source_sets. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DEFAULT_FLOWS / 32);
	__type(key, __u32);
	__type(value, struct source_set);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sources SEC(".maps");

/* flow_slot.holds: bits of the rule's line, and those of the masquerade's three further. */
enum slot_hold {
	HOLD_FLOW = 1,        /* counted in meter.flows */
	HOLD_SOURCE = 2,      /* counted in its source's flows */
	HOLD_CROWD = 4,       /* counted in meter.crowd_flows */
	HOLD_LIMITS = 7,
	HOLD_NAT_SHIFT = 3,
	HOLD_LOGGED = 64,     /* the end of its mapping is to be logged */
	HOLD_ACCOUNT_SOURCE = 128, /* the one who started it is accounted */
	HOLD_ACCOUNT_TARGET = 256, /* the one who was reached */
	HOLD_SHARE = 512,          /* counted in `shares` (shares.h) */
	HOLD_PORT = 1024,          /* a port of its masquerade, without a mapping: counted in its source's (held.h), */
	HOLD_PORT_CROWD = 2048,    /* or at the limit's crowd_flows */
	HOLD_PORTS = HOLD_PORT | HOLD_PORT_CROWD,
};

static __always_inline struct source_set *find_sources(__u64 who, __u32 meter)
{
	struct control *c = get_control();
	__u64 hash;
	__u32 set;

	if (!c || !c->source_sets)
		return NULL;
	hash = (who ^ (__u64)c->seed << 32 ^ meter) * 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9ULL;
	set = (hash >> 32) & (c->source_sets - 1);
	return bpf_map_lookup_elem(&sources, &set);
}

static __always_inline int give_back_to(__u32 meter, __u64 who, __u64 interval, __u32 flows)
{
	struct source_set *set = find_sources(who, meter);
	struct source *at;
	int i;

	if (!set)
		return 0;
	bpf_spin_lock(&set->lock);
	for (i = 0; i < SOURCE_WAYS; i++) {
		at = &set->ways[i];
		if (at->meter == meter && at->who == who) {
			if (at->tat >= interval)
				at->tat -= interval;
			if (flows && at->flows)
				at->flows--;
		}
	}
	bpf_spin_unlock(&set->lock);
	return 0;
}

/* Gives back a token (`interval`, or 0) and a flow (`flows` 1, or 0) of one source. Not static: the verifier looks at it once,
 * and not once for every way to it; so are others here and in take.h. */
__noinline int give_to_source(__u32 meter, __u64 who, __u64 interval, __u32 flows)
{
	return give_back_to(meter, who, interval, flows);
}

/* A live flow less: `holds` are the bits of one line. */
__noinline int release_flow(__u32 meter, __u32 holds, __u64 who)
{
	struct meter *m = bpf_map_lookup_elem(&meters, &meter);

	if (m && holds & HOLD_FLOW)
		drop_count(&m->flows);
	if (m && holds & HOLD_CROWD)
		drop_count(&m->crowd_flows);
	if (holds & HOLD_SOURCE)
		give_to_source(meter, who, 0, 1);
	return 0;
}

/*
 * The source that a flow counts for at its rule's line: who started it. What came in by the door of a mapping counts for
 * the inside host, like all that its masquerade translates.
 */
static __always_inline __u64 charged_source(const struct flow_key *key, const struct flow_key *to, __u32 uses)
{
	return source_of(uses & USE_TARGET ? to->daddr : key->saddr);
}

static __always_inline void release_flows(const struct flow_slot *slot, const struct flow_key *key,
					  const struct flow_key *to)
{
	__u32 holds = slot->holds & HOLD_LIMITS, nat = slot->holds >> HOLD_NAT_SHIFT & HOLD_LIMITS;
	struct charge *charge;

	charge = holds ? get_charge(slot->generation, slot->rule) : NULL;
	if (charge)
		release_flow(charge->meter, holds, charged_source(key, to, slot->uses));
	charge = nat ? get_charge(slot->generation, slot->nat) : NULL;
	if (charge)
		release_flow(charge->meter, nat, source_of(key->saddr));
	charge = slot->holds & HOLD_PORTS ? get_charge(slot->generation, slot->nat) : NULL;
	if (charge)
		release_flow(charge->ports, slot->holds & HOLD_PORT ? HOLD_SOURCE : HOLD_CROWD, source_of(key->saddr));
}

#endif
