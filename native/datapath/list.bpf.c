// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
/*
 * How `masqc show` reads a flow table: a page of connections a run, each put together from its slot and its two entries where
 * they are. (A look-up from user space costs more than all the rest.) Loaded by the process that shows, for the while,
 * over the maps of one table; it writes nothing but its own page. As a program of type `syscall` it runs with interrupts
 * and preemption on: no packet waits for it.
 */
#include "base.h"
#include "family.h"
#include "flow.h"
#include "maps.h"
#include "table.h"
#include "target.h"
#include "tcp.h"

#define PAGE_CONNECTIONS 4096

struct connection {
	addr_t saddr;            /* as the packet that started it arrived; network byte order */
	addr_t daddr;
	addr_t new_saddr;        /* what it became */
	addr_t new_daddr;
	__u64 sent_packets;
	__u64 sent_bytes;
	__u64 received_packets;
	__u64 received_bytes;
	__be16 sport;
	__be16 dport;
	__be16 new_sport;
	__be16 new_dport;
	__u32 created;           /* coarse time */
	__u32 last;              /* of the packets that keep it alive */
	__u16 rule;              /* as the slot has them */
	__u16 nat;
	__u16 generation;
	__u8 protocol;
	__u8 flags;              /* enum flow_flag of the original direction */
	__u8 tcp_sent;           /* flow_dir.tcp */
	__u8 tcp_received;
	__u8 class;              /* enum flow_class: the timeout that holds */
	__u8 live;               /* 0: it is ending */
};

struct page {
	struct connection connections[PAGE_CONNECTIONS];
};

/* listed: key 0; written by a run, read after it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct page);
} listed SEC(".maps");

/* What a run is told: the slots first..first + count - 1. */
struct list_order {
	__u32 first;
	__u32 count;             /* at most PAGE_CONNECTIONS */
};

struct listing {
	struct page *page;
	__u32 first;
	__u32 done;
};

static __always_inline void copy_back(struct connection *c, const struct flow_dir *back)
{
	c->received_packets = back->packets;
	c->received_bytes = back->bytes;
	c->tcp_received = back->tcp;
}

/* A slot changes hands only after its entries are gone: what belongs to it before and after the reading did all the while. */
static long list_slot(__u32 i, struct listing *l)
{
	__u32 index = l->first + i, at = l->done;
	struct flow_dir *forth, *back;
	struct flow_key key, other;
	struct flow_slot *slot;
	struct connection *c;
	__u8 state;

	if (at >= PAGE_CONNECTIONS)
		return 1;
	slot = bpf_map_lookup_elem(&MAP(slots), &index);
	if (!slot)
		return 1;
	state = READ_ONCE(slot->state);
	if (state == SLOT_FREE || state == SLOT_HALF || state == SLOT_MOVED)
		return 0;
	slot_key(slot, &key);
	forth = bpf_map_lookup_elem(&MAP(flows), &key);
	if (!forth || (READ_ONCE(forth->slot) & SLOT_INDEX) != index)
		return 0;
	c = &l->page->connections[at & (PAGE_CONNECTIONS - 1)];
	c->saddr = key.saddr;
	c->daddr = key.daddr;
	c->sport = key.sport;
	c->dport = key.dport;
	c->protocol = key.protocol;
	c->created = slot->created;
	c->rule = slot->rule;
	c->nat = slot->nat;
	c->generation = slot->generation;
	c->sent_packets = forth->packets;
	c->sent_bytes = forth->bytes;
	c->last = forth->last;
	c->flags = forth->flags;
	c->tcp_sent = forth->tcp;
	c->live = state == SLOT_LIVE && READ_ONCE(forth->epoch) != EPOCH_DYING;
	opposite_key(&key, forth, &other);
	if ((READ_ONCE(forth->slot) & SLOT_INDEX) != index)
		return 0;
	c->new_saddr = other.daddr;
	c->new_daddr = other.saddr;
	c->new_sport = other.dport;
	c->new_dport = other.sport;
	c->received_packets = c->received_bytes = c->tcp_received = 0;
	back = bpf_map_lookup_elem(&MAP(flows), &other);
	if (back && (READ_ONCE(back->slot) & SLOT_INDEX) == index) {
		copy_back(c, back);
		c->last = last_use(slot->uses, forth, back);
	}
	c->class = key.protocol == IPPROTO_TCP ? tcp_class(c->tcp_sent, c->tcp_received) : flow_class(key.protocol);
	l->done = at + 1;
	return 0;
}

/* Enums and structs get into BTF, where user space reads them, by being types of arguments. */
static __noinline int publish_names(enum flow_flag a, enum flow_class b, struct connection *c)
{
	asm volatile("" ::"r"(a), "r"(b), "r"(c));
	return 1;
}

/* Returns how many connections the page has. */
SEC("syscall")
int list(struct list_order *order)
{
	struct listing l = { .first = order->first };
	__u32 zero = 0;

	l.page = bpf_map_lookup_elem(&listed, &zero);
	if (!l.page || !publish_names(FLOW_ORIGINAL, CLASS_TCP, NULL))
		return 0;
	bpf_loop(order->count, list_slot, &l, 0);
	return l.done;
}

char _license[] SEC("license") = "Dual MIT/GPL";
