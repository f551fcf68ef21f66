/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What the slow path knows about the packet that starts a flow. Too large for the stack: one for each CPU. */
#ifndef MASQC_WORK_H
#define MASQC_WORK_H

#include "base.h"
#include "drop.h"
#include "family.h"
#include "flow.h"
#include "mapping.h"
#include "packet.h"
#include "parse.h"

/* Set by the loader in every linked object. */
const volatile __u32 generation = 0;

/* What a map says of a destination. */
struct map_answer {
	addr_t inside;              /* where it moves to */
	__u16 rule;                 /* 0: there is none */
	__u8 side;                  /* id of an interface of the map */
	__u8 pad;
};

struct work {
	struct masqc_packet packet;
	struct header h;
	struct flow_dir forth;      /* the entries to be */
	struct flow_dir back;
	struct flow_key to;         /* what the packet becomes (its new source port is claimed last) */
	struct flow_key reply;
	struct bpf_fib_lookup fib;
	addr_t hop;                 /* address of the next hop of `forth` */
	addr_t own_address;         /* what the gateway calls itself on the way out */
	addr_t nat_address;         /* the new source; zero: it stays */
	__u32 in;                   /* ifindex */
	__u16 port_first;           /* outside ports, host order */
	__u16 port_last;
	__u16 rule;
	__u16 nat;
	__u32 reason;               /* enum drop_reason, for STEP_DROP and STEP_REJECT */
	__u8 adopted;               /* in the middle of a connection of the gateway's own */
	__u8 epoch;                 /* that new and rechecked flows are stamped with */
	__u8 mapping;               /* enum masqc_dependence of the masquerade */
	__u8 filtering;
	__u8 side;                  /* seat of the interface that hides the source */
	__u8 uses;                  /* enum slot_use */
	__u8 rechecks;              /* the flow is there already */
	__u8 made;                  /* create_flow: the flow is this packet's own, with `forth` as it is here */
	__u8 unknown;               /* there was no entry of the packet's key a moment ago */
	__u8 fresh;                 /* the mapping of its new source had no flows before */
	__u8 took;                  /* of the limits of `rule` (take.h) */
	__u8 nat_took;              /* of those of `nat` */
	__u8 translation;           /* enum masqc_translation */
	__u8 habits;                /* enum masqc_habit */
	__u8 inherits;              /* it takes over the entries of the flow in slot `heir_of` (takeover.h) */
	__u8 rests;                 /* reuse_port: the mapping had no flows in the old table */
	__u16 token;                /* a port that was asked for, until something holds it (hold.h) */
	__u16 stale;                /* claim_rested: what the mapping was still counted for, at `stale_who` */
	__u8 full;                  /* claim_free: `mappings` has no room */
	__u64 stale_who;
	struct map_answer map;
	struct mapping entry;       /* note_moved: too large for the stack */
	__u32 until;                /* enter_door: of the mapping, for MASQC_OUTBOUND */
	__u32 heir_of;
	struct flow_key left;       /* the other key of that flow */
	struct flow_dir kept;       /* enter_door: what is put back when there is no door */
	addr_t kept_hop;
	addr_t kept_own;
	struct flow_key inner;      /* enter_door: the packet as the inside would see it */
	struct flow_key arrived;    /* recheck: the packet's own key */
	struct flow_key started;    /* recheck, takeover: that of the packet that started the flow, */
	struct flow_key became;     /* and what it became */
};

/* work: key 0; written by the slow path of its CPU, means nothing afterwards. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct work);
} work SEC(".maps");

/* ids: key is an ifindex, value the interface id (1..) in this generation's policy; written by apply before the switch;
 * each linked object has its own, so that a packet never meets the ids of another generation. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} ids SEC(".maps");

static __always_inline struct work *get_work(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&work, &zero);
}

static __always_inline __u32 get_id(__u32 ifindex)
{
	__u32 *id = bpf_map_lookup_elem(&ids, &ifindex);

	return id ? *id : MASQC_NOWHERE;
}

static __always_inline bool is_hidden(const struct work *w)
{
	return !is_zero(w->nat_address);
}

enum step {
	STEP_CREATE,  /* work.forth and work.back are ready */
	STEP_PASS,    /* the stack's, no flow */
	STEP_DROP,
	STEP_REJECT,
};

static __always_inline enum step refuse(struct work *w, enum drop_reason reason)
{
	w->reason = reason;
	return STEP_DROP;
}

#endif
