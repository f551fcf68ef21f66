/* SPDX-License-Identifier: MIT */
/* What leak-loop.ts loads over and over: one of everything that the addon handles. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct value {
	__u64 packets;
	__u64 bytes;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct value);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

const volatile __u32 verdict = XDP_PASS;
__u64 total;

SEC("xdp")
int count(struct xdp_md *ctx)
{
	__u32 key = ctx->rx_queue_index;
	struct value fresh = { 1, ctx->data_end - ctx->data };

	bpf_map_update_elem(&seen, &key, &fresh, BPF_ANY);
	bpf_ringbuf_output(&events, &fresh, sizeof(fresh), 0);
	total++;
	return verdict;
}

/* Refused by the verifier: the value may be NULL. */
SEC("?xdp")
int careless(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct value *value = bpf_map_lookup_elem(&seen, &key);

	return value->packets;
}

char LICENSE[] SEC("license") = "GPL";
