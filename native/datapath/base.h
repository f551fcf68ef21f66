/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What every file of the datapath includes: the kernel's UAPI (no vmlinux.h) and a few words of our own. */
#ifndef MASQC_BASE_H
#define MASQC_BASE_H

#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define AF_INET6 10

#define IP_MORE_FRAGMENTS 0x2000
#define IP_DONT_FRAGMENT 0x4000
#define IP_OFFSET 0x1fff
#define VLAN_ID 0xfff /* of a tag */

#define TCP_LISTEN 10 /* bpf_sock.state */

/* RFC 792 (the UAPI header drags in libc). */
#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMP_TIMESTAMP 13
#define ICMP_TIMESTAMPREPLY 14
#define ICMP_ADMIN_PROHIBITED 13 /* code of ICMP_DEST_UNREACH */

/* An IPv6 address, network order. As a number: clang 14 copies a struct that is passed by value byte for byte. */
typedef unsigned __int128 addr6_t __attribute__((aligned(8)));

struct icmphdr {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	struct {
		struct {
			__be16 id;
			__be16 sequence;
		} echo;
	} un;
};

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define READ_ONCE(x) (*(volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))

/*
 * Coarse time: units of 2^26 ns (67.1 ms) of CLOCK_MONOTONIC as of the last tick; 32 bits last nine years. Sixteen
 * units are the "second" (1.07 s) of revalidation.
 */
#define COARSE_SHIFT 26
#define COARSE_SECOND_SHIFT 4
#define COARSE_SECOND (1U << COARSE_SECOND_SHIFT)

static __always_inline __u32 coarse_now(void)
{
	return (__u32)(bpf_ktime_get_coarse_ns() >> COARSE_SHIFT);
}

/*
 * Writes a field of struct __sk_buff. The compiler may keep the address of a field in a register for several places, which the
 * verifier refuses; here the offset is in the instruction.
 */
#define SET_SKB(skb, field, value)                                                                                         \
	asm volatile("*(u32 *)(%[ctx] + %[offset]) = %[to]"                                                                \
		     :                                                                                                     \
		     : [ctx] "r"(skb), [offset] "i"(__builtin_offsetof(struct __sk_buff, field)), [to] "r"((__u32)(value)) \
		     : "memory")

#endif
