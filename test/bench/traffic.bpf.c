/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * What the bench drives a gateway with: a generator of 64-byte UDP packets (run as live frames, so that they reach the
 * gateway as a native XDP driver's would), two sinks that count, and bare translating programs that do nothing but a
 * look-up and a rewrite: the floor below which no gateway can get.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define FRAME 64
#define LAN_HOST0 0xC0A8010Au /* 192.168.1.10 */
#define WAN_HOST0 0xCB00710Au /* 203.0.113.10 */
#define HOSTS 200u
#define PORT0 1024u
#define PORTS 60000u
#define SERVICE 9000

/* Shared with bench.ts through the map's BTF. */
struct settings {
	__u32 flows;       /* flow numbers are 0..flows-1 */
	__u32 step;        /* from one packet's flow to the next one's */
	__u32 next;        /* the flow of the next packet */
	__u32 reflect;     /* 1: the outer sink sends packets back, so that every flow is answered */
	__u32 wan_ifindex; /* of the bare programs */
	__u32 outside;     /* gateway's outside address, host order */
	__u32 interval;    /* ns from one packet to the next, each with the time in it; 0: as fast as they go, without */
	__u32 made;        /* packets with the time in them so far */
	__u32 partial;     /* 1: checksums as CHECKSUM_PARTIAL leaves them, for hardware to end */
	__u32 lan_ifindex;
	__u64 due;         /* when the next packets leave */
	__u8 gateway_mac[6], lan_mac[6]; /* of generated frames */
	__u8 next_hop[12]; /* Ethernet addresses that the bare programs write */
};
struct counts {
	__u64 packets;
	__u64 translated;  /* with the gateway's outside address */
	__u64 bad_checksum;
};
struct flow {
	__u32 saddr, daddr;
	__u16 sport, dport;
};
struct bare_value {
	__u32 saddr;
	__u16 sport, pad;
	__u64 last, packets, bytes;
};
#define ONE(name_, type_)                                                                                             \
	struct {                                                                                                      \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                                     \
		__uint(max_entries, 1);                                                                               \
		__type(key, __u32);                                                                                   \
		__type(value, type_);                                                                                 \
	} name_ SEC(".maps")
ONE(settings, struct settings);
ONE(outer, struct counts);
ONE(inner, struct counts);

/* latency: key is a time from generator to sink in units of 50 ns, the last one for all above; the value counts packets. */
#define LATENCY_UNIT 50
#define LATENCIES 8192
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LATENCIES);
	__type(key, __u32);
	__type(value, __u64);
} latency SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct flow);
	__type(value, struct bare_value);
} bare_flows SEC(".maps");

static const __u32 zero = 0;

static __always_inline __u16 fold(__u64 sum)
{
	for (int i = 0; i < 4; i++)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The tuple of a flow number; (sport, daddr) is unique, so that any translator can keep the source port. */
static __always_inline void flow_tuple(__u32 number, struct flow *f)
{
	f->saddr = bpf_htonl(LAN_HOST0 + number % HOSTS);
	f->daddr = bpf_htonl(WAN_HOST0 + number / PORTS % HOSTS);
	f->sport = bpf_htons(PORT0 + number % PORTS);
	f->dport = bpf_htons(SERVICE);
}

#define BURST 8 /* frames that one call of the test run makes together */

/* Busy, and bounded: at most about a millisecond. */
static long wait_until(__u32 i, __u64 *due)
{
	return bpf_ktime_get_ns() >= *due;
}

static __always_inline void keep_pace(struct settings *s)
{
	__u64 due = s->due, now = bpf_ktime_get_ns();

	if (s->made++ % BURST)
		return;
	if (due + 1000000 < now) /* far behind, or the first */
		due = now;
	bpf_loop(1 << 15, wait_until, &due, 0);
	s->due = due + BURST * s->interval;
}

SEC("xdp") int generate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct settings *s = bpf_map_lookup_elem(&settings, &zero);
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct udphdr *udp = (void *)(ip + 1);
	__u64 *payload = (void *)(udp + 1);
	const __u16 udp_len = bpf_htons(FRAME - sizeof(*eth) - sizeof(*ip));
	struct flow f;

	if (!s)
		return XDP_ABORTED;
	if (s->interval)
		keep_pace(s);
	if (data + FRAME > end)
		return XDP_ABORTED;
	flow_tuple(s->next, &f);
	s->next += s->step;
	if (s->next >= s->flows)
		s->next -= s->flows;

	/* Frames come back recycled and rewritten: every byte is written each time. */
	__builtin_memcpy(eth->h_dest, s->gateway_mac, 6);
	__builtin_memcpy(eth->h_source, s->lan_mac, 6);
	eth->h_proto = bpf_htons(ETH_P_IP);
	*(__u8 *)ip = 0x45;
	ip->tos = 0;
	ip->tot_len = bpf_htons(FRAME - sizeof(*eth));
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000);
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	ip->saddr = f.saddr;
	ip->daddr = f.daddr;
	ip->check = ~fold((__u64)f.saddr + f.daddr + bpf_htons(0x4500) + ip->tot_len + bpf_htons(0x4000) +
			  bpf_htons(64 << 8 | IPPROTO_UDP));
	udp->source = f.sport;
	udp->dest = f.dport;
	udp->len = udp_len;
	payload[0] = payload[1] = 0;
	*(__u32 *)(payload + 2) = 0;
	*(__u16 *)((void *)(payload + 2) + 4) = 0;
	__u64 stamp = s->interval ? bpf_ktime_get_ns() : 0;
	payload[0] = stamp;
	__u16 sum = ~fold((__u64)f.saddr + f.daddr + bpf_htons(IPPROTO_UDP) + 2 * udp_len + f.sport + f.dport +
			  (stamp & 0xffffffff) + (stamp >> 32));
	udp->check = sum ? sum : 0xffff;
	if (s->partial)
		udp->check = fold((__u64)f.saddr + f.daddr + bpf_htons(IPPROTO_UDP) + udp_len);
	return XDP_TX;
}

static __always_inline int sums_are_right(struct iphdr *ip)
{
	__u16 *word = (void *)ip;
	__u64 header = 0, segment = bpf_htons(IPPROTO_UDP);

#pragma unroll
	for (int i = 0; i < 10; i++)
		header += word[i];
#pragma unroll
	for (int i = 6; i < (FRAME - 14) / 2; i++)
		segment += word[i];
	return fold(header) == 0xffff && fold(segment + word[12]) == 0xffff;
}

static __always_inline void note_latency(__u64 stamp)
{
	__u32 unit = (bpf_ktime_get_ns() - stamp) / LATENCY_UNIT;
	__u64 *count;

	if (unit >= LATENCIES)
		unit = LATENCIES - 1;
	count = bpf_map_lookup_elem(&latency, &unit);
	if (count)
		++*count;
}

static __always_inline int sink(struct xdp_md *ctx, int is_outer)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct counts *c = is_outer ? bpf_map_lookup_elem(&outer, &zero) : bpf_map_lookup_elem(&inner, &zero);
	struct settings *s = bpf_map_lookup_elem(&settings, &zero);
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct udphdr *udp = (void *)(ip + 1);
	__u8 mac[6];

	if (!c || !s || data + FRAME > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	if ((is_outer ? udp->dest : udp->source) != bpf_htons(SERVICE))
		return XDP_PASS;
	c->packets++;
	if (is_outer && s->interval)
		note_latency(*(__u64 *)(udp + 1));
	if (is_outer && ip->saddr == bpf_htonl(s->outside))
		c->translated++;
	if (!s->reflect)
		return XDP_DROP;
	if (!sums_are_right(ip))
		c->bad_checksum++;
	if (!is_outer)
		return XDP_DROP;
	__builtin_memcpy(mac, eth->h_dest, 6);
	__builtin_memcpy(eth->h_dest, eth->h_source, 6);
	__builtin_memcpy(eth->h_source, mac, 6);
	__u32 address = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = address;
	__u16 port = udp->source;
	udp->source = udp->dest;
	udp->dest = port;
	/* Not XDP_TX: veth flushes that only towards a peer with an XDP program. */
	return bpf_redirect(ctx->ingress_ifindex, 0);
}
SEC("xdp.frags") int sink_outer(struct xdp_md *ctx) { return sink(ctx, 1); }
SEC("xdp.frags") int sink_inner(struct xdp_md *ctx) { return sink(ctx, 0); }
SEC("xdp") int drop(struct xdp_md *ctx) { return XDP_DROP; }

/* Look-up, rewrite of source, TTL and both checksums. Returns 0 when the packet was translated. */
static __always_inline int translate(void *data, void *end, struct settings *s, int create)
{
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct udphdr *udp = (void *)(ip + 1);

	if ((void *)(udp + 1) > end || ((struct ethhdr *)data)->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_UDP || ip->frag_off & bpf_htons(0x3fff) || ip->ttl < 2)
		return -1;
	struct flow key = { ip->saddr, ip->daddr, udp->source, udp->dest };
	struct bare_value *v = bpf_map_lookup_elem(&bare_flows, &key);
	if (!v && create) { /* the two entries of a new flow, and nothing more */
		struct bare_value there = { .saddr = bpf_htonl(s->outside), .sport = key.sport };
		struct bare_value back = { .saddr = key.saddr, .sport = key.sport };
		struct flow reply = { key.daddr, there.saddr, key.dport, key.sport };
		if (bpf_map_update_elem(&bare_flows, &reply, &back, BPF_NOEXIST) ||
		    bpf_map_update_elem(&bare_flows, &key, &there, BPF_NOEXIST))
			return -1;
		v = bpf_map_lookup_elem(&bare_flows, &key);
	}
	if (!v)
		return -1;
	v->last = bpf_ktime_get_coarse_ns();
	v->packets++;
	v->bytes += end - data;
	__u64 change = (__u64)(__u32)~ip->saddr + v->saddr;
	ip->check = ~fold((__u16)~ip->check + change + (__u16)~bpf_htons(0x0100));
	ip->ttl--;
	if (udp->check) {
		__u16 sum = ~fold((__u16)~udp->check + change + (__u16)~udp->source + v->sport);
		udp->check = sum ? sum : 0xffff;
	}
	ip->saddr = v->saddr;
	udp->source = v->sport;
	return 0;
}

static __always_inline int bare_xdp(struct xdp_md *ctx, int create, int fib)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct settings *s = bpf_map_lookup_elem(&settings, &zero);

	if (!s || translate(data, end, s, create))
		return XDP_PASS;
	if (data + sizeof(struct ethhdr) + sizeof(struct iphdr) > end)
		return XDP_PASS;
	if (fib) {
		struct iphdr *ip = data + sizeof(struct ethhdr);
		struct bpf_fib_lookup look = { .family = AF_INET, .l4_protocol = ip->protocol, .ipv4_src = ip->saddr,
			.ipv4_dst = ip->daddr, .tot_len = bpf_ntohs(ip->tot_len), .ifindex = ctx->ingress_ifindex };
		if (bpf_fib_lookup(ctx, &look, sizeof(look), 0))
			return XDP_PASS;
		__builtin_memcpy(data, look.dmac, 6);
		__builtin_memcpy(data + 6, look.smac, 6);
	} else {
		__builtin_memcpy(data, s->next_hop, 12);
	}
	return bpf_redirect(s->wan_ifindex, 0);
}
SEC("xdp") int bare_kept(struct xdp_md *ctx) { return bare_xdp(ctx, 0, 0); }
SEC("xdp") int bare_fib(struct xdp_md *ctx) { return bare_xdp(ctx, 0, 1); }
SEC("xdp") int bare_first(struct xdp_md *ctx) { return bare_xdp(ctx, 1, 1); }

/* No look-up and no translation: what it takes to hand a frame from one side to the other. */
SEC("xdp") int bare_cable(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct settings *s = bpf_map_lookup_elem(&settings, &zero);
	struct ethhdr *eth = data;

	if (!s || data + sizeof(*eth) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (ctx->ingress_ifindex == s->lan_ifindex) {
		__builtin_memcpy(data, s->next_hop, 12);
		return bpf_redirect(s->wan_ifindex, 0);
	}
	__builtin_memcpy(eth->h_dest, s->lan_mac, 6);
	__builtin_memcpy(eth->h_source, s->gateway_mac, 6);
	return bpf_redirect(s->lan_ifindex, 0);
}

SEC("tc") int bare_tc(struct __sk_buff *skb)
{
	struct settings *s = bpf_map_lookup_elem(&settings, &zero);

	if (!s || bpf_skb_pull_data(skb, sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct udphdr)) ||
	    translate((void *)(long)skb->data, (void *)(long)skb->data_end, s, 0))
		return TC_ACT_OK;
	return bpf_redirect_neigh(s->wan_ifindex, 0, 0, 0);
}

char _license[] SEC("license") = "Dual MIT/GPL";
