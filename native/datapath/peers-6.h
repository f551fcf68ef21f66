/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv6 for peers.h, which includes it: the first peer stands in the mapping itself. */
#ifndef MASQC_PEERS_6_H
#define MASQC_PEERS_6_H

struct peers {
	addr_t first;         /* zero: no flow with that one is left */
	__u32 flows;          /* with it */
	__u8 outbound;        /* of the mapping, which has no room for it elsewhere (mapping.h) */
	__u8 pad[3];
};

/* One flow more. False: there is no room. */
static __always_inline bool note_peer(struct peers *peers, addr_t address)
{
	if (!READ_ONCE(peers->flows) && is_zero(peers->first))
		peers->first = address;
	if (!same_address(peers->first, address))
		return false;
	__sync_fetch_and_add(&peers->flows, 1);
	return true;
}

/* One flow less. False: it does not stand here. */
static __always_inline bool forget_peer(struct peers *peers, addr_t address)
{
	if (!same_address(peers->first, address))
		return false;
	if (__sync_fetch_and_add(&peers->flows, -1) == 1)
		peers->first = NO_ADDRESS;
	return true;
}

static __always_inline bool knows_peer(const struct peers *peers, addr_t address)
{
	return same_address(peers->first, address);
}

static __always_inline void clear_peers(struct peers *peers)
{
	peers->first = NO_ADDRESS;
	peers->flows = 0;
}

#endif
