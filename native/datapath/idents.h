/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Identifications of datagrams in pieces, as they leave. Translation makes one sender of many: two of their datagrams with
 * the same identification towards the same receiver would be put together there (RFC 4787 REQ-14, RFC 6864 section 5.3.1).
 */
#ifndef MASQC_IDENTS_H
#define MASQC_IDENTS_H

#include "base.h"
#include "datagram.h"
#include "family.h"
#include "flow.h"

/* Coarse units that a receiver may wait for the rest of a datagram: half a minute (Linux; RFC 791 has 15 seconds). */
#define IDENT_LIFE (28 * COARSE_SECOND)
#define IDENT_PROBES 8

/* As it leaves. Network byte order. */
struct ident_key {
	addr_t saddr;
	addr_t daddr;
	__be32 id;
	__u8 protocol;        /* as in datagram_key */
	__u8 pad[3];
};

/* Whose it is. */
struct ident {
	struct flow_key flow; /* of its packets as they arrive: addresses of the datagram, ports of its head; protocol 0: no flow */
	addr_t saddr;         /* of the datagram as it came */
	addr_t daddr;
	__be32 id;
	__u32 ifindex;        /* that it came in by; 0: the gateway's own */
	__u32 last;           /* coarse time of its head */
	__u32 pad[FAMILY == 4 ? 0 : 1];
};

/* idents4, idents6: key is a datagram that has left in pieces; written with its head (BPF_NOEXIST is the claim); the least recently
 * used entry goes. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct ident_key);
	__type(value, struct ident);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(idents) SEC(".maps");

static __always_inline bool is_same_datagram(const struct ident *a, const struct ident *b)
{
	return same_address(a->saddr, b->saddr) && same_address(a->daddr, b->daddr) && a->id == b->id && a->ifindex == b->ifindex;
}

struct claim_of_id {
	struct ident_key *key;
	struct ident *owner;
};

/* 1: key->id is the owner's. */
static long try_id(__u32 i, struct claim_of_id *c)
{
	struct ident_key *key = c->key;
	struct ident *owner = c->owner, *ident;

	if (!bpf_map_update_elem(&MAP(idents), key, owner, BPF_NOEXIST))
		return 1;
	ident = bpf_map_lookup_elem(&MAP(idents), key);
	if (ident && is_same_datagram(ident, owner)) {
		ident->flow = owner->flow;
		ident->last = owner->last;
		return 1;
	}
	if (ident && owner->last - ident->last >= IDENT_LIFE && !bpf_map_update_elem(&MAP(idents), key, owner, BPF_ANY))
		return 1;
	if (i + 1 < IDENT_PROBES)
		key->id = choose_id();
	return 0;
}

/*
 * The identification that `owner`, whose own is in `key`, leaves with: its own if nobody else's datagram has it at this time.
 * If all that were tried are taken: the last one.
 */
static __noinline __be32 claim_id(struct ident_key *key, struct ident *owner)
{
	struct claim_of_id c = { .key = key, .owner = owner };

	if (!key || !owner)
		return 0;
	bpf_loop(IDENT_PROBES, try_id, &c, 0);
	return key->id;
}

#endif
