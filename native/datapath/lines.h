/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * What a line of the file counts, limits and logs. Rule ids change with every file; a tally and a meter belong to the text
 * of a line (or block) and stay while it does.
 */
#ifndef MASQC_LINES_H
#define MASQC_LINES_H

#include "base.h"
#include "maps.h"

/* A token bucket as a time (GCRA, ITU-T I.371): `tat`, when it will be full again, grows by `interval` with each token and
 * may be `tolerance` ahead of now. */
struct rate {
	__u64 interval;       /* ns a token; 0: there is no such limit */
	__u64 tolerance;      /* ns: (burst - 1) * interval */
};

struct tally {
	__u64 connections;    /* that it let in (a masquerade: translated) */
	__u64 packets;        /* of its connections that have ended, both ways; and what it let in without one (to many) */
	__u64 bytes;          /* of IP packets */
	__u64 refused;        /* packets that it denied, or that were beyond its limit */
	__u64 refused_bytes;
	__u64 limited;        /* of `refused`: beyond its limit */
	__u64 held_back;      /* events that were beyond the rate of its log */
	__u64 lost;           /* events that the ring had no room for */
};

/* tallies: key is the tally of a line; values are made and deleted by apply, written on the miss path and by the sweep. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, __u32);
	__type(value, struct tally);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} tallies SEC(".maps");

struct meter {
	__u64 tat;            /* of the rate */
	__u64 crowd_tat;      /* sources that `sources` has no place for, together */
	__u32 flows;          /* live, where they are limited; of a limit of ports (held.h) only the crowd's are here */
	__u32 crowd_flows;
};
_Static_assert(sizeof(struct meter) == 24, "meter");

/* meters: key is the meter of a line or block that limits, or the number of its limit of ports; made and deleted by apply, written on the miss path and by the
 * sweep. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, __u32);
	__type(value, struct meter);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} meters SEC(".maps");

struct logger {
	__u64 tat;
	struct rate rate;     /* of the events */
};

/* loggers: key is the meter of a line or block that logs; made, changed and deleted by apply; `tat` is written on the miss
 * path and by the sweep. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, __u32);
	__type(value, struct logger);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} loggers SEC(".maps");

struct charge {
	__u32 tally;
	__u32 meter;          /* struct line (take.h) */
	__u32 ports;          /* of a masquerade that limits ports: their number (held.h) */
};

/* charges: key is generation << 16 | rule id, value what that line counts in, for as long as flows of the generation live:
 * a flow keeps its ids alone, which is less. Made and deleted by apply. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, __u32);
	__type(value, struct charge);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} charges SEC(".maps");

/* NULL: the generation is no longer known. */
static __always_inline struct charge *get_charge(__u16 generation, __u16 rule)
{
	__u32 key = (__u32)generation << 16 | rule;

	return bpf_map_lookup_elem(&charges, &key);
}

static __always_inline void count_ended(__u32 tally, __u64 packets, __u64 bytes)
{
	struct tally *t = bpf_map_lookup_elem(&tallies, &tally);

	if (t) {
		t->packets += packets;
		t->bytes += bytes;
	}
}

/* A token, if there is one. */
static __always_inline bool take_token(__u64 *tat, __u64 interval, __u64 tolerance, __u64 now)
{
	int i;

	for (i = 0; i < 8; i++) {
		__u64 was = READ_ONCE(*tat), from = was > now ? was : now;

		if (from - now > tolerance)
			return false;
		if (__sync_val_compare_and_swap(tat, was, from + interval) == was)
			return true;
	}
	return false; /* others are faster, and take them all */
}

#endif
