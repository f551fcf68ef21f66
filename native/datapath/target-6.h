/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * IPv6: few flows are translated, and addresses are long. An entry holds none; those of a translated flow are one array
 * look-up further: the original ones in its slot, the others in translations6.
 */
#ifndef MASQC_TARGET_6_H
#define MASQC_TARGET_6_H

#include "flow.h"
#include "maps.h"

/* What the packets of the original direction take. */
struct translation {
	addr_t saddr;
	addr_t daddr;
};

/* translations6: key is flow_dir.slot; written by the miss path before the entries are made; means nothing for a flow
 * that is not translated. One entry where the policy translates nothing. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DEFAULT_FLOWS);
	__type(key, __u32);
	__type(value, struct translation);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(translations) SEC(".maps");

/* What a packet with this key becomes; `dir` is the entry of the key. */
static __always_inline void translate_key(const struct flow_key *key, const struct flow_dir *dir, struct flow_key *to)
{
	struct translation *translation;
	struct flow_slot *slot;
	__u32 index = dir->slot;

	make_key(to, key->saddr, key->daddr, dir->sport, dir->dport, key->protocol);
	if (likely(!(dir->flags & (FLOW_NAT_SRC | FLOW_NAT_DST))))
		return;
	if (dir->flags & FLOW_ORIGINAL) {
		translation = bpf_map_lookup_elem(&MAP(translations), &index);
		if (translation) {
			to->saddr = translation->saddr;
			to->daddr = translation->daddr;
		}
		return;
	}
	slot = bpf_map_lookup_elem(&MAP(slots), &index);
	if (slot) {
		to->saddr = slot->daddr;
		to->daddr = slot->saddr;
	}
}

/* Both entries of a flow to be: its packets with `key` become `to`. False: there is no room for it. */
static __always_inline bool store_target(struct flow_dir *forth, struct flow_dir *back, const struct flow_key *key,
					 const struct flow_key *to)
{
	struct translation *translation;
	__u32 index = forth->slot;

	if (!(forth->flags & (FLOW_NAT_SRC | FLOW_NAT_DST)))
		return true;
	translation = bpf_map_lookup_elem(&MAP(translations), &index);
	if (!translation)
		return false;
	translation->saddr = to->saddr;
	translation->daddr = to->daddr;
	return true;
}

#endif
