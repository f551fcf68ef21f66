/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* IPv4 for peers.h, which includes it: the first few peers stand in the mapping itself, in the line that is at hand. */
#ifndef MASQC_PEERS_4_H
#define MASQC_PEERS_4_H

#define PEERS 4

/* Each: address << 32 | flows; 0: free. The same address may stand twice, after a race: its flows are counted in both. */
struct peers {
	__u64 inside[PEERS];
};

static __always_inline bool is_peer(__u64 word, __be32 address)
{
	return (__u32)(word >> 32) == address && (__u32)word;
}

/* One flow more. False: there is no room. */
static __always_inline bool note_peer(struct peers *peers, __be32 address)
{
	int i;

	for (i = 0; i < PEERS; i++) {
		__u64 word = READ_ONCE(peers->inside[i]);

		if (is_peer(word, address) && __sync_val_compare_and_swap(&peers->inside[i], word, word + 1) == word)
			return true;
	}
	for (i = 0; i < PEERS; i++)
		if (!READ_ONCE(peers->inside[i]) &&
		    !__sync_val_compare_and_swap(&peers->inside[i], 0, (__u64)address << 32 | 1))
			return true;
	return false;
}

/* One flow less. False: it does not stand here. */
static __always_inline bool forget_peer(struct peers *peers, __be32 address)
{
	int i, again;

	for (i = 0; i < PEERS; i++) {
		for (again = 0; again < 4; again++) {
			__u64 word = READ_ONCE(peers->inside[i]), less = (__u32)word == 1 ? 0 : word - 1;

			if (!is_peer(word, address))
				break;
			if (__sync_val_compare_and_swap(&peers->inside[i], word, less) == word)
				return true;
		}
	}
	return false;
}

static __always_inline bool knows_peer(const struct peers *peers, __be32 address)
{
	int i;

	for (i = 0; i < PEERS; i++)
		if (is_peer(READ_ONCE(peers->inside[i]), address))
			return true;
	return false;
}

static __always_inline void clear_peers(struct peers *peers)
{
	int i;

	for (i = 0; i < PEERS; i++)
		WRITE_ONCE(peers->inside[i], 0);
}

#endif
