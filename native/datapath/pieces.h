/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Pieces of datagrams at TC ingress (RFC 4787 REQ-14). The head goes through everything that a whole packet goes through;
 * each other piece follows it, while the flow is there and by the policy that decides now, or waits for it in the stash.
 */
#ifndef MASQC_PIECES_H
#define MASQC_PIECES_H

#include "base.h"
#include "datagram.h"
#include "drop.h"
#include "epoch.h"
#include "family.h"
#include "flow.h"
#include "forward.h"
#include "idents.h"
#include "maps.h"
#include "nexthop.h"
#include "parse.h"
#include "rewrite.h"
#include "stash.h"
#include "target.h"
#include "tcp.h"

#define ASK_POLICY 0x100 /* no verdict: the policy decides */
#define NO_PORTS 0 /* IPPROTO_IP, in place of a protocol: only addresses are rewritten */

struct piece_work {
	struct header h;
	struct piece piece;
	struct datagram known;
	struct flow_key to;         /* what the piece becomes; only a head has ports */
	struct next_hop next;
	bool tail;                  /* the miss path: it is not the head */
	struct ident owner;
	struct ident_key ident;
	struct datagram_key leaves; /* of note_departure */
};

/* piece_work: key 0; written by the program that has a piece in its hands, means nothing afterwards. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct piece_work);
} piece_work SEC(".maps");

static __always_inline struct piece_work *get_piece_work(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&piece_work, &zero);
}

static __always_inline bool is_same_flow(const struct flow_key *a, const struct flow_key *b)
{
	return same_address(a->saddr, b->saddr) && same_address(a->daddr, b->daddr) && a->sport == b->sport &&
	       a->dport == b->dport && a->protocol == b->protocol;
}

/* The record of a datagram whose head is here. One about the same flow stays where it is: others may hold it. */
static __always_inline void note_datagram(const struct piece *p, const struct datagram *fresh)
{
	struct datagram *d = bpf_map_lookup_elem(&MAP(datagrams), &p->key);

	if (d && d->fate == fresh->fate && d->slot == fresh->slot && d->id == fresh->id &&
	    is_same_flow(&d->flow, &fresh->flow)) {
		*d = *fresh;
		return;
	}
	bpf_map_update_elem(&MAP(datagrams), &p->key, fresh, BPF_ANY);
}

/* The pieces of a datagram that wait are dropped, and those to come. */
static __always_inline void refuse_pieces(struct __sk_buff *skb, struct piece_work *w, enum drop_reason reason)
{
	struct datagram *d;

	if (!w)
		return;
	d = &w->known;
	__builtin_memset(d, 0, sizeof(*d));
	d->fate = DATAGRAM_DROPPED;
	d->reason = reason;
	d->last = coarse_now();
	note_datagram(&w->piece, d);
	if (w->piece.key.side == SIDE_ARRIVES)
		recall_pieces(skb, &w->piece.key, 0, reason);
}

/* The head of a datagram, or what decides about all of it, is dropped, and so is the rest. */
static __noinline int drop_datagram(struct __sk_buff *skb, struct piece_work *w, enum drop_reason reason)
{
	refuse_pieces(skb, w, reason);
	return drop_skb(skb, reason);
}

/*
 * The head may go on: notes what its datagram does, before it asks for pieces that wait. False: the head comes in again,
 * before these, and this packet is done with.
 */
static __noinline bool note_head(struct __sk_buff *skb, struct piece_work *w, __u32 l3)
{
	struct datagram *d;

	if (!w)
		return true;
	d = &w->known;
	d->last = coarse_now();
	d->done = 0;
	d->total = 0;
	d->saddr = NO_ADDRESS;
	d->reason = 0;
	d->pad = 0;
	d->pad2 = 0;
	__builtin_memset(d->seen, 0, sizeof(d->seen));
	d->seen[0] = w->piece.range;
	note_datagram(&w->piece, d);
	return !recall_pieces(skb, &w->piece.key, l3, DROP_NONE);
}

/* The identification that the datagram leaves with, in w->known.id. `key`: of its flow; it leaves with the addresses in w->to. */
static __always_inline void claim_ident(struct piece_work *w, const struct flow_key *key)
{
	__builtin_memset(&w->owner, 0, sizeof(w->owner));
	w->owner.flow = *key;
	w->owner.saddr = w->piece.key.saddr;
	w->owner.daddr = w->piece.key.daddr;
	w->owner.id = w->piece.key.id;
	w->owner.ifindex = w->piece.key.ifindex;
	w->owner.last = coarse_now();
	__builtin_memset(&w->ident, 0, sizeof(w->ident));
	w->ident.saddr = w->to.saddr;
	w->ident.daddr = w->to.daddr;
	w->ident.id = w->piece.key.id;
	w->ident.protocol = w->piece.key.protocol;
	w->known.id = claim_id(&w->ident, &w->owner);
}

/* What the stack sends on is met again at TC egress: in pieces, if the way out is too narrow for it. */
static __always_inline void note_departure(struct piece_work *w, __u32 out)
{
	struct datagram *d = &w->known;

	w->leaves = w->piece.key;
	w->leaves.daddr = w->to.daddr;
	w->leaves.ifindex = out;
	w->leaves.side = SIDE_LEAVES;
	d->saddr = w->to.saddr;
	d->last = coarse_now();
	bpf_map_update_elem(&MAP(datagrams), &w->leaves, d, BPF_ANY);
}

/*
 * Sends a piece on, as its flow, w->to and w->known say. w->h: with the ports and protocol of a head; with NO_PORTS only
 * addresses are written. (Not static: the verifier looks at it by itself, once.)
 */
__noinline int forward_piece(struct __sk_buff *skb, struct flow_dir *flow)
{
	struct piece_work *w = get_piece_work(); /* 6.1 takes no key from an argument */
	struct header *h;

	if (!w || !flow)
		return TC_ACT_SHOT;
	h = &w->h;
	if (flow->flags & FLOW_LOCAL) {
		if (flow->flags & FLOW_NAT_DST && (!write_id(skb, h, w->piece.key.id, w->known.id) ||
						   !rewrite_skb(skb, h, &w->to, WRITE_DST)))
			return drop_skb(skb, DROP_FAILED);
		return TC_ACT_UNSPEC;
	}
	if (skb->pkt_type != PACKET_HOST) /* nobody forwards broadcasts: the stack drops it */
		return TC_ACT_UNSPEC;
	if (h->ttl <= 1 || h->length > flow->mtu) {
		note_departure(w, flow->out);
		if (flow->flags & FLOW_NAT_DST && !rewrite_skb(skb, h, &w->to, WRITE_DST))
			return drop_skb(skb, DROP_FAILED);
		SET_SKB(skb, mark, VETTED_MARK);
		return TC_ACT_UNSPEC;
	}
	if (!write_id(skb, h, w->piece.key.id, w->known.id))
		return drop_skb(skb, DROP_FAILED);
	return send_on(skb, h, flow, &w->to, &w->next);
}

/*
 * The head of a datagram, in w->h, whose flow is known and was decided by the deciding policy. The piece has been
 * read, w->next is set.
 */
static __noinline int head_on(struct __sk_buff *skb, struct piece_work *w, struct flow_dir *flow)
{
	__u32 now = coarse_now();
	struct header *h;

	if (!w || !flow)
		return TC_ACT_SHOT;
	h = &w->h;
	if (!open_door(flow->door, skb->ifindex))
		return drop_datagram(skb, w, DROP_WRONG_INTERFACE);
	if (flow->flags & FLOW_OWN)
		return drop_datagram(skb, w, DROP_FORGED);
	if (h->key.protocol == IPPROTO_TCP && !track_skb(skb, h, flow, now))
		return drop_datagram(skb, w, DROP_STRAY);
	translate_key(&h->key, flow, &w->to);
	w->known.flow = h->key;
	w->known.slot = flow->slot;
	w->known.fate = DATAGRAM_FOLLOWS;
	w->known.id = w->piece.key.id;
	if (!(flow->flags & FLOW_LOCAL) || flow->flags & FLOW_NAT_DST)
		claim_ident(w, &h->key);
	if (!note_head(skb, w, h->l3))
		return TC_ACT_SHOT;
	count_packet(flow, 1, h->length, now);
	return forward_piece(skb, flow);
}

/* A piece in w->h that is not the head, of a datagram that w->known describes, and its flow. */
static __noinline int tail_on(struct __sk_buff *skb, struct piece_work *w, struct flow_dir *flow)
{
	__u32 now = coarse_now();
	struct datagram *d;
	struct header *h;

	if (!w || !flow)
		return TC_ACT_SHOT;
	h = &w->h;
	if (!open_door(flow->door, skb->ifindex))
		return drop_datagram(skb, w, DROP_WRONG_INTERFACE);
	d = bpf_map_lookup_elem(&MAP(datagrams), &w->piece.key);
	if (d && d->slot == w->known.slot) {
		switch (note_piece(d, &w->piece)) {
		case OVERLAP_NONE:
			d->last = now;
			break;
		case OVERLAP_REPEATS:
			return drop_skb(skb, DROP_OVERLAP);
		default:
			return drop_datagram(skb, w, DROP_OVERLAP);
		}
	}
	h->key.protocol = NO_PORTS;
	translate_key(&w->known.flow, flow, &w->to);
	w->to.sport = w->to.dport = 0;
	if (!(flow->flags & FLOW_NAT_SRC))
		w->to.saddr = h->key.saddr;
	if (w->known.fate == DATAGRAM_FOLLOWS) /* RFC 5508 REQ-6: an error refreshes nothing */
		count_packet(flow, 1, h->length, now);
	w->next = (struct next_hop){ .probe = false };
	return forward_piece(skb, flow);
}

/*
 * Notes how the head of a datagram leaves that the stack sends in pieces, and gives it an identification of its own there.
 * `to`: its flow, or NULL. Returns the verdict.
 */
static __noinline int leave_head(struct __sk_buff *skb, const struct header *h, struct flow_dir *to)
{
	struct piece_work *w = get_piece_work();
	__u32 now = coarse_now();
	struct datagram *d;

	if (!w || !h || read_piece(skb, h, skb->ingress_ifindex ? SIDE_LEAVES : SIDE_OWN, &w->piece) != DROP_NONE)
		return drop_skb(skb, DROP_MALFORMED);
	d = &w->known;
	/* noted already: TC ingress has handed a piece to the stack that is too long for the way out */
	if (!find_datagram(&w->piece.key, now, d) || d->fate != DATAGRAM_FOLLOWS || !skb->ingress_ifindex) {
		__builtin_memset(d, 0, sizeof(*d));
		d->flow = h->key;
		d->slot = to ? to->slot : 0;
		d->fate = DATAGRAM_FOLLOWS;
		w->to = h->key;
		if (to && to->flags & FLOW_NAT_SRC)
			translate_key(&h->key, to, &w->to);
		d->saddr = w->to.saddr;
		w->piece.key.ifindex = skb->ingress_ifindex;
		claim_ident(w, &h->key);
		w->piece.key.ifindex = skb->ifindex;
	}
	d->last = now;
	note_datagram(&w->piece, d);
	return write_id(skb, h, w->piece.key.id, d->id) ? TC_ACT_UNSPEC : drop_skb(skb, DROP_FAILED);
}

#endif
