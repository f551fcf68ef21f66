/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What the lines of the file ask for, and whether a new connection is within the limits of its rule and of its masquerade. */
#ifndef MASQC_TAKE_H
#define MASQC_TAKE_H

#include "base.h"
#include "drop.h"
#include "held.h"
#include "limits.h"
#include "lines.h"
#include "work.h"

/* Set by the loader in every linked object: no line of the file limits anything, and nothing of this is there. */
const volatile __u32 limits_used = 0;

enum line_log {
	LOG_PACKETS = 1,
	LOG_MAPPINGS = 2,     /* a masquerade's allocations */
};

struct line {
	__u32 tally;
	__u32 meter;          /* of the line, or of the block whose limits and log it shares; 0: it has none */
	struct rate rate;
	struct rate source_rate;
	__u32 flows;          /* live ones at most; 0: no limit */
	__u32 source_flows;
	__u32 logs;           /* enum line_log */
	__u32 ports;          /* of a masquerade that limits ports: key in `lines` of what says how many, as source_flows (hold.h); 0 */
};
_Static_assert(sizeof(struct line) == 56, "line");

/* lines: key is a rule id of this generation (0: what the gateway itself starts), and behind them limits of ports, whose meter is
 * their number (held.h); written by apply before the switch; each linked object has its own. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct line);
} lines SEC(".maps");

static __always_inline struct line *get_line(__u16 rule)
{
	__u32 key = rule;

	return bpf_map_lookup_elem(&lines, &key);
}

/* What is asked of a line. */
enum asked {
	ASK_ALL,
	ASK_TOKENS,           /* the flow is there, its tuple is used again */
	ASK_FLOWS,            /* a live flow that changes its line: it is counted, whatever the limit */
};

enum answer {
	ANSWER_NO,
	ANSWER_SOURCE,        /* yes, counted at the source */
	ANSWER_CROWD,         /* there is no place for this source */
};

__noinline enum answer take_of_source(struct line *line, __u64 who, __u64 now, enum asked asked)
{
	__u64 interval, tolerance, from;
	struct source_set *set;
	struct source *at;
	__u32 meter, flows;
	int i, found = -1;
	bool fits = false;

	if (!line)
		return ANSWER_NO;
	meter = line->meter;
	flows = asked == ASK_TOKENS ? 0 : line->source_flows;
	interval = asked == ASK_FLOWS ? 0 : line->source_rate.interval;
	tolerance = line->source_rate.tolerance;
	set = find_sources(who, meter);
	if (!set)
		return ANSWER_CROWD;
	bpf_spin_lock(&set->lock);
	for (i = 0; i < SOURCE_WAYS; i++) {
		at = &set->ways[i];
		if (at->meter == meter && at->who == who) {
			found = i;
			break;
		}
		if (!at->flows && at->tat <= now)
			found = -2 - i; /* free */
	}
	if (found == -1) {
		bpf_spin_unlock(&set->lock);
		return ANSWER_CROWD;
	}
	i = (found < 0 ? -2 - found : found) & 15;
	if (i < SOURCE_WAYS) {
		at = &set->ways[i];
		if (found < 0) {
			at->who = who;
			at->meter = meter;
			at->tat = 0;
		}
		from = at->tat > now ? at->tat : now;
		fits = asked == ASK_FLOWS ||
		       ((!flows || at->flows < flows) && (!interval || from - now <= tolerance));
		if (fits && interval)
			at->tat = from + interval;
		if (fits && flows)
			at->flows++;
	}
	bpf_spin_unlock(&set->lock);
	return fits ? ANSWER_SOURCE : ANSWER_NO;
}

/* What a line of the limits has given, to be given back together. */
#define TOOK_TOKEN 8          /* beside HOLD_FLOW and the like */
#define TOOK_SOURCE_TOKEN 16
#define TOOK_CROWD_TOKEN 32

__noinline int return_to_line(struct line *line, __u32 took, __u64 who)
{
	struct meter *m;
	__u32 key;

	if (!line || !took)
		return 0;
	key = line->meter;
	m = bpf_map_lookup_elem(&meters, &key);
	if (!m)
		return 0;
	if (took & HOLD_FLOW)
		drop_count(&m->flows);
	if (took & HOLD_CROWD)
		drop_count(&m->crowd_flows);
	if (took & TOOK_TOKEN)
		__sync_fetch_and_add(&m->tat, -line->rate.interval);
	if (took & TOOK_CROWD_TOKEN)
		__sync_fetch_and_add(&m->crowd_tat, -line->source_rate.interval);
	if (took & (HOLD_SOURCE | TOOK_SOURCE_TOKEN))
		give_to_source(key, who, took & TOOK_SOURCE_TOKEN ? line->source_rate.interval : 0, took & HOLD_SOURCE);
	return 0;
}

static __always_inline bool take_flow(__u32 *count, __u32 most)
{
	if (__sync_fetch_and_add(count, 1) < most)
		return true;
	__sync_fetch_and_add(count, -1);
	return false;
}

/* One more of the line. Returns what it took (TOOK_*, HOLD_*), or -1: it is beyond the limit. */
__noinline int take_of_line(struct line *line, __u64 who, enum asked asked)
{
	bool force = asked == ASK_FLOWS;
	__u32 key, flows, took = 0;
	struct meter *m;
	__u64 now, interval;

	if (!line)
		return 0;
	key = line->meter;
	if (!key || !(line->flows | line->source_flows | line->rate.interval | line->source_rate.interval))
		return 0;
	m = bpf_map_lookup_elem(&meters, &key);
	if (!m)
		return 0;
	now = bpf_ktime_get_ns();
	if (line->flows && asked != ASK_TOKENS) {
		if (!take_flow(&m->flows, force ? ~0U : line->flows))
			return -1;
		took |= HOLD_FLOW;
	}
	flows = asked == ASK_TOKENS ? 0 : line->source_flows;
	interval = force ? 0 : line->source_rate.interval;
	if (flows || interval) {
		switch (take_of_source(line, who, now, asked)) {
		case ANSWER_SOURCE:
			took |= (flows ? HOLD_SOURCE : 0) | (interval ? TOOK_SOURCE_TOKEN : 0);
			break;
		case ANSWER_CROWD:
			if (flows) {
				if (!take_flow(&m->crowd_flows, force ? ~0U : flows))
					goto refused;
				took |= HOLD_CROWD;
			}
			if (interval) {
				if (!take_token(&m->crowd_tat, interval, line->source_rate.tolerance, now))
					goto refused;
				took |= TOOK_CROWD_TOKEN;
			}
			break;
		default:
			goto refused;
		}
	}
	if (line->rate.interval && !force) {
		if (!take_token(&m->tat, line->rate.interval, line->rate.tolerance, now))
			goto refused;
		took |= TOOK_TOKEN;
	}
	return took;

refused:
	return_to_line(line, took, who);
	return -1;
}

/*
 * Asks the limits of w's rule and of its masquerade. False: w->reason and w->rule say whose limit it is beyond. What was
 * taken is in w->took until the flow is made (keep_holds), or goes back (return_tokens).
 */
__noinline bool admit(struct work *w, enum asked asked)
{
	__u64 who;
	int took;

	if (!w)
		return false;
	w->took = w->nat_took = 0;
	who = charged_source(&w->h.key, &w->to, w->uses);
	took = take_of_line(get_line(w->rule), who, asked);
	if (took < 0)
		goto limited;
	w->took = took;
	if (!w->nat)
		return true;
	took = take_of_line(get_line(w->nat), source_of(w->h.key.saddr), asked);
	if (took >= 0) {
		w->nat_took = took;
		return true;
	}
	return_to_line(get_line(w->rule), w->took, who);
	w->took = 0;
	w->rule = w->nat;
limited:
	w->reason = DROP_LIMITED;
	return false;
}

/* The port that was asked for is not needed. */
static __always_inline void return_port(struct work *w, __u64 who)
{
	if (w->token)
		give_port(w->token, who);
	w->token = 0;
}

/* There will be no flow. */
__noinline int return_tokens(struct work *w)
{
	if (!w)
		return 0;
	if (w->took)
		return_to_line(get_line(w->rule), w->took, charged_source(&w->h.key, &w->to, w->uses));
	if (w->nat_took)
		return_to_line(get_line(w->nat), w->nat_took, source_of(w->h.key.saddr));
	w->took = w->nat_took = 0;
	return_port(w, source_of(w->h.key.saddr));
	return 0;
}

#endif
