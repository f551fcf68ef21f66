// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
/*
 * A policy by hand, in place of a generated one, so that the datapath can be tested alone. Interfaces: 1 lan, 2 wan,
 * 3 dmz.
 *   ingress: sources 192.168.1.0/24 not on lan: forged; tcp to wan's own :80 redirected to target:8080; anything to
 *            192.0.2.66 denied, to 192.0.2.67 rejected.
 *            With `rejects`, else denied becomes else rejected.
 *   The same for IPv6: lan is 2001:db8:1::/64, denied 2001:db8:80::66, rejected ::67, the target 2001:db8:1::20; the
 *            masquerade only with nat6; wan -> lan tcp 443 allowed.
 *   forward: lan -> wan allowed with masquerade (own address, pool); lan -> dmz and lan -> lan to port 9999 allowed; lan -> self allowed but tcp 23
 *            rejected; wan -> self icmp allowed; else denied.
 */
#include "../../native/datapath/base.h"
#include "../../native/datapath/packet.h"

const volatile __u32 target = 0xc0a80114;     /* 192.168.1.20 */
const volatile __u32 target_port = 8080;
const volatile __u32 nat_addr = 0;            /* 0: the interface's own */
const volatile __u32 translation = 0;         /* enum masqc_translation; 2: all of 192.168.1.0/24 */
const volatile __u32 map_prefix = 0;          /* 192.168.1.0/24 appears as this /24 beyond wan */
const volatile __u32 pool_first = 1024;
const volatile __u32 pool_last = 32767;
const volatile __u32 nat6 = 0;                /* 1: IPv6 from lan to wan is masqueraded */
const volatile __u32 closed_port = 0;         /* of any protocol, from lan to wan: denied */
const volatile __u32 closed_self = 0;         /* 1: to the gateway from lan: denied */
const volatile __u32 rejects = 0;             /* 1: what is not allowed is rejected */
const volatile __u32 mapping = 0;             /* enum masqc_dependence */
const volatile __u32 filtering = 0;
const volatile __u32 habits = 0;              /* enum masqc_habit */

enum { LAN = 1, WAN = 2, DMZ = 3 };
enum { RULE_FORGED = 1, RULE_REDIRECT = 2, RULE_DENY = 3, RULE_REJECT = 4, RULE_LAN = 5, RULE_SELF = 6, RULE_DEFAULT = 7, NAT = 8 };

static __always_inline int answer(struct masqc_packet *p, __u8 verdict, __u16 rule)
{
	p->verdict = verdict;
	p->rule = rule;
	return 0;
}

static __always_inline int ingress6(struct masqc_packet *p)
{
	bool far = p->daddr[0] == 0x20010db8 && p->daddr[1] == 0x00800000 && !p->daddr[2];

	if (p->in != LAN && p->in != MASQC_SELF && p->saddr[0] == 0x20010db8 && p->saddr[1] == 0x00010000)
		return answer(p, MASQC_FORGED, RULE_FORGED);
	if (far && p->daddr[3] == 0x66)
		return answer(p, MASQC_DENY, RULE_DENY);
	if (far && p->daddr[3] == 0x67)
		return answer(p, MASQC_REJECT, RULE_REJECT);
	if (p->own == WAN && p->protocol == IPPROTO_TCP && p->dport == 80 && p->in != MASQC_SELF) {
		p->to_addr[0] = 0x20010db8;
		p->to_addr[1] = 0x00010000;
		p->to_addr[3] = 0x20;
		p->to_port = target_port;
		return answer(p, MASQC_REDIRECT, RULE_REDIRECT);
	}
	return 0;
}

__attribute__((noinline)) int masqc_policy_ingress(struct masqc_packet *p)
{
	if (!p)
		return 0;
	if (p->family == 6)
		return ingress6(p);
	if (p->in != LAN && p->in != MASQC_SELF && (p->saddr[0] & 0xffffff00) == 0xc0a80100)
		return answer(p, MASQC_FORGED, RULE_FORGED);
	if (p->daddr[0] == 0xc0000242)
		return answer(p, MASQC_DENY, RULE_DENY);
	if (p->daddr[0] == 0xc0000243)
		return answer(p, MASQC_REJECT, RULE_REJECT);
	if (p->own == WAN && p->protocol == IPPROTO_TCP && p->dport == 80 && p->in != MASQC_SELF) {
		p->to_addr[0] = target;
		p->to_port = target_port;
		return answer(p, MASQC_REDIRECT, RULE_REDIRECT);
	}
	return 0;
}

__attribute__((noinline)) int masqc_policy_forward(struct masqc_packet *p)
{
	if (!p)
		return 0;
	if (p->in == LAN && p->out == WAN && (p->family == 4 || nat6)) {
		p->nat = NAT;
		p->nat_addr[0] = nat_addr;
		p->translation = translation;
		p->prefix = 24;
		p->port_first = pool_first;
		p->port_last = pool_last;
		p->mapping = mapping;
		p->filtering = filtering;
		p->habits = habits;
	}
	if (p->verdict == MASQC_ALLOW)
		return 0;
	if (closed_port && p->in == LAN && p->out == WAN && p->dport == closed_port)
		return answer(p, MASQC_DENY, RULE_DEFAULT);
	if (closed_self && p->in == LAN && p->out == MASQC_SELF)
		return answer(p, MASQC_DENY, RULE_DEFAULT);
	if (p->in == LAN && (p->out == WAN || p->out == DMZ || (p->out == LAN && p->dport == 9999)))
		return answer(p, MASQC_ALLOW, RULE_LAN);
	if (p->in == LAN && p->out == MASQC_SELF && p->protocol == IPPROTO_TCP && p->dport == 23)
		return answer(p, MASQC_REJECT, RULE_REJECT);
	if (p->in == LAN && p->out == MASQC_SELF)
		return answer(p, MASQC_ALLOW, RULE_SELF);
	if (p->family == 6 && p->in == WAN && p->out == LAN && p->protocol == IPPROTO_TCP && p->dport == 443)
		return answer(p, MASQC_ALLOW, RULE_LAN);
	if (p->in == WAN && p->out == MASQC_SELF && p->protocol == (p->family == 4 ? IPPROTO_ICMP : 58))
		return answer(p, MASQC_ALLOW, RULE_SELF);
	return answer(p, rejects ? MASQC_REJECT : MASQC_DENY, RULE_DEFAULT);
}

char _license[] SEC("license") = "Dual MIT/GPL";
