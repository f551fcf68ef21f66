/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* other.h for the programs that IPv6 is handed to: nothing else comes here. */
#ifndef MASQC_OTHER_6_H
#define MASQC_OTHER_6_H

#include "base.h"

static __always_inline int hand_over_frame(struct xdp_md *ctx)
{
	return XDP_PASS;
}

static __always_inline int hand_over_in(struct __sk_buff *skb, __u32 l3)
{
	return TC_ACT_UNSPEC;
}

static __always_inline int hand_over_out(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

#endif
