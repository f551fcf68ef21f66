// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
/*
 * The miss path: packets that start a flow, or whose flow an earlier policy decided. Linked with a generated policy (masqc_policy_ingress, masqc_policy_forward);
 * the programs stand in the program arrays at their generation's place and are tail-called by the hit path.
 */
#define MISS_PATH

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
#include "move.h"
#include "note.h"
#include "parse.h"
#include "pieces.h"
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
	w->forth.packets = 1; /* counted before anybody can find it */
	w->forth.bytes = w->h.length;
	if (!create_flow(ctx, w)) {
		if (is_no_room(w->reason) && !(in->flags & MAP(IFACE_HIDES)) && is_answer_left(&w->h.key.saddr))
			return XDP_PASS; /* TC answers */
		return refuse_frame(w, bytes);
	}
	if (w->made)
		return forward_first(ctx, w, &w->forth);
known:
	flow = find_flow(&w->h.key);
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

/* Drops the packet, and if it is the head of a datagram all of that. */
static __noinline int drop_whole(struct __sk_buff *skb, struct work *w, enum drop_reason reason)
{
	struct piece_work *pieces = get_piece_work();

	return w && pieces && (w->h.head || pieces->tail) ? drop_datagram(skb, pieces, reason) : drop_skb(skb, reason);
}

/* The same, counted and logged for the line of the file that says so. */
static __always_inline int refuse_whole(struct __sk_buff *skb, struct work *w)
{
	note_refusal(w);
	return drop_whole(skb, w, w->reason);
}

/* The stack has it, without a flow. */
static __noinline int pass_whole(struct __sk_buff *skb, struct work *w)
{
	struct piece_work *pieces = get_piece_work();

	if (!w || !pieces || !w->h.head)
		return TC_ACT_UNSPEC;
	__builtin_memset(&pieces->known, 0, sizeof(pieces->known));
	pieces->known.fate = DATAGRAM_PASSES;
	return note_head(skb, pieces, w->h.l3) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

static __noinline int reject_whole(struct __sk_buff *skb, struct work *w, bool own)
{
	if (w && w->h.head) {
		struct piece_work *pieces = get_piece_work();

		if (pieces)
			refuse_pieces(skb, pieces, w->reason);
	}
	return reject_skb(skb, w, own);
}

/* A piece that is not the head, of a flow that an earlier policy decided: w->h gets the key of that. */
static __noinline bool find_flow_of_tail(struct work *w)
{
	struct piece_work *pieces = get_piece_work();

	if (!w || !pieces || !find_datagram(&pieces->piece.key, coarse_now(), &pieces->known) ||
	    pieces->known.fate != DATAGRAM_FOLLOWS)
		return false;
	pieces->h = w->h;
	pieces->tail = true;
	w->h.key = pieces->known.flow;
	return true;
}

/* The piece that w describes has its flow. */
static __noinline int go_on_in_pieces(struct __sk_buff *skb, struct work *w)
{
	struct piece_work *pieces = get_piece_work();
	struct flow_dir *flow;

	if (!w || !pieces)
		return drop_skb(skb, DROP_FAILED);
	flow = find_flow(&w->h.key);
	if (!flow || !open_door(flow->door, w->in))
		return drop_whole(skb, w, DROP_WRONG_INTERFACE);
	if (pieces->tail)
		return flow->slot == pieces->known.slot ? tail_on(skb, pieces, flow) : drop_whole(skb, w, DROP_ENDING);
	pieces->h = w->h;
	pieces->next = (struct next_hop){ .address = w->hop };
	return head_on(skb, pieces, flow);
}

/* The packet that w describes has its flow. */
static __noinline int go_on(struct __sk_buff *skb, struct work *w)
{
	struct piece_work *pieces = get_piece_work();
	struct flow_dir *flow;

	if (!w || !pieces)
		return drop_skb(skb, DROP_FAILED);
	flow = find_flow(&w->h.key);
	if (!flow || !open_door(flow->door, w->in))
		return drop_skb(skb, DROP_WRONG_INTERFACE);
	if (flow->flags & FLOW_OWN)
		return drop_skb(skb, DROP_FORGED);
	if (flow->flags & FLOW_LOCAL)
		return deliver_skb(skb, &w->h, flow, coarse_now());
	if (skb->pkt_type != PACKET_HOST)
		return TC_ACT_UNSPEC;
	pieces->next = (struct next_hop){ .address = w->hop };
	return forward_skb(skb, &w->h, flow, &pieces->next, coarse_now());
}

SEC("tc")
int tc_ingress_miss(struct __sk_buff *skb)
{
	struct piece_work *pieces = get_piece_work();
	struct work *w = get_work();
	enum parsed parsed;
	enum step step;

	if (!w || !pieces)
		return drop_skb(skb, DROP_FAILED);
	pieces->tail = false;
	if (skb->mark == ANSWER_MARK) {
		SET_SKB(skb, mark, 0);
		return TC_ACT_UNSPEC;
	}
	parsed = parse_skb(skb, w);
	if (parsed == PARSED_FRAGMENT) {
		if (read_piece(skb, &w->h, SIDE_ARRIVES, &pieces->piece) != DROP_NONE)
			return drop_skb(skb, DROP_MALFORMED);
		if (!w->h.head && !find_flow_of_tail(w))
			return drop_skb(skb, DROP_FRAGMENT);
	} else if (parsed != PARSED_FLOW) {
		return drop_skb(skb, DROP_MALFORMED);
	}
	switch (meet_flow(skb, w)) {
	case FATE_NEW:
		if (pieces->tail)
			return drop_whole(skb, w, DROP_ENDING);
		break;
	case FATE_KEPT:
		goto known;
	case FATE_REJECTED:
		cut_flow(w);
		note_refusal(w);
		return pieces->tail ? drop_whole(skb, w, w->reason) : reject_whole(skb, w, false);
	default:
		cut_flow(w);
		return refuse_whole(skb, w);
	}
	step = decide_arrival(skb, w);
	if (step == STEP_CREATE && skb->pkt_type != PACKET_HOST)
		return pass_whole(skb, w); /* a broadcast: nothing answers it as a flow, and nobody forwards it */
	if (step == STEP_CREATE && !create_flow(skb, w))
		step = is_no_room(w->reason) ? STEP_REJECT : STEP_DROP;
	switch (step) {
	case STEP_CREATE:
		break;
	case STEP_PASS:
		if (w->rule && !admit_passing(w))
			return drop_whole(skb, w, w->reason);
		return pass_whole(skb, w);
	case STEP_REJECT:
		note_refusal(w);
		if (w->reason == DROP_REJECTED && is_syn_held(w))
			return drop_whole(skb, w, DROP_HELD);
		return reject_whole(skb, w, false);
	default:
		return refuse_whole(skb, w);
	}
known:
	return w->h.head || pieces->tail ? go_on_in_pieces(skb, w) : go_on(skb, w);
}

SEC("tc")
int tc_egress_miss(struct __sk_buff *skb)
{
	struct piece_work *pieces = get_piece_work();
	struct work *w = get_work();
	struct flow_dir *flow;
	enum parsed parsed;
	int verdict;

	if (!w || !pieces)
		return drop_skb(skb, DROP_FAILED);
	pieces->tail = false;
	parsed = parse_skb(skb, w);
	if (parsed == PARSED_FRAGMENT && w->h.head) {
		if (read_piece(skb, &w->h, SIDE_OWN, &pieces->piece) != DROP_NONE)
			return drop_skb(skb, DROP_MALFORMED);
	} else if (parsed != PARSED_FLOW) {
		return drop_skb(skb, DROP_MALFORMED);
	}
	switch (meet_flow(skb, w)) {
	case FATE_NEW:
		break;
	case FATE_KEPT:
		goto known;
	case FATE_REJECTED:
		cut_flow(w);
		note_refusal(w);
		return reject_whole(skb, w, true);
	default:
		cut_flow(w);
		return refuse_whole(skb, w);
	}
	switch (decide_own(skb, w)) {
	case STEP_CREATE:
		break;
	case STEP_PASS:
		return w->h.head ? leave_head(skb, &w->h, NULL) : TC_ACT_UNSPEC;
	case STEP_REJECT:
		note_refusal(w);
		return reject_whole(skb, w, true);
	default:
		return refuse_whole(skb, w);
	}
	if (!create_flow(skb, w)) {
		if (is_no_room(w->reason) || w->reason == DROP_PORT_TAKEN)
			return reject_whole(skb, w, true);
		return refuse_whole(skb, w);
	}
known:
	flow = find_flow(&w->h.key);
	if (!flow || !(flow->flags & FLOW_OWN)) /* a source that is not the gateway's */
		return drop_whole(skb, w, DROP_UNTRANSLATED);
	verdict = send_skb(skb, &w->h, flow, coarse_now());
	if (!w->h.head || verdict == TC_ACT_SHOT)
		return verdict;
	return leave_head(skb, &w->h, flow);
}

char _license[] SEC("license") = "Dual MIT/GPL";
