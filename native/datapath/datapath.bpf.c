// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
/*
 * The hit path: packets of known flows, on XDP and TC, and the sweep. It knows no policy; what it does not know, or
 * knows from an earlier epoch, it hands to the generation at control.active.
 */
#include "base.h"
#include "beyond.h"
#include "drop.h"
#include "egress.h"
#include "epoch.h"
#include "family.h"
#include "flow.h"
#include "forward.h"
#include "icmp.h"
#include "maps.h"
#include "nexthop.h"
#include "options.h"
#include "other.h"
#include "parse.h"
#include "pieces.h"
#include "restamp.h"
#include "sweep.h"
#include "wait.h"

POLICIES(MAP(xdp_policies));
POLICIES(MAP(tc_ingress_policies));
POLICIES(MAP(tc_egress_policies));

/*
 * Every so many seconds (a power of two; 0: never) a flow's packet goes by the kernel's neighbour table. The kernel asks
 * again for a stale neighbour only when it sends to it itself: one that has silently moved would never be found.
 */
const volatile __u32 probe_every = 16;

static __always_inline bool is_probe_due(const struct flow_dir *flow, __u32 now)
{
	return probe_every && !(((now >> COARSE_SECOND_SHIFT) + flow->slot) & (probe_every - 1));
}

static __always_inline bool is_new_second(const struct flow_dir *flow, __u32 now)
{
	return (flow->last ^ now) >> COARSE_SECOND_SHIFT;
}

static __always_inline void ask_policy(void *ctx, void *policies)
{
	struct control *c = get_control();

	if (c)
		bpf_tail_call(ctx, policies, READ_ONCE(c->active) & 0xff);
}

/* Drops a frame that is not a flow's, unless it is for another machine: then it is the stack's, which has others to ask. */
static __noinline int drop_arrival(struct xdp_md *ctx, enum drop_reason reason)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iface *in = get_interface(ctx->ingress_ifindex);

	if (data + sizeof(struct ethhdr) > end || !in || !is_for_interface(data, in))
		return XDP_PASS;
	return drop_frame(reason, end - data);
}

SEC("xdp.frags")
int xdp_ingress(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct flow_dir *flow;
	struct flow_key key;
	struct header h = {};
	struct iface *in;
	__u32 now;

	switch (parse_packet(data, end, sizeof(struct ethhdr), false, &h)) {
	case PARSED_FLOW:
		break;
	case PARSED_MALFORMED:
		return drop_arrival(ctx, DROP_MALFORMED);
	case PARSED_OTHER_FAMILY:
		return hand_over_frame(ctx);
	default: /* pieces, too: TC puts them in order */
		return XDP_PASS;
	}
	if (unlikely(h.length > end - data - sizeof(struct ethhdr)) &&
	    sizeof(struct ethhdr) + h.length > bpf_xdp_get_buff_len(ctx))
		return drop_arrival(ctx, DROP_MALFORMED);
	key = h.key; /* a copy, so that the rest of the header stays in registers */
	flow = find_flow(&key);
	if (unlikely(!flow || flow->epoch != get_epoch()))
		goto miss;
	in = open_door(flow->door, ctx->ingress_ifindex);
	if (unlikely(!in))
		return drop_arrival(ctx, DROP_WRONG_INTERFACE);
	if (starts_again(&key, &h, flow)) {
		if (flow->flags & FLOW_OWN) /* only the gateway sends packets of this direction: TC says so */
			return XDP_PASS;
		goto miss;
	}
	if (unlikely(!fits_xdp(&h, flow) || !is_for_interface(data, in)))
		return XDP_PASS;
	now = coarse_now();
	if (unlikely(is_new_second(flow, now))) {
		addr_t next = NO_ADDRESS;
		enum hop hop = revalidate(ctx, &key, flow, now, &next);

		if (hop == HOP_NEW)
			goto miss;
		if (hop == HOP_NONE)
			return drop_frame(DROP_NO_ROUTE, h.length);
		if (!fits_xdp(&h, flow) || is_probe_due(flow, now))
			return XDP_PASS;
	}
	return forward_frame(ctx, &h, flow, now);
miss:
	ask_policy(ctx, &MAP(xdp_policies));
	return drop_frame(DROP_NO_POLICY, h.length);
}

/* The length in the header is more than what arrived (XDP frames of several buffers are not looked at this closely). */
static __always_inline bool is_truncated(struct __sk_buff *skb, const struct header *h)
{
	return !skb->gso_size && h->l3 + h->length > skb->len;
}

static __always_inline void pull(struct __sk_buff *skb, __u32 want)
{
	if ((void *)(long)skb->data + want > (void *)(long)skb->data_end)
		bpf_skb_pull_data(skb, want < skb->len ? want : skb->len);
}

/* Makes the headers readable and writable where they are not yet. */
static __noinline void pull_headers(struct __sk_buff *skb, __u32 l3)
{
	pull(skb, l3 + measure_headers(skb, l3));
}

/*
 * A tag with VLAN 0 carries a priority only: the stack takes the frame for untagged, and so do we, without the tag.
 * False: a tag is left. The frame belongs to a VLAN then, whose device has hooks of its own, or is nothing that anybody
 * sends.
 */
static __noinline bool drop_priority_tags(struct __sk_buff *skb)
{
	int i;

	for (i = 0; i < 2 && skb->vlan_present && !(skb->vlan_tci & VLAN_ID); i++)
		if (bpf_skb_vlan_pop(skb))
			break;
	return !skb->vlan_present;
}

/* What tc_ingress, whose stack and checks are for whole packets of flows, leaves to others. The packet as it was parsed there. */
static __always_inline enum parsed parse_again(struct __sk_buff *skb, struct piece_work *w)
{
	struct iface *in = get_interface(skb->ifindex);
	enum parsed parsed;

	if (!in)
		return PARSED_OTHER;
	parsed = parse_packet((void *)(long)skb->data, (void *)(long)skb->data_end,
			      in->flags & IFACE_ETHERNET ? sizeof(struct ethhdr) : 0, true, &w->h);
	return is_truncated(skb, &w->h) ? PARSED_MALFORMED : parsed;
}

SEC("tc")
int tc_pieces(struct __sk_buff *skb)
{
	struct piece_work *w = get_piece_work();
	enum hop hop = HOP_FINE;
	enum drop_reason reason;
	struct flow_dir *flow;
	struct header *h;
	int verdict;
	bool due;
	__u32 now;

	if (!w)
		return drop_skb(skb, DROP_FAILED);
	h = &w->h;
	if (parse_again(skb, w) != PARSED_FRAGMENT)
		return drop_skb(skb, DROP_MALFORMED);
	reason = read_piece(skb, h, SIDE_ARRIVES, &w->piece);
	if (reason != DROP_NONE)
		return drop_skb(skb, reason);
	if (!h->head) {
		verdict = tail_in(skb, w);
		if (verdict == ASK_POLICY)
			goto miss;
		return verdict;
	}
	flow = find_flow(&h->key);
	if (!flow || flow->epoch != get_epoch() || starts_again(&h->key, h, flow))
		goto miss;
	now = coarse_now();
	due = is_new_second(flow, now) || !(flow->flags & (FLOW_NEIGHBOUR | FLOW_LOCAL));
	w->next.address = NO_ADDRESS;
	if (due)
		hop = revalidate(skb, &h->key, flow, now, &w->next.address);
	if (hop == HOP_NEW)
		goto miss;
	if (hop == HOP_NONE)
		return drop_datagram(skb, w, DROP_NO_ROUTE);
	w->next.probe = due && is_probe_due(flow, now);
	return head_on(skb, w, flow);
miss:
	ask_policy(skb, &MAP(tc_ingress_policies));
	return drop_skb(skb, DROP_NO_POLICY);
}

SEC("tc")
int tc_errors(struct __sk_buff *skb)
{
	struct piece_work *w = get_piece_work();
	enum drop_reason reason;

	if (!w)
		return drop_skb(skb, DROP_FAILED);
	switch (parse_again(skb, w)) {
	case PARSED_ERROR:
		return icmp_error_in(skb, w, false);
	case PARSED_ERROR_HEAD:
		reason = read_piece(skb, &w->h, SIDE_ARRIVES, &w->piece);
		return reason == DROP_NONE ? icmp_error_in(skb, w, true) : drop_skb(skb, reason);
	default:
		return drop_skb(skb, DROP_MALFORMED);
	}
}

enum tc_program {
	TC_PIECES = 0,
	TC_ERRORS = 1,
};

/* tc_programs4, tc_programs6: key is enum tc_program; filled when the datapath is loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__array(values, int(struct __sk_buff *));
} MAP(tc_programs) SEC(".maps") = {
	.values = { [TC_PIECES] = &tc_pieces, [TC_ERRORS] = &tc_errors },
};

SEC("tc")
int tc_ingress(struct __sk_buff *skb)
{
	struct iface *in = get_interface(skb->ifindex);
	struct flow_dir *flow;
	struct header h = {};
	struct next_hop next = {};
	enum parsed parsed;
	__u32 now, l3;

	SET_SKB(skb, tc_index, 0);
	if (!in || skb->pkt_type == PACKET_OTHERHOST || skb->pkt_type == PACKET_LOOPBACK)
		return TC_ACT_UNSPEC;
	if (skb->vlan_present && !drop_priority_tags(skb))
		return skb->vlan_tci & VLAN_ID ? TC_ACT_UNSPEC : drop_skb(skb, DROP_MALFORMED);
	l3 = in->flags & IFACE_ETHERNET ? sizeof(struct ethhdr) : 0;
	if ((void *)(long)skb->data + l3 + HEADERS_ROOM > (void *)(long)skb->data_end)
		pull_headers(skb, l3);
	parsed = parse_packet((void *)(long)skb->data, (void *)(long)skb->data_end, l3, true, &h);
	if (unlikely(h.l4 > l3 + IP_HEADER)) {
		enum drop_reason reason = judge_options(skb, l3, h.l4);

		if (reason != DROP_NONE)
			return drop_skb(skb, reason);
	}
	switch (parsed) {
	case PARSED_FLOW:
		break;
	case PARSED_ERROR:
	case PARSED_ERROR_HEAD:
		bpf_tail_call(skb, &MAP(tc_programs), TC_ERRORS);
		return drop_skb(skb, DROP_FAILED);
	case PARSED_MALFORMED:
		return drop_skb(skb, DROP_MALFORMED);
	case PARSED_TINY:
		return drop_skb(skb, DROP_TINY_FRAGMENT);
	case PARSED_FRAGMENT:
		bpf_tail_call(skb, &MAP(tc_programs), TC_PIECES);
		return drop_skb(skb, DROP_FAILED);
	case PARSED_OTHER_FAMILY:
		return hand_over_in(skb, l3);
	case PARSED_OTHER:
		return TC_ACT_UNSPEC;
	case PARSED_ODD:
		if (is_truncated(skb, &h))
			return drop_skb(skb, DROP_MALFORMED);
		return is_beyond_rules(&h) ? TC_ACT_UNSPEC : drop_skb(skb, DROP_STRAY);
	case PARSED_SOURCE_ROUTED:
		return drop_skb(skb, DROP_SOURCE_ROUTED);
	case PARSED_UNKNOWN_HEADER:
		return drop_skb(skb, DROP_UNKNOWN_HEADER);
	default:
		return drop_skb(skb, DROP_MALFORMED);
	}
	if (is_truncated(skb, &h))
		return drop_skb(skb, DROP_MALFORMED);
	flow = find_flow(&h.key);
	if (!flow || flow->epoch != get_epoch())
		goto miss;
	if (!open_door(flow->door, skb->ifindex))
		return drop_skb(skb, DROP_WRONG_INTERFACE);
	if (flow->flags & FLOW_OWN) /* only the gateway sends packets of this direction */
		return drop_skb(skb, DROP_FORGED);
	if (starts_again(&h.key, &h, flow))
		goto miss;
	now = coarse_now();
	if (flow->flags & FLOW_LOCAL) {
		if (is_new_second(flow, now) && revalidate(skb, &h.key, flow, now, &next.address) == HOP_NEW)
			goto miss;
		return deliver_skb(skb, &h, flow, now);
	}
	if (skb->pkt_type != PACKET_HOST) /* nobody forwards broadcasts: the stack drops it */
		return TC_ACT_UNSPEC;
	if (is_new_second(flow, now) || !(flow->flags & FLOW_NEIGHBOUR)) {
		enum hop hop = revalidate(skb, &h.key, flow, now, &next.address);

		if (hop == HOP_NEW)
			goto miss;
		if (hop == HOP_NONE)
			return drop_skb(skb, DROP_NO_ROUTE);
		next.probe = is_probe_due(flow, now);
	}
	return forward_skb(skb, &h, flow, &next, now);
miss:
	ask_policy(skb, &MAP(tc_ingress_policies));
	return drop_skb(skb, DROP_NO_POLICY);
}

SEC("tc")
int tc_egress(struct __sk_buff *skb)
{
	struct flow_dir *flow;
	struct header h = {};
	struct iface *out;
	__u32 l3;

	if (skb->tc_index == TC_DONE && skb->ingress_ifindex)
		return TC_ACT_UNSPEC; /* without a way in, a tunnel has taken it over into a packet of the gateway's own */
	if (skb->mark == VETTED_MARK)
		SET_SKB(skb, mark, 0);
	out = get_interface(skb->ifindex);
	if (!out || skb->vlan_present)
		return TC_ACT_UNSPEC;
	l3 = out->flags & IFACE_ETHERNET ? sizeof(struct ethhdr) : 0;
	if ((void *)(long)skb->data + l3 + HEADERS_ROOM > (void *)(long)skb->data_end)
		pull_headers(skb, l3);
	switch (parse_packet((void *)(long)skb->data, (void *)(long)skb->data_end, l3, true, &h)) {
	case PARSED_FLOW:
		break;
	case PARSED_ERROR:
	case PARSED_ERROR_HEAD:
		if (skb->ingress_ifindex || shows_inside(skb, &h.key.saddr))
			return drop_skb(skb, DROP_UNTRANSLATED);
		return icmp_error_out(skb, &h);
	case PARSED_FRAGMENT:
		if (!h.head)
			return leave_behind(skb, &h);
		break;
	case PARSED_OTHER_FAMILY:
		return hand_over_out(skb);
	case PARSED_OTHER:
		return TC_ACT_UNSPEC;
	case PARSED_MALFORMED:
		return drop_skb(skb, DROP_MALFORMED);
	case PARSED_TINY:
		return drop_skb(skb, DROP_TINY_FRAGMENT);
	default:
		if (skb->ingress_ifindex || shows_inside(skb, &h.key.saddr))
			return drop_skb(skb, DROP_UNTRANSLATED);
		return TC_ACT_UNSPEC;
	}
	flow = find_flow(&h.key);
	if (skb->ingress_ifindex)
		return leave_whole(skb, &h, flow, leave_forwarded(skb, &h));
	if (flow && flow->epoch == get_epoch() && flow->flags & FLOW_OWN && !starts_again(&h.key, &h, flow)) {
		if (out->flags & MAP(IFACE_HIDES) && !(flow->flags & FLOW_NAT_SRC) && is_private(h.key.saddr) &&
		    !open_door(flow->door, skb->ifindex))
			return drop_skb(skb, DROP_UNTRANSLATED);
		return leave_whole(skb, &h, flow, send_skb(skb, &h, flow, coarse_now()));
	}
	ask_policy(skb, &MAP(tc_egress_policies));
	return drop_skb(skb, DROP_NO_POLICY);
}

/*
 * Run by test runs of apply: RESTAMP_STEP slots from skb->mark on; skb->priority: first << 8 | last of struct restamp.
 * Returns 1 while there are more.
 */
SEC("tc")
int restamp(struct __sk_buff *skb)
{
	struct progress *p = get_progress();
	struct restamp r = { .start = skb->mark, .first = skb->priority >> 8, .last = skb->priority, .now = coarse_now() };

	if (!p)
		return 0;
	r.limit = p->high_water;
	bpf_loop(RESTAMP_STEP, restamp_slot, &r, 0);
	return r.start + RESTAMP_STEP < r.limit;
}

/* Enums and structs get into BTF, where user space reads them, by being types of arguments. */
static __noinline int publish_names(enum flow_flag a, enum slot_state b, enum flow_class c, enum iface_flag d)
{
	asm volatile("" ::"r"(a), "r"(b), "r"(c), "r"(d));
	return 1;
}

static __noinline int publish_event(struct event *e, enum event_kind kind)
{
	asm volatile("" ::"r"(e), "r"(kind));
	return 1;
}

/* Run once by test run after loading: starts the sweep, or moves it to this program. */
SEC("tc")
int arm(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct sweeper *s = bpf_map_lookup_elem(&MAP(sweeper), &zero);

	if (!s || !publish_names(FLOW_ORIGINAL, SLOT_FREE, CLASS_TCP, IFACE_ETHERNET) || !publish_event(NULL, EVENT_ALLOWED))
		return 1;
	bpf_timer_init(&s->timer, &MAP(sweeper), CLOCK_MONOTONIC); /* EBUSY: it is there */
	if (bpf_timer_set_callback(&s->timer, sweep_tick))
		return 2;
	return bpf_timer_start(&s->timer, SWEEP_PERIOD, 0) ? 3 : 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
