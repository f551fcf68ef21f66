// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
/*
 * Asks the policy about the packets' descriptions that a test run's data holds: PER_RUN structs, each answered in
 * place. Stands for the datapath's miss path in the tests of the generated functions.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "packet.h"

#define PER_RUN 32

int masqc_policy_ingress(struct masqc_packet *packet);
int masqc_policy_forward(struct masqc_packet *packet);

static __always_inline int ask_all(struct xdp_md *ctx, int (*ask)(struct masqc_packet *))
{
	for (__u32 i = 0; i < PER_RUN; i++) {
		struct masqc_packet packet;

		if (bpf_xdp_load_bytes(ctx, i * sizeof(packet), &packet, sizeof(packet)))
			return XDP_ABORTED;
		ask(&packet);
		if (bpf_xdp_store_bytes(ctx, i * sizeof(packet), &packet, sizeof(packet)))
			return XDP_ABORTED;
	}
	return XDP_PASS;
}

SEC("xdp")
int ask_ingress(struct xdp_md *ctx)
{
	return ask_all(ctx, masqc_policy_ingress);
}

SEC("xdp")
int ask_forward(struct xdp_md *ctx)
{
	return ask_all(ctx, masqc_policy_forward);
}

char _license[] SEC("license") = "Dual MIT/GPL";
