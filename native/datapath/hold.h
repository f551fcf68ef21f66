/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Whether a source may hold one more port of its masquerade, and the count of those that it holds (held.h). */
#ifndef MASQC_HOLD_H
#define MASQC_HOLD_H

#include "base.h"
#include "drop.h"
#include "held.h"
#include "mapping.h"
#include "maps.h"
#include "take.h"
#include "work.h"

/* Set by the loader in every linked object: some masquerade of the file limits ports. */
const volatile __u32 ports_limited = 0;

/* The limit of ports of w's masquerade; NULL: it has none. */
static __always_inline struct line *get_ports_line(const struct work *w)
{
	struct line *line = w->nat ? get_line(w->nat) : NULL;
	__u32 key = line ? line->ports : 0;

	return key ? bpf_map_lookup_elem(&lines, &key) : NULL;
}

/* One port more for `who`: its token is in w->token, unless nothing limits it. False: w->reason says why not. */
static __always_inline bool take_port(struct work *w, struct line *line, __u64 who, enum asked asked)
{
	int took;

	w->token = 0;
	if (!line)
		return true;
	took = take_of_line(line, who, asked);
	if (took < 0) {
		w->reason = DROP_LIMITED;
		return false;
	}
	if (took)
		w->token = (line->meter & PORT_NUMBER) | (took & HOLD_CROWD ? PORT_CROWD : 0);
	return true;
}

__noinline int ask_port(struct work *w, __u64 who, enum asked asked)
{
	return w && take_port(w, get_ports_line(w), who, asked);
}

/* The same for a flow without a mapping: its port, or identifier of ICMP, is its own. */
static __always_inline bool ask_lone_port(struct work *w, const struct flow_key *key, enum asked asked)
{
	if (!ports_limited || (key->protocol != IP_ICMP && !has_ports(key->protocol)))
		return true;
	return ask_port(w, source_of(key->saddr), asked);
}

/*
 * The mapping of the outside socket, which w's flow holds, is counted for w's masquerade at `who`, its inside host: with
 * w->token where the port was asked for, else by asking. False: beyond the limit, and w->reason says so.
 */
static __noinline int count_held(struct work *w, const struct socket_key *outside, __u64 who, enum asked asked)
{
	struct line *line;
	struct mapping *m;
	__u16 is;

	if (!w || !outside)
		return 0;
	if (!ports_limited) /* here, so that the function stays: bpftool shows no source lines of a program that has lost one */
		return 1;
	line = get_ports_line(w);
	m = line ? bpf_map_lookup_elem(&MAP(mappings), outside) : NULL;
	if (!m)
		return 1;
	is = READ_ONCE(m->counted);
	if ((is & PORT_NUMBER) == line->meter) {
		return_port(w, who);
		return 1;
	}
	if (!w->token && !take_port(w, line, who, asked))
		return 0;
	if (!w->token)
		return 1;
	if (!swap_counted(m, is, w->token)) {
		return_port(w, who); /* another packet has counted it */
		return 1;
	}
	w->token = 0;
	if (is)
		give_port(is, who); /* of an earlier file's line */
	return 1;
}

/* A flow that is there already counts for the line that w names now, beyond the limit, too. What its mapping was counted for before
 * is given back; what itself was, by recharge_slot, which comes next. */
static __always_inline void hold_port_again(struct work *w, const struct flow_slot *slot, const struct flow_key *key,
					    const struct flow_key *to)
{
	struct socket_key outside = { .address = to->saddr, .port = to->sport, .protocol = key->protocol };

	w->token = 0;
	if (!(slot->uses & USE_SOURCE))
		ask_lone_port(w, key, ASK_FLOWS);
	else
		count_held(w, &outside, source_of(key->saddr), ASK_FLOWS);
}

#endif
