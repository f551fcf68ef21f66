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
#include "parse.h"

/* How far beyond what was acknowledged a RST may be: windows are scaled, and the scale is not kept. */
#define RST_WINDOW (1 << 20)

/* The sweep looks at the flow again no later than after `class`'s timeout. */
static __always_inline void shorten_deadline(__u32 index, enum flow_class class, __u32 now)
{
	struct flow_slot *slot = bpf_map_lookup_elem(&slots, &index);
	struct control *c = get_control();
	__u32 deadline;

	if (!slot || !c)
		return;
	deadline = now + c->timeouts[class];
	if ((__s32)(slot->deadline - deadline) > 0)
		slot->deadline = deadline;
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

/*
 * A packet with SYN, FIN or RST of a known flow. Returns false if it must not pass: a new connection from the far
 * end on the tuple of one that has ended.
 * RFC 7857 section 2.1: a RST outside the window shortens nothing (it still passes: the end checks it).
 * RFC 5382 REQ-2: a tuple may be used again after the end; only the side that started the flow may do so.
 */
static __noinline bool track_tcp_control(struct flow_dir *flow, const struct tcp_event *h)
{
	struct flow_dir *back;
	struct flow_key key;

	if (!flow || !h)
		return false;
	opposite_key(&h->key, flow, &key);
	back = bpf_map_lookup_elem(&flows4, &key);
	if (!back || back->slot != flow->slot)
		return true;

	if (h->tcp & TCP_RST) {
		bool valid;

		if (back->tcp & TCP_ACK)
			valid = (__s32)(h->seq - back->tcp_ack) >= -1 && (__s32)(h->seq - back->tcp_ack) <= RST_WINDOW;
		else /* the answer to a SYN */
			valid = h->tcp & TCP_ACK && h->ack == back->tcp_end;
		if (valid) {
			flow->tcp |= TCP_RST;
			shorten_deadline(flow->slot, CLASS_TCP_FIN, h->now);
		}
		return true;
	}
	if (h->tcp & TCP_FIN) {
		flow->tcp |= TCP_FIN;
		shorten_deadline(flow->slot, CLASS_TCP_FIN, h->now);
		return true;
	}
	/* SYN or SYN-ACK */
	if ((flow->tcp | back->tcp) & TCP_RST || (flow->tcp & back->tcp & TCP_FIN)) {
		if (!(flow->flags & FLOW_ORIGINAL) || h->tcp & TCP_ACK)
			return false;
		flow->tcp = 0;
		back->tcp = 0;
		back->tcp_ack = 0;
		flow->tcp_end = h->end;
		shorten_deadline(flow->slot, CLASS_TCP_SYN, h->now);
	}
	flow->tcp |= TCP_SYN;
	return true;
}

/* Any TCP packet of a known flow, before it is rewritten. False: drop it as a stray. */
static __always_inline bool track_tcp(struct flow_dir *flow, const struct header *h, __u32 now)
{
	if (unlikely(h->tcp & (TCP_SYN | TCP_FIN | TCP_RST))) {
		struct tcp_event event = {
			.key = h->key, .seq = h->seq, .end = h->end, .ack = h->ack, .now = now, .tcp = h->tcp,
		};

		if (!track_tcp_control(flow, &event))
			return false;
	}
	if (!flow->tcp_end || (__s32)(h->end - flow->tcp_end) > 0)
		flow->tcp_end = h->end;
	if (h->tcp & TCP_ACK && !(h->tcp & TCP_RST)) {
		flow->tcp_ack = h->ack;
		if (unlikely(!(flow->tcp & TCP_ACK)))
			flow->tcp |= TCP_ACK;
	}
	return true;
}

/* The timeout that holds for a connection, from the flags seen in both directions. */
static __always_inline enum flow_class tcp_class(__u8 original, __u8 reply)
{
	if ((original | reply) & (TCP_FIN | TCP_RST))
		return CLASS_TCP_FIN;
	if (original & reply & TCP_ACK)
		return CLASS_TCP;
	return CLASS_TCP_SYN;
}

static __always_inline enum flow_class flow_class(__u8 protocol)
{
	if (protocol == IPPROTO_UDP)
		return CLASS_UDP;
	if (protocol == IPPROTO_ICMP)
		return CLASS_ICMP;
	return CLASS_OTHER;
}

#endif
