/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Looking for a port of a pool: from a random start, one probe a step, past the sockets of the gateway itself. */
#ifndef MASQC_PROBE_H
#define MASQC_PROBE_H

#include "base.h"
#include "ports.h"
#include "work.h"

/* A socket of the gateway that would get packets from the peer to this outside port. */
static __always_inline bool is_port_ours(void *ctx, const struct flow_key *reply)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sock;

	fill_sock_tuple(&tuple, reply->saddr, reply->daddr, reply->sport, reply->dport);
	if (reply->protocol == IPPROTO_TCP)
		sock = bpf_skc_lookup_tcp(ctx, &tuple, SOCK_TUPLE, BPF_F_CURRENT_NETNS, 0);
	else if (reply->protocol == IPPROTO_UDP)
		sock = bpf_sk_lookup_udp(ctx, &tuple, SOCK_TUPLE, BPF_F_CURRENT_NETNS, 0);
	else
		return false;
	if (!sock)
		return false;
	bpf_sk_release(sock);
	return true;
}

/* A search for a free port of a pool from a random start, one probe a step. */
struct port_search {
	void *ctx;
	struct work *w;
	struct pool pool;
	__u32 wanted;
	__u32 start;
	bool found;
};

#endif
