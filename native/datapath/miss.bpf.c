// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
/*
 * The miss path: packets that start a flow, or whose flow an earlier policy decided. Linked with a generated policy (masqc_policy_ingress, masqc_policy_forward);
 * the programs stand in the program arrays at their generation's place and are tail-called by the hit path.
 */
#include "base.h"
#include "packet.h"

extern int masqc_policy_ingress(struct masqc_packet *packet);
extern int masqc_policy_forward(struct masqc_packet *packet);

#include "create.h"
#include "decide.h"
#include "drop.h"
#include "family.h"
#include "forward.h"
#include "maps.h"
#include "note.h"
#include "parse.h"
#include "recheck.h"
#include "reject.h"
#include "work.h"

static WIDE enum parsed parse_frame(struct xdp_md *ctx, struct work *w)
{
	if (!w)
		return PARSED_OTHER;
	return parse_packet((void *)(long)ctx->data, (void *)(long)ctx->data_end, sizeof(struct ethhdr), false, &w->h);
}

static WIDE int forward_first(struct xdp_md *ctx, struct work *w, struct flow_dir *flow)
{
	return w && flow ? forward_frame(ctx, &w->h, flow, coarse_now()) : XDP_PASS;
}

/* Drops w's packet, and counts and logs it for the line of the file that says so. */
static __always_inline int refuse_frame(struct work *w, __u32 bytes)
{
	note_refusal(w);
	return drop_frame(w->reason, bytes);
}

static __always_inline int refuse_skb(struct __sk_buff *skb, struct work *w)
{
	note_refusal(w);
	return drop_skb(skb, w->reason);
}

SEC("xdp.frags")
int xdp_miss(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct work *w = get_work();
	struct flow_dir *flow;
	__u32 bytes = end - data;
	struct iface *in = get_interface(ctx->ingress_ifindex);

	if (!w || !in || data + sizeof(struct ethhdr) > end || !is_for_interface(data, in) ||
	    parse_frame(ctx, w) != PARSED_FLOW)
		return XDP_PASS;
	if (sizeof(struct ethhdr) + w->h.length > bytes && sizeof(struct ethhdr) + w->h.length > bpf_xdp_get_buff_len(ctx))
		return drop_frame(DROP_MALFORMED, bytes);
	w->in = ctx->ingress_ifindex;
	switch (meet_flow(ctx, w)) {
	case FATE_NEW:
		break;
	case FATE_KEPT:
		goto known;
	case FATE_REJECTED:
		return XDP_PASS; /* TC asks again, and answers */
	default:
		cut_flow(w);
		return refuse_frame(w, bytes);
	}
	switch (decide_arrival(ctx, w)) {
	case STEP_CREATE:
		break;
	case STEP_DROP:
		return refuse_frame(w, bytes);
	default:
		return XDP_PASS;
	}
	if (!fits_xdp(&w->h, &w->forth))
		return XDP_PASS; /* TC does it all */
	if (!create_flow(ctx, w)) {
		if (w->reason == DROP_TABLE_FULL || w->reason == DROP_PORTS_EXHAUSTED)
			return XDP_PASS; /* TC answers (RFC 5508 REQ-8) */
		return refuse_frame(w, bytes);
	}
known:
	flow = bpf_map_lookup_elem(&MAP(flows), &w->h.key);
	if (!flow || !open_door(flow->door, w->in))
		return drop_frame(DROP_WRONG_INTERFACE, bytes);
	if (!fits_xdp(&w->h, flow))
		return XDP_PASS;
	return forward_first(ctx, w, flow);
}

static WIDE enum parsed parse_skb(struct __sk_buff *skb, struct work *w)
{
	struct iface *iface = get_interface(skb->ifindex);
	__u32 l3;

	if (!w || !iface)
		return PARSED_OTHER;
	l3 = iface->flags & IFACE_ETHERNET ? sizeof(struct ethhdr) : 0;
	w->in = skb->ifindex;
	return parse_packet((void *)(long)skb->data, (void *)(long)skb->data_end, l3, true, &w->h);
}

SEC("tc")
int tc_ingress_miss(struct __sk_buff *skb)
{
	struct work *w = get_work();
	struct next_hop next = {};
	struct flow_dir *flow;
	enum parsed parsed;
	enum step step;

	if (!w)
		return drop_skb(skb, DROP_FAILED);
	if (skb->mark == ANSWER_MARK) {
		skb->mark = 0;
		return TC_ACT_UNSPEC;
	}
	parsed = parse_skb(skb, w);
	if (parsed != PARSED_FLOW)
		return drop_skb(skb, DROP_MALFORMED);
	switch (meet_flow(skb, w)) {
	case FATE_NEW:
		break;
	case FATE_KEPT:
		goto known;
	case FATE_REJECTED:
		cut_flow(w);
		note_refusal(w);
		return reject_skb(skb, w, false);
	default:
		cut_flow(w);
		return refuse_skb(skb, w);
	}
	step = decide_arrival(skb, w);
	if (step == STEP_CREATE && skb->pkt_type != PACKET_HOST)
		return TC_ACT_UNSPEC; /* a broadcast: nothing answers it as a flow, and nobody forwards it */
	if (step == STEP_CREATE && !create_flow(skb, w))
		step = w->reason == DROP_TABLE_FULL || w->reason == DROP_PORTS_EXHAUSTED ? STEP_REJECT : STEP_DROP;
	switch (step) {
	case STEP_CREATE:
		break;
	case STEP_PASS:
		if (w->rule && !admit_passing(w))
			return drop_skb(skb, w->reason);
		return TC_ACT_UNSPEC;
	case STEP_REJECT:
		note_refusal(w);
		if (w->reason == DROP_REJECTED && is_syn_held(w))
			return drop_skb(skb, DROP_HELD);
		return reject_skb(skb, w, false);
	default:
		return refuse_skb(skb, w);
	}
known:
	flow = bpf_map_lookup_elem(&MAP(flows), &w->h.key);
	if (!flow || !open_door(flow->door, w->in))
		return drop_skb(skb, DROP_WRONG_INTERFACE);
	if (flow->flags & FLOW_OWN)
		return drop_skb(skb, DROP_FORGED);
	if (flow->flags & FLOW_LOCAL)
		return deliver_skb(skb, &w->h, flow, coarse_now());
	if (skb->pkt_type != PACKET_HOST)
		return TC_ACT_UNSPEC;
	next.address = w->hop;
	return forward_skb(skb, &w->h, flow, &next, coarse_now());
}

SEC("tc")
int tc_egress_miss(struct __sk_buff *skb)
{
	struct work *w = get_work();
	struct flow_dir *flow;
	enum parsed parsed;

	if (!w)
		return drop_skb(skb, DROP_FAILED);
	parsed = parse_skb(skb, w);
	if (parsed != PARSED_FLOW && !(parsed == PARSED_FRAGMENT && w->h.head))
		return drop_skb(skb, DROP_MALFORMED);
	switch (meet_flow(skb, w)) {
	case FATE_NEW:
		break;
	case FATE_KEPT:
		goto known;
	case FATE_REJECTED:
		cut_flow(w);
		note_refusal(w);
		return reject_skb(skb, w, true);
	default:
		cut_flow(w);
		return refuse_skb(skb, w);
	}
	switch (decide_own(skb, w)) {
	case STEP_CREATE:
		break;
	case STEP_PASS:
		return TC_ACT_UNSPEC;
	case STEP_REJECT:
		note_refusal(w);
		return reject_skb(skb, w, true);
	default:
		return refuse_skb(skb, w);
	}
	if (!create_flow(skb, w)) {
		if (w->reason == DROP_TABLE_FULL || w->reason == DROP_PORT_TAKEN)
			return reject_skb(skb, w, true);
		return refuse_skb(skb, w);
	}
known:
	flow = bpf_map_lookup_elem(&MAP(flows), &w->h.key);
	if (!flow || !(flow->flags & FLOW_OWN)) /* a source that is not the gateway's */
		return drop_skb(skb, DROP_UNTRANSLATED);
	return send_skb(skb, &w->h, flow, coarse_now());
}

char _license[] SEC("license") = "Dual MIT/GPL";
