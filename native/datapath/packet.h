/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * The contract between the datapath (C) and the policy (eBPF that the TypeScript compiler writes): one struct that
 * describes the packet that starts a connection, two questions, and the answers. The compiler reads this layout from
 * the BTF of the datapath objects and never writes it down again.
 *
 * Addresses and ports are in HOST byte order here, so that the generated comparisons are plain integers.
 */
#ifndef MASQC_PACKET_H
#define MASQC_PACKET_H

#include <linux/types.h>

/* Ids of interfaces: 1.. in the order of the file; the ends of the range mean: */
#define MASQC_SELF 0        /* the gateway itself */
#define MASQC_NOWHERE 255   /* an undeclared interface; as `own`: a local address that no declared interface has */

enum masqc_verdict {
	MASQC_CONTINUE = 0, /* ingress only: no line owns this packet yet, go on to routing and `forward` */
	MASQC_ALLOW = 1,
	MASQC_DENY = 2,     /* dropped silently, `rule` says by what */
	MASQC_REJECT = 3,   /* answered: TCP by RST, the rest by ICMP 3/13 */
	MASQC_REDIRECT = 4, /* ingress only: the destination becomes to_addr:to_port; no policy is asked */
	MASQC_FORGED = 5,   /* ingress only: the source belongs to another interface */
	MASQC_UNTRANSLATED = 6, /* forward only: let in, but a private source would leave a masqueraded interface as it is */
	MASQC_MAP = 7,      /* ingress only: the destination moves to the prefix in to_addr; the policy is asked about that */
};

/* RFC 4787 sections 4.1 and 5: what a mapping, or the door that it opens, depends on. */
enum masqc_dependence {
	MASQC_ADDRESS_AND_PORT = 0,
	MASQC_ADDRESS = 1,
	MASQC_ENDPOINT_INDEPENDENT = 2,
};

/* What becomes of a source. */
enum masqc_translation {
	MASQC_POOL = 0,     /* one of many behind nat_addr: a port of port_first..port_last, the ICMP identifier as it is */
	MASQC_BLOCK = 1,    /* the same, but the ports are this source's own: an ICMP identifier is one of them, too */
	MASQC_PREFIX = 2,   /* it moves to the prefix nat_addr; ports and identifiers stay */
};

/* What a masquerade does otherwise than by default, as bits. */
enum masqc_habit {
	MASQC_RANDOM = 1,   /* a new outside port is drawn, not derived from the source's (RFC 6056) */
	MASQC_OUTBOUND = 2, /* only what the inside sends keeps a flow and its mapping alive (RFC 4787 section 4.3) */
};

struct masqc_packet {
	/* What arrived. Written by the datapath. */
	__u32 saddr[4];     /* IPv4: [0]; IPv6: [0] holds the first 32 bits */
	__u32 daddr[4];     /* after a redirect: the target's, when `forward` is asked */
	__u16 sport;        /* TCP, UDP, SCTP; ICMP: the identifier; else 0 */
	__u16 dport;        /* TCP, UDP, SCTP; ICMP: type << 8 | code; else 0 */
	__u8 family;        /* 4 or 6 */
	__u8 protocol;      /* IPPROTO_* */
	__u8 in;            /* interface it came in by; MASQC_SELF: the gateway sends it */
	__u8 out;           /* interface it leaves by (known to `forward` only); MASQC_SELF: it is for the gateway */
	__u8 own;           /* the interface whose own address daddr is; 0: none; MASQC_NOWHERE: another local address */
	__u8 pad[3];

	/* What the policy answers. Zeroed by the datapath before each question. */
	__u8 verdict;       /* enum masqc_verdict */
	__u8 log;           /* 1: the deciding line says `log` */
	__u16 rule;         /* the line that decided (rule ids of the manifest), 0: none */
	__u16 nat;          /* forward: the masquerade or map that applies (a rule id), 0: none */
	__u16 to_port;      /* MASQC_REDIRECT; for protocols with ports */
	__u32 to_addr[4];   /* MASQC_REDIRECT: the target; MASQC_MAP: the inside prefix */
	__u32 nat_addr[4];  /* forward, nat != 0: the outside address, or prefix; 0: the address of `out` itself */
	__u16 port_first;   /* forward, nat != 0: the pool of outside ports first..last */
	__u16 port_last;
	__u8 mapping;       /* forward, nat != 0: MASQC_ADDRESS_AND_PORT or MASQC_ENDPOINT_INDEPENDENT */
	__u8 filtering;     /* forward, nat != 0: enum masqc_dependence, whom an endpoint-independent mapping lets in */
	__u8 translation;   /* forward, nat != 0: enum masqc_translation */
	__u8 prefix;        /* MASQC_MAP, MASQC_PREFIX: length of the prefix */
	__u16 adjust;       /* the same, IPv6: what a word is raised by, in ones' complement (RFC 6296 section 3.1), host order */
	__u8 side;          /* MASQC_MAP: an interface of the map */
	__u8 habits;        /* forward, nat != 0: enum masqc_habit */
	/* The policy's own, from `ingress` on: which prefixes of the machine it goes by (compiler/ebpf/tables.ts). */
	__u32 view;
};

/*
 * The two functions of a policy object. Both are BTF global functions; both check `packet` for NULL and return 0.
 *
 * ingress: before routing, for every new connection, with `in` (MASQC_SELF for the gateway's own). Forged sources,
 * the gateway's own deny and reject lines, redirects, then maps. `out` is unset.
 * forward: after routing, for what ingress let CONTINUE, and after MASQC_MAP with the inside destination: the policy of
 * (in, out), then the map or masquerade; also asked after
 * MASQC_REDIRECT with verdict preset to MASQC_ALLOW, in order to learn nothing but `nat` or MASQC_UNTRANSLATED (it leaves
 * verdict alone else; the datapath keeps the redirect's rule, and itself translates a client that shares an interface
 * with the target).
 */
int masqc_policy_ingress(struct masqc_packet *packet);
int masqc_policy_forward(struct masqc_packet *packet);

#endif
