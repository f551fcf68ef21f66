/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What the slow path asks about addresses: whose they are, and which sockets of the gateway use them. */
#ifndef MASQC_ADDRESSES_H
#define MASQC_ADDRESSES_H

#include "base.h"
#include "family.h"
#include "maps.h"
#include "nexthop.h"
#include "work.h"

/* Whether the kernel would send from `address` by the interface to a machine that is routed there. */
static __always_inline bool sends_from(void *ctx, struct work *w, addr_t address, __u32 ifindex, addr_t to)
{
	__builtin_memset(&w->fib, 0, sizeof(w->fib));
	w->fib.family = AF;
	w->fib.tot_len = 1; /* or the packet's own size would be compared with the MTU */
	w->fib.ifindex = ifindex;
	fib_to(&w->fib, to);
	return is_routed(bpf_fib_lookup(ctx, &w->fib, sizeof(w->fib), BPF_FIB_LOOKUP_OUTPUT | BPF_FIB_LOOKUP_SRC)) &&
	       same_address(fib_source(&w->fib), address);
}

/* A search through the seats. The steps of such searches are callbacks of bpf_loop: the verifier walks through them once. */
struct seat_search {
	void *ctx;
	struct work *w;
	addr_t address;
	__u32 id;             /* of the interface that has the address; MASQC_NOWHERE: none so far */
};

static long ask_seat(__u32 i, struct seat_search *s)
{
	__u32 seat = i + 1;
	struct iface *iface = bpf_map_lookup_elem(&interfaces, &seat);

	if (!iface || !iface->ifindex || is_zero(iface->MAP(probe)) ||
	    !sends_from(s->ctx, s->w, s->address, iface->ifindex, iface->MAP(probe)))
		return 0;
	s->id = get_id(iface->ifindex);
	return 1;
}

/*
 * The interface whose own address it is (it is local): as apply saw it, else as the kernel would choose it today, which
 * follows a dynamic interface: towards the packet's other end, where it is the interface of the packet, or towards its
 * probe. Returns an id of this generation.
 */
static __noinline __u32 find_own(void *ctx, struct work *w, const addr_t *of)
{
	struct seat_search search = { .ctx = ctx, .w = w, .id = MASQC_NOWHERE };
	addr_t address, peer;
	__u32 *hint, id;

	if (!w || !of)
		return MASQC_NOWHERE;
	address = *of;
	if (is_link_local(address)) /* several interfaces may have the same */
		return get_id(w->in);
	hint = bpf_map_lookup_elem(&MAP(addresses), &address);
	if (hint) {
		id = get_id(*hint);
		if (id != MASQC_NOWHERE)
			return id;
	}
	peer = same_address(address, w->h.key.daddr) ? w->h.key.saddr : w->h.key.daddr;
	if (sends_from(ctx, w, address, w->in, peer))
		return get_id(w->in);
	search.address = address;
	bpf_loop(MAX_SEATS - 1, ask_seat, &search, 0);
	return search.id;
}

/* A socket of the gateway that is in the middle of this connection (listeners are not). */
static __always_inline bool has_connection(void *ctx, const struct flow_key *key)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sock;
	bool live;

	fill_sock_tuple(&tuple, key->saddr, key->daddr, key->sport, key->dport);
	sock = bpf_skc_lookup_tcp(ctx, &tuple, SOCK_TUPLE, BPF_F_CURRENT_NETNS, 0);
	if (!sock)
		return false;
	live = sock->state != TCP_LISTEN;
	bpf_sk_release(sock);
	return live;
}

#endif
