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

/* old_translations6: see table.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct translation);
} MAP(old_translations) SEC(".maps");

static __always_inline struct translation *get_translation(__u32 number)
{
	__u32 index = number & SLOT_INDEX;

	if (is_old(number))
		return bpf_map_lookup_elem(&MAP(old_translations), &index);
	return bpf_map_lookup_elem(&MAP(translations), &index);
}

/* What a packet with this key becomes; `dir` is the entry of the key. */
static __always_inline void translate_key(const struct flow_key *key, const struct flow_dir *dir, struct flow_key *to)
{
	struct translation *translation;
	struct flow_slot *slot;

	make_key(to, key->saddr, key->daddr, dir->sport, dir->dport, key->protocol);
	if (likely(!(dir->flags & (FLOW_NAT_SRC | FLOW_NAT_DST))))
		return;
	if (dir->flags & FLOW_ORIGINAL) {
		translation = get_translation(dir->slot);
		if (translation) {
			to->saddr = translation->saddr;
			to->daddr = translation->daddr;
		}
		return;
	}
	slot = get_slot(dir->slot);
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

	if (!(forth->flags & (FLOW_NAT_SRC | FLOW_NAT_DST)))
		return true;
	translation = get_translation(forth->slot);
	if (!translation)
		return false;
	translation->saddr = to->saddr;
	translation->daddr = to->daddr;
	return true;
}

/* A flow is moved (indexes of the old table and the new one): what its entries do not hold goes with it. */
static __always_inline void move_target(__u32 from, __u32 to)
{
	struct translation *old = bpf_map_lookup_elem(&MAP(old_translations), &from);
	struct translation *new = bpf_map_lookup_elem(&MAP(translations), &to);

	if (old && new)
		*new = *old;
}

/* translate_key for the original direction's entry of the old table. */
static __always_inline void translate_old_key(const struct flow_key *key, const struct flow_dir *dir, struct flow_key *to)
{
	struct translation *translation;
	__u32 index = dir->slot & SLOT_INDEX;

	*to = (struct flow_key){
		.saddr = key->saddr, .daddr = key->daddr, .sport = dir->sport, .dport = dir->dport,
		.protocol = key->protocol,
	};
	if (!(dir->flags & (FLOW_NAT_SRC | FLOW_NAT_DST)))
		return;
	translation = bpf_map_lookup_elem(&MAP(old_translations), &index);
	if (translation) {
		to->saddr = translation->saddr;
		to->daddr = translation->daddr;
	}
}

#endif
