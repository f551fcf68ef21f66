/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* ICMP errors: they belong to the flow that they quote, and never refresh it (RFC 5508 REQ-4 to REQ-6). */
#ifndef MASQC_ICMP_H
#define MASQC_ICMP_H

#include "base.h"
#include "checksum.h"
#include "drop.h"
#include "family.h"
#include "forward.h"
#include "idents.h"
#include "maps.h"
#include "nexthop.h"
#include "pieces.h"
#include "target.h"

/* The packet that an error quotes. */
struct quote {
	struct flow_key key;  /* as quoted */
	__u32 l3;             /* offset of the quoted IP header */
	__u32 l4;
	__u16 ip_check;
	__u16 l4_check;       /* of UDP and ICMP; TCP's lies beyond the eight bytes that are sure to be there */
	bool has_tcp_check;
	bool tail;            /* a piece that is not the head: it has no ports */
	__u16 fragment_at;    /* IPv6: offset of its fragment header; 0: none */
	__be32 id;            /* identification */
	__be32 sent_id;       /* that its sender gave it */
};

/* What is known of an error: too large for the stack. */
struct error {
	struct quote quote;
	struct flow_key key;  /* of the flow that carries it */
	struct flow_key to;   /* what that flow's packets become */
	struct flow_key of;   /* recognize_datagram */
	struct ident_key ident;
};

/* errors: key 0; written by the CPU that handles an error, means nothing afterwards. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct error);
} errors SEC(".maps");

static __always_inline struct error *get_error(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&errors, &zero);
}

/*
 * The quote is a piece of a datagram that has left in pieces: its own identification, and the ports where the piece has none.
 * What the flow's packets become is what the quote shows.
 */
static __noinline bool recognize_datagram(void)
{
	struct error *e = get_error();
	struct flow_dir *flow;
	struct ident *ident;
	struct quote *q;

	if (!e)
		return false;
	q = &e->quote;
	__builtin_memset(&e->ident, 0, sizeof(e->ident));
	e->ident.saddr = q->key.saddr;
	e->ident.daddr = q->key.daddr;
	e->ident.id = q->id;
	e->ident.protocol = datagram_protocol(q->key.protocol);
	ident = bpf_map_lookup_elem(&MAP(idents), &e->ident);
	if (!ident)
		return false;
	q->sent_id = ident->id;
	if (!q->tail)
		return true;
	e->of = ident->flow;
	flow = find_flow(&e->of);
	if (!flow)
		return false;
	translate_key(&e->of, flow, &e->to);
	if (!same_address(e->to.saddr, q->key.saddr) || !same_address(e->to.daddr, q->key.daddr))
		return false;
	q->key.sport = e->to.sport;
	q->key.dport = e->to.dport;
	q->key.protocol = e->of.protocol;
	return true;
}

#define SUM_PIECE 64
#define SUM_PIECES 24 /* 1536 bytes: an error is at most 576 long, or as long as the MTU (RFC 4884, RFC 1812) */

struct sum_walk {
	struct __sk_buff *skb;
	__u32 at;
	__u32 to;
	sum_t sum;
	bool failed;
};

/* A callback, which the verifier walks through once only. */
static long sum_piece(__u32 i, struct sum_walk *walk)
{
	__be32 words[SUM_PIECE / 4] = {};
	__u32 last; /* index of the last byte of this piece */

	if (walk->at >= walk->to)
		return 1;
	last = walk->to - walk->at < SUM_PIECE ? walk->to - walk->at - 1 : SUM_PIECE - 1;
	asm volatile("%0 &= 63" : "+r"(last)); /* for the verifier of 6.1, which must see 1..64 in this register */
	if (bpf_skb_load_bytes(walk->skb, walk->at, words, last + 1)) {
		walk->failed = true;
		return 1;
	}
	walk->sum += (__u32)bpf_csum_diff(NULL, 0, words, sizeof(words), 0);
	walk->at += SUM_PIECE;
	return 0;
}

/* The bytes from `from` to `to`, and what `sum` stands for, are a right Internet checksum. Longer ones than SUM_PIECES are trusted. */
static __noinline bool has_right_sum(struct __sk_buff *skb, __u32 from, __u32 to, sum_t sum)
{
	struct sum_walk walk = { .skb = skb, .at = from, .to = to, .sum = sum };

	bpf_loop(SUM_PIECES, sum_piece, &walk, 0);
	return !walk.failed && (walk.at < to || fold(walk.sum) == 0xffff);
}

/*
 * The ports, or the identifier, of a quote, as `back`'s receiver sent them, and the quoted L4 checksum. `segment`: how the sum over
 * pseudo header and ports changes, `message`: that of an ICMP query. *outer gets what the error's own sum has to follow.
 */
static __always_inline bool rewrite_quoted_l4(struct __sk_buff *skb, const struct quote *q, const struct flow_key *back,
					      sum_t ports, sum_t segment, sum_t message, sum_t *outer)
{
	__be16 words[2] = { back->dport, back->sport };
	__u16 l4_check = q->l4_check;
	__u32 at = 0;

	if (q->tail) /* what follows the quoted header is data */
		return true;
	if (has_ports(q->key.protocol)) {
		if (bpf_skb_store_bytes(skb, q->l4, words, sizeof(words), 0))
			return false;
		*outer += ports;
		if (q->key.protocol == IPPROTO_UDP) {
			at = q->l4 + 6;
			l4_check = update_udp_sum(l4_check, segment);
		} else if (is_like_udp(q->key.protocol)) {
			at = q->l4 + 6;
			l4_check = update_sum(l4_check, segment);
		} else if (q->has_tcp_check) {
			at = q->l4 + 16;
			l4_check = update_sum(l4_check, segment);
		}
	} else if (q->key.protocol == IP_ICMP) {
		__be16 id = words[0] | words[1];

		if (bpf_skb_store_bytes(skb, q->l4 + 4, &id, sizeof(id), 0))
			return false;
		*outer += ports;
		at = q->l4 + 2;
		l4_check = update_sum(l4_check, message);
	}
	if (at) {
		if (bpf_skb_store_bytes(skb, at, &l4_check, sizeof(l4_check), 0))
			return false;
		*outer += replace16(q->l4_check, l4_check);
	}
	return true;
}

#if FAMILY == 4
#include "icmp-4.h"
#else
#include "icmp-6.h"
#endif

static __always_inline int drop_error(struct __sk_buff *skb, struct piece_work *w, bool pieces, enum drop_reason reason)
{
	return pieces ? drop_datagram(skb, w, reason) : drop_skb(skb, reason);
}

/* As note_head, for an error that goes the way of `flow`'s packets and takes the addresses in w->to. */
static __noinline bool note_error_head(struct __sk_buff *skb, struct piece_work *w, const struct flow_key *key,
				       const struct flow_dir *flow)
{
	if (!w || !key || !flow)
		return true;
	w->known.flow = *key;
	w->known.slot = flow->slot;
	w->known.fate = DATAGRAM_ERROR;
	claim_ident(w, key);
	return note_head(skb, w, w->h.l3);
}

/*
 * An error about a packet P of a flow travels the way of P's answers: the reverse of the quoted tuple, seen from where
 * the error comes, is the key of the direction that it takes. Whoever reports (a router on the way, too) appears with
 * the address that the answers appear with, where their source is hidden.
 * The error is in w->h. `pieces`: it is the head (w->piece) of one in pieces; nobody can tell then whether its sum is right.
 */
static __noinline int icmp_error_in(struct __sk_buff *skb, struct piece_work *w, bool pieces)
{
	struct error *e = get_error();
	struct flow_dir *flow;
	struct header *h;
	struct iface *out;

	if (!w || !e)
		return TC_ACT_SHOT;
	h = &w->h;
	if (skb->mark == ANSWER_MARK) {
		SET_SKB(skb, mark, 0);
		return TC_ACT_UNSPEC;
	}
	if (!read_quote(skb, h, &e->quote))
		return drop_error(skb, w, pieces, e->quote.tail ? DROP_STRAY : DROP_MALFORMED);
	reverse_key(&e->quote.key, &e->key);
	flow = find_flow(&e->key);
	if (!flow || flow->epoch == EPOCH_DYING || flow->flags & FLOW_OWN)
		return drop_error(skb, w, pieces, DROP_STRAY);
	/*
	 * RFC 5508 REQ-3: an error whose own checksum is wrong is dropped, and one whose quoted IP header has a wrong one; the
	 * quoted transport checksum may be as it is.
	 */
	if ((!pieces && !has_right_sum(skb, h->l4, h->l3 + h->length, icmp_pseudo_sum(h))) ||
	    !has_right_header(skb, &e->quote))
		return drop_error(skb, w, pieces, DROP_MALFORMED);
	if (!open_door(flow->door, skb->ifindex))
		return drop_error(skb, w, pieces, DROP_WRONG_INTERFACE);
	if (!(flow->flags & FLOW_LOCAL)) {
		if (h->ttl <= 1 || h->length > flow->mtu)
			return drop_error(skb, w, pieces, DROP_STRAY);
		/* an inside router, about a flow without masquerade */
		if (!(flow->flags & FLOW_NAT_SRC) && !same_address(h->key.saddr, e->key.saddr) &&
		    is_hidden_by(flow->seat, h->key.saddr))
			return drop_error(skb, w, pieces, DROP_UNTRANSLATED);
	}
	translate_key(&e->key, flow, &e->to);
	w->to = e->to;
	if (!(flow->flags & FLOW_NAT_SRC))
		w->to.saddr = h->key.saddr;
	w->to.sport = w->to.dport = 0;
	if (pieces && !note_error_head(skb, w, &e->key, flow))
		return TC_ACT_SHOT; /* it comes in again */
	if ((flow->flags & (FLOW_NAT_SRC | FLOW_NAT_DST) || e->quote.id != e->quote.sent_id) &&
	    !rewrite_quote(skb, h, &e->quote, &e->to))
		return drop_skb(skb, DROP_FAILED);
	out = get_interface(flow->out);
	if (e->quote.l4 > e->quote.l3 + IP_HEADER && out && out->flags & MAP(IFACE_HIDES) &&
	    !blank_ways(skb, e->quote.l3, e->quote.l4))
		return drop_skb(skb, DROP_FAILED);
	h->key.sport = 0;
	h->key.dport = 0;
	h->key.protocol = ERROR_PROTOCOL;
	if (flow->flags & FLOW_LOCAL) {
		if (flow->flags & FLOW_NAT_DST && !rewrite_skb(skb, h, &w->to, WRITE_DST))
			return drop_skb(skb, DROP_FAILED);
		return TC_ACT_UNSPEC;
	}
	if (pieces && !write_id(skb, h, w->piece.key.id, w->known.id))
		return drop_skb(skb, DROP_FAILED);
	w->next = (struct next_hop){ .probe = false };
	return send_on(skb, h, flow, &w->to, &w->next);
}

/*
 * An error that the stack wrote about a packet whose destination was rewritten at ingress: the quote gets the outside
 * address back. Other quotes are as their receiver sent them.
 */
static __noinline int icmp_error_out(struct __sk_buff *skb, struct header *h)
{
	struct error *e = get_error();
	struct flow_dir *flow;

	if (!h || !e)
		return TC_ACT_SHOT;
	if (!read_quote(skb, h, &e->quote))
		return TC_ACT_UNSPEC;
	reverse_key(&e->quote.key, &e->key);
	flow = find_flow(&e->key);
	if (!flow || !(flow->flags & FLOW_NAT_SRC))
		return TC_ACT_UNSPEC;
	translate_key(&e->key, flow, &e->to);
	if (!rewrite_quote(skb, h, &e->quote, &e->to))
		return drop_skb(skb, DROP_FAILED);
	return TC_ACT_UNSPEC;
}

#endif
