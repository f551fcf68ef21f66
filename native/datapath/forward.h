/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The last step of a packet whose flow is known: count, rewrite, send. One function for XDP, one for TC. */
#ifndef MASQC_FORWARD_H
#define MASQC_FORWARD_H

#include "base.h"
#include "drop.h"
#include "flow.h"
#include "maps.h"
#include "options.h"
#include "mss.h"
#include "parse.h"
#include "rewrite.h"
#include "target.h"
#include "tcp.h"

/*
 * In skb->tc_index: this packet is done, TC egress lets it by. Set before a redirect and for packets that the stack may
 * send as they are; every packet that comes in loses it, so nobody outside can set it.
 */
#define TC_DONE 0x6d71

/*
 * In skb->mark: TC ingress has judged this packet and leaves the forwarding to the stack. The guard lets the stack forward
 * nothing else from or to a declared interface, so that a gateway without its programs is shut, not open. TC egress
 * takes the mark off again. runtime/machine/guard.ts has the same number.
 */
#define VETTED_MARK 0x6d617371

/* In skb->mark: our own answer to a packet that the gateway sent, on its way to its sockets. Nobody outside can set it. */
#define ANSWER_MARK 0x6d617372

/* Bytes of a GSO packet's pieces on the wire are what the MTU is about (a GSO packet is not too big). */
static __always_inline bool is_too_big(struct __sk_buff *skb, const struct header *h, __u16 mtu)
{
	__u32 size = skb->gso_size;

	if (!size)
		return h->length > mtu;
	return size + (h->l4 - h->l3) + h->l4_size > mtu;
}

static __always_inline void count_packet(struct flow_dir *flow, __u32 packets, __u32 bytes, __u32 now)
{
	flow->last = now;
	flow->packets += packets;
	flow->bytes += bytes;
}

/* Without the padding of short frames; a GSO packet as the pieces that it stands for, but for their repeated headers. */
static __always_inline void count_skb(struct __sk_buff *skb, const struct header *h, struct flow_dir *flow, __u32 now)
{
	if (skb->gso_size)
		count_packet(flow, skb->gso_segs, skb->len - h->l3, now);
	else
		count_packet(flow, 1, h->length, now);
}

static __always_inline int drop_frame(enum drop_reason reason, __u32 bytes)
{
	count_drop(reason, bytes);
	return XDP_DROP;
}

static __always_inline int drop_skb(struct __sk_buff *skb, enum drop_reason reason)
{
	count_drop(reason, skb->len);
	return TC_ACT_SHOT;
}

/* Frames for other machines reach an interface that listens to everything (a capture, a switch that floods). */
static __always_inline bool is_for_interface(const struct ethhdr *eth, const struct iface *iface)
{
	const __u16 *a = (const __u16 *)eth->h_dest, *b = (const __u16 *)iface->mac;

	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]));
}

#define PACKET_HOST 0 /* skb->pkt_type: sent to this interface's address */
#define PACKET_OTHERHOST 3
#define PACKET_LOOPBACK 5 /* a broadcast of our own that the stack loops back, without an Ethernet header */

/* XDP can finish this packet itself; otherwise TC does, and XDP has not touched anything. */
static __always_inline bool fits_xdp(const struct header *h, const struct flow_dir *flow)
{
	return (flow->flags & (FLOW_XDP | FLOW_NEIGHBOUR | FLOW_LOCAL | FLOW_OWN)) == (FLOW_XDP | FLOW_NEIGHBOUR) &&
	       h->ttl > 1 && h->length <= flow->mtu && !h->partial;
}

/* fits_xdp holds. */
static WIDE int forward_frame(struct xdp_md *ctx, const struct header *h, struct flow_dir *flow, __u32 now)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__u32 seat = flow->seat;
	struct iface *out = bpf_map_lookup_elem(&interfaces, &seat);
	struct flow_key to;

	if ((void *)eth + sizeof(struct ethhdr) + IP_HEADER > end)
		return XDP_PASS;
	/* What a flow knows of it may be a second old, and frames that a device does not take get lost. */
	if (unlikely(!out || out->ifindex != flow->out || !(out->flags & IFACE_XDP)))
		return XDP_PASS;
	if (h->key.protocol == IPPROTO_TCP) {
		int tracked = track_tcp(flow, h, now);

		if (unlikely(tracked != TCP_FINE)) {
			if (tracked == TCP_STRAY)
				return drop_frame(DROP_STRAY, h->length);
			clamp_frame(ctx, h->l4, h->l4_size, tracked);
		}
	}
	translate_key(&h->key, flow, &to);
	if (!rewrite_frame(data, end, h, &to))
		return XDP_PASS;
	count_packet(flow, 1, h->length, now);
	__builtin_memcpy(eth->h_dest, flow->dmac, 6);
	__builtin_memcpy(eth->h_source, out->mac, 6);
	return bpf_redirect(flow->out, 0);
}

/* How TC sends a packet. */
struct next_hop {
	addr_t address; /* where known, else zero: by route */
	bool probe;     /* by the kernel's neighbour table even if the neighbour is known, so that the kernel finds out whether
	                 * it still is there */
};

/* TC ingress: rewrites (TTL too) into `to` and sends by the hop of `flow`. */
static __always_inline int send_on(struct __sk_buff *skb, const struct header *h, const struct flow_dir *flow,
				   const struct flow_key *to, const struct next_hop *next)
{
	__u32 seat = flow->seat, ifindex = flow->out;
	struct iface *out = bpf_map_lookup_elem(&interfaces, &seat);
	struct ethhdr eth = { .h_proto = bpf_htons(IP_ETHERTYPE) };
	bool known = flow->flags & FLOW_NEIGHBOUR && !next->probe;
	bool ethernet, l2 = h->l3;

	if (unlikely(!out || out->ifindex != ifindex))
		return drop_skb(skb, DROP_UNDECLARED);
	if (unlikely(h->l4 > h->l3 + IP_HEADER) && out->flags & MAP(IFACE_HIDES) && !blank_ways(skb, h->l3, h->l4))
		return drop_skb(skb, DROP_FAILED);
	ethernet = out->flags & IFACE_ETHERNET;
	__builtin_memcpy(eth.h_source, out->mac, 6);
	__builtin_memcpy(eth.h_dest, flow->dmac, 6);
	if (!rewrite_skb(skb, h, to, WRITE_SRC | WRITE_DST | WRITE_TTL))
		return drop_skb(skb, DROP_FAILED);
	SET_SKB(skb, tc_index, TC_DONE);
	if (!ethernet)
		return bpf_redirect(ifindex, 0);
	if (!l2 && bpf_skb_change_head(skb, sizeof(eth), 0))
		return drop_skb(skb, DROP_FAILED);
	if ((known || !l2) && bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0))
		return drop_skb(skb, DROP_FAILED);
	if (known)
		return bpf_redirect(ifindex, 0);
	if (!is_zero(next->address)) {
		struct bpf_redir_neigh neighbour = {};

		set_neighbour(&neighbour, next->address);
		return bpf_redirect_neigh(ifindex, &neighbour, sizeof(neighbour), 0);
	}
	return bpf_redirect_neigh(ifindex, NULL, 0, 0);
}

/* TC: a TCP packet of a known flow. False: drop it as a stray. All packet pointers are invalid afterwards. */
static __always_inline bool track_skb(struct __sk_buff *skb, const struct header *h, struct flow_dir *flow, __u32 now)
{
	int tracked = track_tcp(flow, h, now);

	if (likely(tracked == TCP_FINE))
		return true;
	if (tracked == TCP_STRAY)
		return false;
	clamp_skb(skb, h->l4, h->l4_size, tracked);
	return true;
}

/*
 * TC ingress, packet of a flow that is forwarded.
 * What the stack has to answer (TTL, MTU) goes to it: with the inside source as it came, so that the error quotes what
 * the sender sent; with the destination rewritten, or the stack would take it for its own.
 */
static WIDE int forward_skb(struct __sk_buff *skb, const struct header *h, struct flow_dir *flow,
			    const struct next_hop *next, __u32 now)
{
	struct flow_key to;

	if (!h || !flow || !next)
		return TC_ACT_SHOT;
	if (h->key.protocol == IPPROTO_TCP && !track_skb(skb, h, flow, now))
		return drop_skb(skb, DROP_STRAY);
	count_skb(skb, h, flow, now);
	translate_key(&h->key, flow, &to);
	if (unlikely(h->ttl <= 1 || is_too_big(skb, h, flow->mtu))) {
		if (flow->flags & FLOW_NAT_DST && !rewrite_skb(skb, h, &to, WRITE_DST))
			return drop_skb(skb, DROP_FAILED);
		SET_SKB(skb, mark, VETTED_MARK);
		return TC_ACT_UNSPEC;
	}
	return send_on(skb, h, flow, &to, next);
}

/* TC ingress, packet for the gateway. */
static WIDE int deliver_skb(struct __sk_buff *skb, const struct header *h, struct flow_dir *flow, __u32 now)
{
	struct flow_key to;

	if (!h || !flow)
		return TC_ACT_SHOT;
	if (h->key.protocol == IPPROTO_TCP && !track_skb(skb, h, flow, now))
		return drop_skb(skb, DROP_STRAY);
	count_skb(skb, h, flow, now);
	if (!(flow->flags & FLOW_NAT_DST))
		return TC_ACT_UNSPEC;
	translate_key(&h->key, flow, &to);
	if (!rewrite_skb(skb, h, &to, WRITE_DST))
		return drop_skb(skb, DROP_FAILED);
	return TC_ACT_UNSPEC;
}

/* TC egress, packet of a flow that the gateway sends. */
static WIDE int send_skb(struct __sk_buff *skb, const struct header *h, struct flow_dir *flow, __u32 now)
{
	struct flow_key to;

	if (!h || !flow)
		return TC_ACT_SHOT;
	if (h->key.protocol == IPPROTO_TCP && !track_skb(skb, h, flow, now))
		return drop_skb(skb, DROP_STRAY);
	count_skb(skb, h, flow, now);
	if (!(flow->flags & FLOW_NAT_SRC))
		return TC_ACT_UNSPEC;
	translate_key(&h->key, flow, &to);
	if (!rewrite_skb(skb, h, &to, WRITE_SRC))
		return drop_skb(skb, DROP_FAILED);
	return TC_ACT_UNSPEC;
}

#endif
