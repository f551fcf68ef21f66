/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * A host that floods: SYNs of one source to random addresses of 198.18.0.0/15 (RFC 2544) and random ports, run as live frames,
 * and what takes them off the cable beyond the gateway.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FRAME 60
#define TARGETS 0xc6120000u /* 198.18.0.0/15 */
#define TARGETS_MASK 0xfffe0000u

struct settings {
	__u32 source;      /* host order */
	__u32 pad;
	__u64 random;      /* state of the generator, never 0 */
	__u64 arrived;     /* that the sink has taken */
	__u8 gateway_mac[6], mac[6];
	__u8 pad2[4];
};

/* settings: key 0; written by flood/worker.ts before a run, and by the programs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

static const __u32 zero = 0;

static __always_inline __u16 fold(__u64 sum)
{
	for (int i = 0; i < 4; i++)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* xorshift64 (Marsaglia 2003) */
static __always_inline __u64 draw(struct settings *s)
{
	__u64 r = s->random;

	r ^= r << 13;
	r ^= r >> 7;
	r ^= r << 17;
	return s->random = r;
}

SEC("xdp") int flood(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct settings *s = bpf_map_lookup_elem(&settings, &zero);
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct tcphdr *tcp = (void *)(ip + 1);
	__u64 sum = 0;
	__u64 random;
	int i;

	if (!s || data + FRAME > end)
		return XDP_ABORTED;
	random = draw(s);
	/* Frames come back recycled and rewritten: every byte is written each time. */
	__builtin_memcpy(eth->h_dest, s->gateway_mac, 6);
	__builtin_memcpy(eth->h_source, s->mac, 6);
	eth->h_proto = bpf_htons(ETH_P_IP);
	__builtin_memset(ip, 0, FRAME - sizeof(*eth));
	*(__u8 *)ip = 0x45;
	ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(*tcp));
	ip->ttl = 64;
	ip->protocol = IPPROTO_TCP;
	ip->saddr = bpf_htonl(s->source);
	ip->daddr = bpf_htonl(TARGETS | (random & ~TARGETS_MASK));
	for (i = 0; i < 10; i++)
		sum += ((__u16 *)ip)[i];
	ip->check = ~fold(sum);
	tcp->source = random >> 32;
	tcp->dest = random >> 48 | bpf_htons(1);
	tcp->seq = random;
	*((__u8 *)tcp + 12) = 5 << 4;
	*((__u8 *)tcp + 13) = 2; /* SYN */
	tcp->window = bpf_htons(65535);
	sum = (__u64)ip->saddr + ip->daddr + bpf_htons(IPPROTO_TCP) + bpf_htons(sizeof(*tcp));
	for (i = 0; i < 10; i++)
		sum += ((__u16 *)tcp)[i];
	tcp->check = ~fold(sum);
	return XDP_TX;
}

SEC("xdp.frags") int sink(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct settings *s = bpf_map_lookup_elem(&settings, &zero);
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);

	if (!s || (void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    (bpf_ntohl(ip->daddr) & TARGETS_MASK) != TARGETS)
		return XDP_PASS;
	__sync_fetch_and_add(&s->arrived, 1);
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
