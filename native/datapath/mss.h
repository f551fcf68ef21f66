/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * `mss` of an interface: SYNs that leave or come in by it ask for no more than fits (RFC 6691; RFC 2923 section 2.1 says
 * what happens else). The option is lowered, never raised, and never put in. Only SYNs get here.
 */
#ifndef MASQC_MSS_H
#define MASQC_MSS_H

#include "base.h"
#include "checksum.h"
#include "flow.h"
#include "maps.h"
#include "parse.h"

#define TCPOPT_EOL 0
#define TCPOPT_NOP 1
#define TCPOPT_MSS 2
#define MAX_TCP_OPTIONS 40
#define MIN_MSS 48 /* what Linux's own TCP does not go below, however small the MTU */
#define IP_MORE (IP_HEADER - sizeof(struct iphdr)) /* `mss` is said for IPv4; the same packets hold less of IPv6 */
#define HEADERS_BEFORE_DATA (IP_HEADER + sizeof(struct tcphdr))

/*
 * The largest MSS that a SYN of this direction may ask for; 0: any. What it asks for is what the other end may send, so
 * that the ways of both directions count, whichever of the two interfaces clamps.
 */
static __always_inline __u32 find_mss_limit(const struct flow_dir *flow, const struct flow_dir *back)
{
	__u32 seats[2] = { flow->seat, flow->door >> 24 };
	__u32 limit = 0, mtu = 0, i;
	bool by_path = false;

	for (i = 0; i < 2; i++) {
		struct iface *iface = bpf_map_lookup_elem(&interfaces, &seats[i]);

		if (!iface || !iface->mss)
			continue;
		if (iface->mss == MSS_BY_PATH) {
			by_path = true;
			if (!mtu || iface->mtu < mtu)
				mtu = iface->mtu;
		} else if (!limit || iface->mss - IP_MORE < limit) {
			limit = iface->mss - IP_MORE;
		}
	}
	if (!by_path)
		return limit;
	if (flow->mtu && flow->mtu < mtu) /* none where the direction ends here */
		mtu = flow->mtu;
	if (back->mtu && back->mtu < mtu)
		mtu = back->mtu;
	mtu = mtu > HEADERS_BEFORE_DATA + MIN_MSS ? mtu - HEADERS_BEFORE_DATA : MIN_MSS;
	return !limit || mtu < limit ? mtu : limit;
}

/* A walk through the options of a SYN. */
struct mss_walk {
	__u8 options[MAX_TCP_OPTIONS + 4]; /* the first `size` are the packet's */
	__u32 size;
	__u32 limit;
	__u32 at;
	__u32 difference;  /* for the checksum; 0: nothing was changed */
};

/* One option: lowers it if it is an MSS above the limit. A callback, which the verifier walks through once only. */
static long lower_mss(__u32 i, struct mss_walk *walk)
{
	__u32 at = walk->at, length, mss;
	__u8 *option;

	if (at > MAX_TCP_OPTIONS - 4 || at + 4 > walk->size)
		return 1;
	option = walk->options + at;
	if (*option == TCPOPT_EOL)
		return 1;
	if (*option == TCPOPT_NOP) {
		walk->at = at + 1;
		return 0;
	}
	length = option[1];
	if (length < 2)
		return 1;
	mss = option[2] << 8 | option[3];
	if (*option == TCPOPT_MSS && length == 4 && mss > walk->limit) {
		__be16 from = bpf_htons(mss), to = bpf_htons(walk->limit);
		sum_t change;

		option[2] = walk->limit >> 8;
		option[3] = walk->limit;
		if (at & 1) /* its two bytes belong to two words of the sum */
			change = replace16(__builtin_bswap16(from), __builtin_bswap16(to));
		else
			change = replace16(from, to);
		walk->difference = narrow(walk->difference + change);
	}
	walk->at = at + length;
	return 0;
}

/* The compiler makes no other comparison of the next one: Linux 6.1 learns nothing from `size != 0`, or from size - 4. */
#define KEEP_BOUNDS(size) asm volatile("" : "+r"(size))

/* XDP. */
__noinline int clamp_frame(struct xdp_md *ctx, __u32 l4, __u32 l4_size, __u32 limit)
{
	__u32 at = l4 & 0xff, size = l4_size - sizeof(struct tcphdr);
	struct mss_walk walk = { .size = size, .limit = limit };
	struct tcphdr *tcp;

	KEEP_BOUNDS(size);
	if (size > MAX_TCP_OPTIONS)
		return 0;
	KEEP_BOUNDS(size);
	if (size < 4 || bpf_xdp_load_bytes(ctx, at + sizeof(*tcp), walk.options, size))
		return 0;
	bpf_loop(MAX_TCP_OPTIONS, lower_mss, &walk, 0);
	tcp = (void *)(long)ctx->data + at;
	if (!walk.difference || (void *)(tcp + 1) > (void *)(long)ctx->data_end ||
	    bpf_xdp_store_bytes(ctx, at + sizeof(*tcp), walk.options, size))
		return 0;
	tcp = (void *)(long)ctx->data + at;
	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end)
		return 0;
	tcp->check = update_sum(tcp->check, walk.difference);
	return 1;
}

/* TC. A checksum that is left to hardware covers what will be there then. All packet pointers are invalid afterwards. */
__noinline int clamp_skb(struct __sk_buff *skb, __u32 l4, __u32 l4_size, __u32 limit)
{
	__u32 size = l4_size - sizeof(struct tcphdr);
	struct mss_walk walk = { .size = size, .limit = limit };

	KEEP_BOUNDS(size);
	if (size > MAX_TCP_OPTIONS)
		return 0;
	KEEP_BOUNDS(size);
	if (size < 4 || bpf_skb_load_bytes(skb, l4 + sizeof(struct tcphdr), walk.options, size))
		return 0;
	bpf_loop(MAX_TCP_OPTIONS, lower_mss, &walk, 0);
	if (!walk.difference || bpf_skb_store_bytes(skb, l4 + sizeof(struct tcphdr), walk.options, size, 0))
		return 0;
	return !bpf_l4_csum_replace(skb, l4 + offsetof(struct tcphdr, check), 0, walk.difference, 0);
}

#endif
