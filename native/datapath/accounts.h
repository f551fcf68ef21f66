/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* `account`: packets and bytes of each inside address, added up when a flow ends. */
#ifndef MASQC_ACCOUNTS_H
#define MASQC_ACCOUNTS_H

#include "base.h"
#include "flow.h"
#include "limits.h"
#include "maps.h"

/* Both families in one form: IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). Network byte order. */
struct any_address {
	__be32 word[4];
};

struct account {
	__u64 sent_packets;   /* by this address */
	__u64 sent_bytes;
	__u64 received_packets;
	__u64 received_bytes;
};

/* accounts: written by the sweep only; entries are deleted by apply when the file no longer names them. The address :: (made
 * by apply) stands for those that there was no room for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct any_address);
	__type(value, struct account);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} accounts SEC(".maps");

static __noinline int add_to_account(struct any_address *address, const struct flow_dir *sent, const struct flow_dir *received)
{
	struct any_address others = {};
	struct account fresh = {}, *a;

	if (!address || !sent)
		return 0;
	a = bpf_map_lookup_elem(&accounts, address);
	if (!a) {
		bpf_map_update_elem(&accounts, address, &fresh, BPF_NOEXIST);
		a = bpf_map_lookup_elem(&accounts, address);
		if (!a)
			a = bpf_map_lookup_elem(&accounts, &others);
		if (!a)
			return 0;
	}
	__sync_fetch_and_add(&a->sent_packets, sent->packets); /* the sweeps of both families may meet here */
	__sync_fetch_and_add(&a->sent_bytes, sent->bytes);
	if (received) {
		__sync_fetch_and_add(&a->received_packets, received->packets);
		__sync_fetch_and_add(&a->received_bytes, received->bytes);
	}
	return 0;
}

/* `back` may be NULL. */
static __always_inline void account_flow(const struct flow_slot *slot, const struct flow_key *key,
					 const struct flow_key *to, const struct flow_dir *forth, const struct flow_dir *back)
{
	struct any_address address;

	if (slot->holds & HOLD_ACCOUNT_SOURCE) {
		widen_address(address.word, key->saddr);
		add_to_account(&address, forth, back);
	}
	if (slot->holds & HOLD_ACCOUNT_TARGET && back) {
		widen_address(address.word, to->daddr);
		add_to_account(&address, back, forth);
	}
}

#endif
