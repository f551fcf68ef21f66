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

/*
 * Lowers every MSS option to `limit`. `options` has MAX_TCP_OPTIONS bytes, of which the first `size` are the packet's.
 * Returns the difference for the checksum; 0: nothing was changed.
 */
static __noinline __u32 lower_mss(__u8 *options, __u32 size, __u32 limit)
{
	sum_t difference = 0;
	__u32 at = 0, i;

	for (i = 0; i < MAX_TCP_OPTIONS; i++) {
		__u32 length, mss;

		asm volatile("%0 &= 63" : "+r"(at)); /* one range for the verifier, whatever came before */
		if (at > MAX_TCP_OPTIONS - 4 || at + 4 > size || options[at] == TCPOPT_EOL)
			break;
		if (options[at] == TCPOPT_NOP) {
			at++;
			continue;
		}
		length = options[at + 1];
		if (length < 2 || length > MAX_TCP_OPTIONS)
			break;
		mss = options[at + 2] << 8 | options[at + 3];
		if (options[at] == TCPOPT_MSS && length == 4 && mss > limit) {
			__be16 from = bpf_htons(mss), to = bpf_htons(limit);

			options[at + 2] = limit >> 8;
			options[at + 3] = limit;
			if (at & 1) /* its two bytes belong to two words of the sum */
				difference += replace16(__builtin_bswap16(from), __builtin_bswap16(to));
			else
				difference += replace16(from, to);
		}
		at += length;
	}
	return narrow(difference);
}

/* XDP. */
static __noinline int clamp_frame(struct xdp_md *ctx, __u32 l4, __u32 l4_size, __u32 limit)
{
	__u32 at = l4 & 0xff, size = l4_size - sizeof(struct tcphdr);
	__u8 options[MAX_TCP_OPTIONS] = {};
	struct tcphdr *tcp;
	__u32 difference;

	if (!size || size > MAX_TCP_OPTIONS || bpf_xdp_load_bytes(ctx, at + sizeof(*tcp), options, size))
		return 0;
	difference = lower_mss(options, size, limit);
	tcp = (void *)(long)ctx->data + at;
	if (!difference || (void *)(tcp + 1) > (void *)(long)ctx->data_end ||
	    bpf_xdp_store_bytes(ctx, at + sizeof(*tcp), options, size))
		return 0;
	tcp = (void *)(long)ctx->data + at;
	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end)
		return 0;
	tcp->check = update_sum(tcp->check, difference);
	return 1;
}

/* TC. A checksum that is left to hardware covers what will be there then. All packet pointers are invalid afterwards. */
static __noinline int clamp_skb(struct __sk_buff *skb, __u32 l4, __u32 l4_size, __u32 limit)
{
	__u32 size = l4_size - sizeof(struct tcphdr);
	__u8 options[MAX_TCP_OPTIONS] = {};
	__u32 difference;

	if (!size || size > MAX_TCP_OPTIONS || bpf_skb_load_bytes(skb, l4 + sizeof(struct tcphdr), options, size))
		return 0;
	difference = lower_mss(options, size, limit);
	if (!difference || bpf_skb_store_bytes(skb, l4 + sizeof(struct tcphdr), options, size, 0))
		return 0;
	return !bpf_l4_csum_replace(skb, l4 + offsetof(struct tcphdr, check), 0, difference, 0);
}

#endif
