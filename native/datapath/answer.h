/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Whether the programs may answer a packet that does not go on: errors are limited in rate (RFC 1812 section 4.3.2.8), and an
 * unsolicited SYN from outside is not answered for six seconds (RFC 5382 REQ-4).
 */
#ifndef MASQC_ANSWER_H
#define MASQC_ANSWER_H

#include "base.h"
#include "family.h"
#include "maps.h"
#include "work.h"

/* Token buckets: for everybody together, and for each address that is answered. */
#define ANSWERS_A_SECOND 1000
#define ANSWERS_AT_ONCE 1000
#define ANSWERS_A_SECOND_EACH 50
#define ANSWERS_AT_ONCE_EACH 100

#define NS_A_SECOND 1000000000ULL

enum answer_count {
	ANSWER_SENT = 0,
	ANSWER_WITHHELD = 1,  /* beyond the rate */
	ANSWER_COUNT = 4,     /* room */
};

/* answers: key is enum answer_count; written by the CPU that answers; entries never go. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ANSWER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} answers SEC(".maps");

/* answer_rate: key 0, value the time (ns) at which the bucket of all answers is full again; written by whoever answers. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} answer_rate SEC(".maps");

/* answer_rates4, answer_rates6: key is an address that is answered, value as above; written by whoever answers; the least recently used entry
 * goes (its bucket is full again then, and the one of all holds still). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, addr_t);
	__type(value, __u64);
} MAP(answer_rates) SEC(".maps");

/* A function of its own also so that the enum is in BTF. */
static __noinline void count_answer(enum answer_count what)
{
	__u32 key = what;
	__u64 *count = bpf_map_lookup_elem(&answers, &key);

	if (count)
		*count += 1;
}

/* As draw_token, which takes it. */
static __always_inline bool has_token(__u64 *full, __u64 now, __u64 cost, __u64 depth)
{
	__u64 was = READ_ONCE(*full);

	return was <= now || was - now + cost <= depth;
}

/* Takes a token that costs `cost` ns from a bucket of `depth` ns. */
static __always_inline bool draw_token(__u64 *full, __u64 now, __u64 cost, __u64 depth)
{
	int i;

	for (i = 0; i < 4; i++) {
		__u64 was = READ_ONCE(*full), next = (was > now ? was : now) + cost;

		if (next - now > depth)
			return false;
		if (__sync_val_compare_and_swap(full, was, next) == was)
			return true;
	}
	return false;
}

/* A message to this address may be sent now. */
static __noinline bool may_answer(const addr_t *address)
{
	const __u64 cost = NS_A_SECOND / ANSWERS_A_SECOND, cost_each = NS_A_SECOND / ANSWERS_A_SECOND_EACH;
	__u64 now = bpf_ktime_get_ns(), *each, *all;
	__u32 zero = 0;
	bool fine = true;
	addr_t to;

	if (!address)
		return false;
	to = *address;
	all = bpf_map_lookup_elem(&answer_rate, &zero);
	each = bpf_map_lookup_elem(&MAP(answer_rates), &to);
	if (each) {
		fine = draw_token(each, now, cost_each, ANSWERS_AT_ONCE_EACH * cost_each);
	} else {
		__u64 first = now + cost_each;

		bpf_map_update_elem(&MAP(answer_rates), &to, &first, BPF_NOEXIST);
	}
	fine = fine && all && draw_token(all, now, cost, ANSWERS_AT_ONCE * cost);
	count_answer(fine ? ANSWER_SENT : ANSWER_WITHHELD);
	return fine;
}

/* A flow that can't be set up; inside, that is answered (RFC 5508 REQ-8). */
static __always_inline bool is_no_room(__u32 reason)
{
	return reason == DROP_TABLE_FULL || reason == DROP_SOURCE_SHARE || reason == DROP_PORTS_EXHAUSTED;
}

/* Whether may_answer would say yes now. False is counted as an answer that was withheld: the packet is dropped where it is. */
static __noinline bool is_answer_left(const addr_t *address)
{
	const __u64 cost = NS_A_SECOND / ANSWERS_A_SECOND, cost_each = NS_A_SECOND / ANSWERS_A_SECOND_EACH;
	__u64 now = bpf_ktime_get_ns(), *each, *all;
	__u32 zero = 0;
	addr_t to;

	if (!address)
		return false;
	to = *address;
	all = bpf_map_lookup_elem(&answer_rate, &zero);
	each = bpf_map_lookup_elem(&MAP(answer_rates), &to);
	if (all && has_token(all, now, cost, ANSWERS_AT_ONCE * cost) &&
	    (!each || has_token(each, now, cost_each, ANSWERS_AT_ONCE_EACH * cost_each)))
		return true;
	count_answer(ANSWER_WITHHELD);
	return false;
}

#define HOLD_TIME ((__u32)(6 * NS_A_SECOND >> COARSE_SHIFT) + 1)
#define HOLD_MEMORY ((__u32)(64 * NS_A_SECOND >> COARSE_SHIFT))

/* held4, held6: key is the tuple of a SYN from outside that would have been rejected, value the coarse time of the first one; written by
 * the miss path; goes with the answer; the least recently used one goes when it is full, and the next SYN counts as the first. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow_key);
	__type(value, __u32);
} MAP(held) SEC(".maps");

/*
 * RFC 5382 REQ-4: a SYN to a port that a masquerade gives out may be the one half of a simultaneous open, whose other half
 * an inside host is about to send. What is rejected is answered when it comes again after six seconds.
 */
static __noinline bool is_syn_held(struct work *w)
{
	struct iface *in;
	__u32 now = coarse_now(), *first, port;

	if (!w || w->h.key.protocol != IPPROTO_TCP || (w->h.tcp & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return false;
	in = get_interface(w->in);
	port = bpf_ntohs(w->h.key.dport);
	if (!in || !(in->flags & MAP(IFACE_HIDES)) || port < in->pool_first || port > in->pool_last)
		return false;
	if (!w->packet.own && w->packet.out != w->packet.in) /* for a host that has its address for itself */
		return false;
	first = bpf_map_lookup_elem(&MAP(held), &w->h.key);
	if (first && now - *first < HOLD_TIME)
		return true;
	if (first && now - *first < HOLD_MEMORY) {
		bpf_map_delete_elem(&MAP(held), &w->h.key);
		return false;
	}
	bpf_map_update_elem(&MAP(held), &w->h.key, &now, BPF_ANY);
	return true;
}

#endif
