/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * TCP of a flow. Each direction notes the flags that it has seen, the end of its data and its last acknowledgement; the
 * sweep reads the state of the connection off both. Only SYN, FIN and RST cost more than that.
 */
#ifndef MASQC_TCP_H
#define MASQC_TCP_H

#include "base.h"
#include "flow.h"
#include "maps.h"
#include "mss.h"
#include "parse.h"
#include "target.h"

/*
 * What counts as inside the window of the other end: from what it has acknowledged to 64 KB beyond what was sent so far
 * (a sender's RST and FIN are where its data ends; some of it may have been lost before it came here), and no further
 * than TCP_FLIGHT, however far a forged segment has moved that end.
 */
#define TCP_SLACK 65535
#define TCP_FLIGHT (1 << 24)

/* The sweep looks at the flow again no later than after `class`'s timeout. */
static __always_inline void shorten_deadline(__u32 number, enum flow_class class, __u32 now)
{
	struct flow_slot *slot = get_slot(number);
	struct control *c = get_control();
	__u32 deadline;

	if (!slot || !c)
		return;
	deadline = now + c->timeouts[class];
	if ((__s32)(slot->deadline - deadline) > 0)
		slot->deadline = deadline;
	mark_assured(slot, false);
}

/*
 * Coarse units after which the sweep looks at a flow of this class. One that is being opened becomes established without
 * telling the sweep, so where that is the shorter time it counts.
 */
static __always_inline __u32 time_to_look(const struct control *c, enum flow_class class)
{
	__u32 timeout = c->timeouts[class & (CLASS_COUNT - 1)];

	return class == CLASS_TCP_SYN && c->timeouts[CLASS_TCP] < timeout ? c->timeouts[CLASS_TCP] : timeout;
}

/* What track_tcp_control needs of a packet, so that the header itself can stay in registers. */
struct tcp_event {
	struct flow_key key;
	__u32 seq;
	__u32 end;
	__u32 ack;
	__u32 now;
	__u32 tcp; /* flags */
};

static __always_inline struct flow_dir *find_back(const struct flow_key *key, const struct flow_dir *flow)
{
	struct flow_key other;

	opposite_key(key, flow, &other);
	return find_beside(&other, flow->slot);
}

static __always_inline bool is_in_window(const struct flow_dir *flow, const struct flow_dir *back, __u32 seq)
{
	__s32 sent = flow->tcp_end - back->tcp_ack, at = seq - back->tcp_ack;

	if (sent < 0)
		sent = 0;
	if (sent > TCP_FLIGHT - TCP_SLACK)
		sent = TCP_FLIGHT - TCP_SLACK;
	return at >= 0 && at <= sent + TCP_SLACK;
}

static __always_inline bool is_closed(const struct flow_dir *flow, const struct flow_dir *back)
{
	return (flow->tcp | back->tcp) & TCP_RST || flow->tcp & back->tcp & TCP_FIN;
}

/* A SYN on the tuple of a connection that has ended starts another, which the policy is asked about (RFC 5382 REQ-2). */
static __noinline bool has_ended(const struct flow_key *key, struct flow_dir *flow)
{
	struct flow_dir *back;

	if (!key || !flow)
		return false;
	back = find_back(key, flow);
	return back && is_closed(flow, back);
}

static __always_inline bool starts_again(const struct flow_key *key, const struct header *h, struct flow_dir *flow)
{
	return unlikely((h->tcp & (TCP_SYN | TCP_ACK)) == TCP_SYN) && has_ended(key, flow);
}

#define TCP_STRAY (-1)
#define TCP_FINE 0

/*
 * A packet with SYN, FIN or RST of a known flow. Returns TCP_STRAY if it must not pass: the second step of a connection
 * whose first nobody saw, on the tuple of one that has ended. Else TCP_FINE, or the MSS that a SYN is lowered to.
 * RFC 7857: a RST, and a FIN, outside the window shortens nothing (it still passes: the end checks it).
 */
static __noinline int track_tcp_control(struct flow_dir *flow, const struct tcp_event *h)
{
	struct flow_dir *back;

	if (!flow || !h)
		return TCP_STRAY;
	back = find_back(&h->key, flow);
	if (!back)
		return TCP_FINE;
	if (h->tcp & TCP_RST) {
		bool valid;

		if (back->tcp & TCP_ACK)
			valid = is_in_window(flow, back, h->seq);
		else /* the answer to a SYN, which may have carried data: tcp_ack is the SYN's own number */
			valid = h->tcp & TCP_ACK && h->ack - back->tcp_ack - 1 < back->tcp_end - back->tcp_ack;
		if (valid) { /* in both, so that a packet of either end finds it and takes it back */
			flow->tcp |= TCP_RST;
			back->tcp |= TCP_RST;
			shorten_deadline(flow->slot, CLASS_TCP_FIN, h->now);
		}
		return TCP_FINE;
	}
	if (h->tcp & TCP_SYN) {
		if (is_closed(flow, back))
			return TCP_STRAY;
		flow->tcp |= TCP_SYN;
		return find_mss_limit(flow, back);
	}
	if (back->tcp & TCP_ACK && is_in_window(flow, back, h->end)) {
		flow->tcp |= TCP_FIN;
		if (back->tcp & TCP_FIN)
			shorten_deadline(flow->slot, CLASS_TCP_FIN, h->now);
	}
	return TCP_FINE;
}

/*
 * Data or an acknowledgement after a RST: an end that did not believe it challenges it (RFC 5961), or its sender goes on;
 * the connection lives.
 */
static __noinline void track_tcp_survival(struct flow_dir *flow, const struct tcp_event *h)
{
	struct flow_dir *back;

	if (!flow || !h)
		return;
	back = find_back(&h->key, flow);
	if (!back || !(back->tcp & TCP_ACK) || !is_in_window(flow, back, h->seq + 1)) /* a keepalive is one below */
		return;
	flow->tcp &= ~TCP_RST;
	back->tcp &= ~TCP_RST;
}

/* Any TCP packet of a known flow, before it is rewritten: as track_tcp_control. TCP_STRAY: drop it. */
static __always_inline int track_tcp(struct flow_dir *flow, const struct header *h, __u32 now)
{
	int verdict = TCP_FINE;

	if (unlikely(h->tcp & (TCP_SYN | TCP_FIN | TCP_RST) || flow->tcp & TCP_RST)) {
		struct tcp_event event = {
			.key = h->key, .seq = h->seq, .end = h->end, .ack = h->ack, .now = now, .tcp = h->tcp,
		};

		if (!(h->tcp & (TCP_SYN | TCP_FIN | TCP_RST)))
			track_tcp_survival(flow, &event);
		else
			verdict = track_tcp_control(flow, &event);
		if (verdict == TCP_STRAY || h->tcp & TCP_RST) /* a reset's numbers may be anybody's */
			return verdict;
	}
	if (!flow->tcp_end || (__s32)(h->end - flow->tcp_end) > 0)
		flow->tcp_end = h->end;
	if (h->tcp & TCP_ACK) {
		flow->tcp_ack = h->ack;
		if (unlikely(!(flow->tcp & TCP_ACK)))
			flow->tcp |= TCP_ACK;
	}
	return verdict;
}

/*
 * The timeout that holds for a connection, from the flags seen in both directions. Half closed, it is as established as
 * before: the other half may go on for hours (RFC 5382 REQ-5, RFC 6146 section 3.5.2.2).
 */
static __always_inline enum flow_class tcp_class(__u8 original, __u8 reply)
{
	if ((original | reply) & TCP_RST || original & reply & TCP_FIN)
		return CLASS_TCP_FIN;
	if (original & reply & TCP_ACK)
		return CLASS_TCP;
	return CLASS_TCP_SYN;
}

static __always_inline enum flow_class flow_class(__u8 protocol)
{
	if (protocol == IPPROTO_UDP)
		return CLASS_UDP;
	if (protocol == IP_ICMP)
		return CLASS_ICMP;
	return CLASS_OTHER;
}

#endif
