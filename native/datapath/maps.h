/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * The maps that the objects share (pinned by name in the gateway's directory) and the structs in them. MAP(name): there is
 * one for each family, name4 and name6 (family.h). `drops` is in drop.h, `ids` (one a generation, not pinned by name) in
 * work.h.
 *
 * Sizes that the loader sets: flows4 = 2 * flows, slots4 = flows; mapping.h: mappings4 = 2 * flows,
 * resting4 = 2 * flows, dying4 = max(flows / 8, 1024), peers4 = flows; for IPv6 the same; limits.h: sources.
 */
#ifndef MASQC_MAPS_H
#define MASQC_MAPS_H

#include "base.h"
#include "family.h"
#include "flow.h"
#include "packet.h"

/* Raised with every change of a struct or of what a field means. */
#define MASQC_LAYOUT 7

#define MAX_SEATS 64
#define MAX_GENERATIONS 16
#define DEFAULT_FLOWS 65536

struct control {
	__u32 active;                 /* epoch << 8 | place in the program arrays of the policy that decides: the switch is this
	                               * one store (epoch.h) */
	__u32 layout;                 /* MASQC_LAYOUT of the datapath that made the maps */
	__u32 flows;                  /* limit; 0: max_entries of `slots` is not known here, nothing gets in */
	__u32 move_after;             /* coarse time after which flows move from the old table; 0: they don't (table.h) */
	__u32 timeouts[CLASS_COUNT];  /* coarse units, by enum flow_class */
	__u32 rest;                   /* coarse units that the port of an ended mapping rests */
	__u32 seed;                   /* a random number, so that nobody outside can foretell ports */
	__u32 source_sets;            /* entries of `sources` (limits.h), a power of two */
	__u32 pad2;
};
_Static_assert(sizeof(struct control) == 64, "control");

/* control: key 0; written by apply only, the whole record at once; never goes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct control);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} control SEC(".maps");

#define SWEEP_STEP 10000                  /* slots a tick of the sweep: about 0.1 ms */
#define SWEEP_PERIOD 250000000ULL         /* ns */

#define EXHAUSTED_POOLS 8

struct progress {
	__u32 high_water;             /* slots below were used at least once */
	__u32 cursor;                 /* where the sweep goes on */
	__u32 sweeps;                 /* whole passes of the sweep */
	__u32 moved;                  /* inside entries in `mappings` (mapping.h) */
	__u32 used;                   /* slots that are not free */
	__u32 exhausted[EXHAUSTED_POOLS]; /* by a hash of the pool: hash << 24 | coarse time of a search that found all of it taken */
	__u32 move_cursor;            /* where in the old table moving goes on (move.h) */
	__u32 move_left;              /* flows of this pass that could not be moved yet */
	__u32 move_done;              /* whole passes that left nothing behind */
	__u16 ticks;                  /* of the timer, while moving */
	__u16 table;                  /* its number, 0 or 1: written by apply when the table is made (table.h) */
	__u32 pad;
	__u64 free;                   /* the list of slots that were used and are free again (table.h) */
	__u32 resting;                /* keys in `resting` (mapping.h) */
	__u32 pad2[11];
};
_Static_assert(sizeof(struct progress) == 128, "progress");

/* progress4, progress6: key 0; written by the datapath only (not in `control`: user space writes whole values, and would set
 * high_water back under flows that are being made); never goes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct progress);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(progress) SEC(".maps");

/* flows4, flows6: key is the tuple of a packet as it arrives, one entry a direction; made by the miss path (BPF_NOEXIST, which
 * is also the claim of the outside port), written by the direction's own packets, deleted by the sweep only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * DEFAULT_FLOWS);
	__type(key, struct flow_key);
	__type(value, struct flow_dir);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(flows) SEC(".maps");

/* slots4, slots6: key is flow_dir.slot; written by the miss path, the sweep, TCP transitions (deadline) and by user space that
 * ends a flow (state SLOT_KILLED, deadline 0); entries are reused. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DEFAULT_FLOWS);
	__type(key, __u32);
	__type(value, struct flow_slot);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(slots) SEC(".maps");

enum iface_flag {
	IFACE_ETHERNET = 1,   /* packets have an Ethernet header */
	IFACE_XDP = 2,        /* transmits XDP frames (ndo_xdp_xmit) */
	IFACE_HIDES4 = 4,     /* a masquerade names it: no private source may leave by it untranslated */
	IFACE_HIDES6 = 8,     /* the same for IPv6 */
};

#define MSS_BY_PATH 0xffff

/* An interface that carries the programs. */
struct iface {
	__u32 ifindex;        /* 0: empty seat */
	__u16 flags;          /* enum iface_flag */
	__u16 mtu;
	__u8 mac[6];          /* its own */
	__u16 mss;            /* most that SYNs by it may ask for (mss.h); 0: anything; MSS_BY_PATH: what the path's MTU allows */
	__be32 probe4;        /* an address routed through it; 0: none known */
	__u32 pad2;
	addr6_t probe6;
	__u16 pool_first;     /* IFACE_HIDES: outside ports of its masquerades, host order; 0..0: none */
	__u16 pool_last;
	__u32 pad3[5];
};
_Static_assert(sizeof(struct iface) == 64, "iface");

/* interfaces: key is the seat 1..63 (0 stays empty), a number that apply keeps for the interface: the last bits of its index
 * where that seat is free, any other else; written by apply, the ifindex last. A flow holds the seat, and checks the ifindex
 * in it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_SEATS);
	__type(key, __u32);
	__type(value, struct iface);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} interfaces SEC(".maps");

/* seats: key is an ifindex, value its seat; written by apply, deleted by apply when the interface goes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SEATS);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} seats SEC(".maps");

/* addresses4, addresses6: key is an address (network order), value the ifindex of the interface that has it, as apply saw it: a hint,
 * believed only while the address is local at all. Written and deleted by apply. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, addr_t);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAP(addresses) SEC(".maps");

/* *_policies: key is a generation's place, value its linked miss program; written by apply; the datapath tail-calls the
 * entry at the place in control.active. */
#define POLICIES(name) PROGRAMS(name, MAX_GENERATIONS)
#define PROGRAMS(name, count)                                                                                              \
	struct {                                                                                                           \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);                                                                     \
		__uint(max_entries, count);                                                                                \
		__uint(key_size, sizeof(__u32));                                                                           \
		__uint(value_size, sizeof(__u32));                                                                         \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                                                                       \
	} name SEC(".maps")

static __always_inline struct control *get_control(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

static __always_inline struct progress *get_progress(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&MAP(progress), &zero);
}

/* Coarse units that the sweep may be late with a slot. */
static __always_inline __u32 sweep_lag(const struct progress *p)
{
	return COARSE_SECOND + (p->high_water / SWEEP_STEP + 1) * (COARSE_SECOND / 4);
}

/* The interface with this index, and its seat. NULL: it carries no programs. No hash look-up where the index names the seat. */
static __always_inline struct iface *find_interface(__u32 ifindex, __u32 *seat)
{
	__u32 *other;
	struct iface *iface;

	*seat = ifindex % MAX_SEATS;
	iface = bpf_map_lookup_elem(&interfaces, seat);
	if (likely(iface && ifindex && iface->ifindex == ifindex))
		return iface;
	other = bpf_map_lookup_elem(&seats, &ifindex);
	if (!other)
		return NULL;
	*seat = *other;
	return bpf_map_lookup_elem(&interfaces, seat);
}

static __always_inline struct iface *get_interface(__u32 ifindex)
{
	__u32 seat;

	return find_interface(ifindex, &seat);
}

/* flow_dir.door of the interface with this seat. */
static __always_inline __u32 door_of(__u32 seat, __u32 ifindex)
{
	return seat << 24 | (ifindex & 0xffffff);
}

/* flow_dir.door of an interface; 0: it carries no programs. */
static __always_inline __u32 make_door(__u32 ifindex)
{
	__u32 seat;

	return find_interface(ifindex, &seat) ? door_of(seat, ifindex) : 0;
}

/* The interface behind a door, if that is the one with this ifindex; no hash look-up. */
static __always_inline struct iface *open_door(__u32 door, __u32 ifindex)
{
	__u32 seat = door >> 24;
	struct iface *iface = bpf_map_lookup_elem(&interfaces, &seat);

	return iface && iface->ifindex == ifindex && !((door ^ ifindex) << 8) ? iface : NULL;
}

#endif
