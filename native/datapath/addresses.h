/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What the slow path asks about addresses: kinds, whose they are, and which sockets of the gateway use them. */
#ifndef MASQC_ADDRESSES_H
#define MASQC_ADDRESSES_H

#include "base.h"
#include "maps.h"
#include "nexthop.h"
#include "work.h"

/* No packet on a wire has these as its source. */
static __always_inline bool is_impossible_source(__be32 address)
{
	__u32 a = bpf_ntohl(address);

	return (a & 0xff000000) == 0x7f000000 || a >= 0xe0000000 || (a & 0xff000000) == 0;
}

/* Of a whole network: no route leads there, whatever the table says. */
static __always_inline bool is_for_many(__be32 address)
{
	return is_multicast(address) || address == 0xffffffff;
}

/* Whether the kernel would send from `address` by the interface to a machine that is routed there. */
static __always_inline bool sends_from(void *ctx, struct work *w, __be32 address, __u32 ifindex, __be32 to)
{
	__builtin_memset(&w->fib, 0, sizeof(w->fib));
	w->fib.family = AF_INET;
	w->fib.tot_len = 1; /* or the packet's own size would be compared with the MTU */
	w->fib.ifindex = ifindex;
	w->fib.ipv4_dst = to;
	return is_routed(bpf_fib_lookup(ctx, &w->fib, sizeof(w->fib), BPF_FIB_LOOKUP_OUTPUT | BPF_FIB_LOOKUP_SRC)) &&
	       w->fib.ipv4_src == address;
}

/*
 * The interface whose own address it is (it is local): as apply saw it, else as the kernel would choose it today, which
 * follows a dynamic interface: towards the packet's other end, where it is the interface of the packet, or towards its
 * probe. Returns an id of this generation.
 */
static __noinline __u32 find_own(void *ctx, struct work *w, __be32 address)
{
	__u32 *hint = bpf_map_lookup_elem(&addresses, &address);
	__u32 seat, id;
	__be32 peer;

	if (!w)
		return MASQC_NOWHERE;
	if (hint) {
		id = get_id(*hint);
		if (id != MASQC_NOWHERE)
			return id;
	}
	peer = address == w->h.key.daddr ? w->h.key.saddr : w->h.key.daddr;
	if (sends_from(ctx, w, address, w->in, peer))
		return get_id(w->in);
	for (seat = 1; seat < MAX_SEATS; seat++) {
		__u32 key = seat;
		struct iface *iface = bpf_map_lookup_elem(&interfaces, &key);

		if (!iface || !iface->ifindex || !iface->probe)
			continue;
		if (sends_from(ctx, w, address, iface->ifindex, iface->probe))
			return get_id(iface->ifindex);
	}
	return MASQC_NOWHERE;
}

/* A socket of the gateway that is in the middle of this connection (listeners are not). */
static __always_inline bool has_connection(void *ctx, const struct flow_key *key)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sock;
	bool live;

	tuple.ipv4.saddr = key->saddr;
	tuple.ipv4.daddr = key->daddr;
	tuple.ipv4.sport = key->sport;
	tuple.ipv4.dport = key->dport;
	sock = bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sock)
		return false;
	live = sock->state != TCP_LISTEN;
	bpf_sk_release(sock);
	return live;
}

#endif
