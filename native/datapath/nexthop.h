/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Where a packet goes: the kernel's routes and neighbours, asked when a flow is made and once a second after. */
#ifndef MASQC_NEXTHOP_H
#define MASQC_NEXTHOP_H

#include "base.h"
#include "flow.h"
#include "maps.h"
#include "parse.h"
#include "target.h"

static __always_inline long ask_route(void *ctx, struct bpf_fib_lookup *fib, const struct flow_key *key, __u32 ifindex,
				      __u32 flags)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->family = AF;
	fib->l4_protocol = key->protocol;
	fib->sport = key->sport;
	fib->dport = key->dport;
	fib->tot_len = 1;
	fib->ifindex = ifindex;
	if (!is_link_local(key->saddr)) /* with such a source nothing is routed, and the answer would be that it is local */
		fib_from(fib, key->saddr);
	fib_to(fib, key->daddr);
	return bpf_fib_lookup(ctx, fib, sizeof(*fib), flags);
}

/*
 * Routes a packet src -> dst that comes in by `in`. On success (0) and BPF_FIB_LKUP_RET_NO_NEIGH: fib->ifindex is the way
 * out, fib_hop() the next hop, fib_source() the address that the gateway itself would use. mtu_result only on success.
 * A tot_len of 1 asks for the MTU of the route.
 */
static __always_inline long route(void *ctx, struct bpf_fib_lookup *fib, const struct flow_key *key, __u32 in)
{
	return ask_route(ctx, fib, key, in, BPF_FIB_LOOKUP_SRC);
}

/* The same where nobody asks for the gateway's own address. */
static __always_inline long route_back(void *ctx, struct bpf_fib_lookup *fib, const struct flow_key *key, __u32 in)
{
	return ask_route(ctx, fib, key, in, 0);
}

/*
 * The same for a packet that the gateway sends by `out`, if any route leads there that way: answers keep the uplink that
 * their connection came by, though another one has the better metric or a rule asks for the outside address.
 */
static __always_inline long route_by(void *ctx, struct bpf_fib_lookup *fib, const struct flow_key *key, __u32 out)
{
	return ask_route(ctx, fib, key, out, BPF_FIB_LOOKUP_OUTPUT | BPF_FIB_LOOKUP_SRC);
}

static __always_inline bool is_routed(long code)
{
	return code == BPF_FIB_LKUP_RET_SUCCESS || code == BPF_FIB_LKUP_RET_NO_NEIGH;
}

/* Atomic: the other flags may be another flow's by now (takeover.h). */
static __always_inline void set_hop_flags(struct flow_dir *dir, __u8 flags)
{
	union {
		__u8 flags;
		__u32 word;
	} on = { .word = 0 }, off = { .word = 0 };
	__u32 *word = (__u32 *)&dir->flags;

	on.flags = flags;
	off.flags = (FLOW_NEIGHBOUR | FLOW_XDP) & ~flags;
	__sync_fetch_and_or(word, on.word);
	__sync_fetch_and_and(word, ~off.word);
}

/* Writes a route's answer into a direction. False: the way out carries no programs. */
static __always_inline bool set_hop(struct flow_dir *dir, const struct bpf_fib_lookup *fib, long code)
{
	__u32 ifindex = fib->ifindex, seat;
	struct iface *out = find_interface(ifindex, &seat);
	__u8 flags = 0;

	if (!out || out->ifindex != ifindex)
		return false;
	dir->out = ifindex;
	dir->seat = seat;
	dir->mtu = out->mtu;
	if (code == BPF_FIB_LKUP_RET_SUCCESS) {
		if (fib->mtu_result > 1)
			dir->mtu = fib->mtu_result;
		__builtin_memcpy(dir->dmac, fib->dmac, 6);
		flags |= FLOW_NEIGHBOUR;
	}
	if (!(out->flags & IFACE_ETHERNET))
		flags |= FLOW_NEIGHBOUR;
	if (out->flags & IFACE_XDP)
		flags |= FLOW_XDP;
	set_hop_flags(dir, flags);
	return true;
}

/* A masquerade names this seat's interface, so that this source must not leave by it. */
static __always_inline bool is_hidden_by(__u32 seat, addr_t source)
{
	struct iface *out = bpf_map_lookup_elem(&interfaces, &seat);

	return out && out->flags & MAP(IFACE_HIDES) && is_private(source);
}

/* Ends a flow: both directions become misses, the sweep removes them. */
static WIDE void end_flow(const struct flow_key *key, struct flow_dir *flow, __u32 now)
{
	struct flow_slot *slot;
	struct flow_dir *back;
	struct flow_key other;

	if (!key || !flow)
		return;
	opposite_key(key, flow, &other);
	back = find_beside(&other, flow->slot);
	if (back)
		WRITE_ONCE(back->epoch, EPOCH_DYING);
	WRITE_ONCE(flow->epoch, EPOCH_DYING);
	slot = get_slot(flow->slot);
	if (slot)
		slot->deadline = now;
}

enum hop {
	HOP_FINE,
	HOP_NEW,     /* the flow has ended: the packet is a new one */
	HOP_NONE,    /* no route at the moment */
};

/*
 * Once a second at most, by the flow's own packet: is the way out still the way out, what is the neighbour, the MTU, and
 * is the masquerade's address still the interface's own? A flow whose way or address has changed was decided for another
 * pair of interfaces and has to be decided again. `next`: the address of the next hop.
 * The way back stays with the interface that the connection came by while a route leads that way, and else is wherever
 * the route leads, but for one that would have to hide the source: the pair of interfaces was decided by the way there.
 * A destination of the gateway's that is routed elsewhere now was taken for its own while there was no route (the
 * kernel's answer is the same).
 */
static __noinline __attribute__((unused)) enum hop revalidate(void *ctx, const struct flow_key *key, struct flow_dir *flow, __u32 now,
									 addr_t *next)
{
	struct bpf_fib_lookup fib;
	struct flow_key after, to;
	__u32 seat = flow ? flow->door >> 24 : 0;
	struct iface *in = bpf_map_lookup_elem(&interfaces, &seat);
	long code = BPF_FIB_LKUP_RET_BLACKHOLE;
	bool moved;

	if (!key || !flow || !in || !next || flow->flags & FLOW_OWN)
		return HOP_FINE;
	translate_key(key, flow, &to);
	after = *key;
	after.daddr = to.daddr;
	after.dport = to.dport;
	if (!(flow->flags & (FLOW_ORIGINAL | FLOW_LOCAL))) {
		after.saddr = to.saddr;
		after.sport = to.sport;
		code = route_by(ctx, &fib, &after, flow->out);
	}
	if (!is_routed(code))
		code = route(ctx, &fib, &after, in->ifindex);
	if (flow->flags & FLOW_LOCAL) {
		if (!is_routed(code))
			return HOP_FINE;
		end_flow(key, flow, now);
		return HOP_NEW;
	}
	if (!is_routed(code))
		return HOP_NONE;
	*next = fib_hop(&fib);
	moved = fib.ifindex != flow->out;
	if ((moved && flow->flags & FLOW_ORIGINAL) || (flow->flags & FLOW_OWN_ADDRESS && !same_address(fib_source(&fib), to.saddr)) ||
	    !set_hop(flow, &fib, code) ||
	    (moved && !(flow->flags & FLOW_NAT_SRC) && is_hidden_by(flow->seat, to.saddr))) {
		end_flow(key, flow, now);
		return HOP_NEW;
	}
	return HOP_FINE;
}

#endif
