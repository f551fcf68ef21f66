/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * `limit NUM ports per source` of a masquerade (RFC 6888 REQ-4: external ports, or identifiers of ICMP, of a subscriber). A
 * mapping with flows is one port, whatever number of flows it has, and knows itself what it is counted for; so a change of
 * the file, or of the table's size, can't forget or give back one twice. What has no mapping is a port for each flow, which
 * its slot notes (HOLD_PORT).
 *
 * A token is the number of the limit, by which `sources` and `meters` know it, and PORT_CROWD where the source had no place
 * in `sources`; 0: nothing is counted. Who takes it out of a mapping, by compare and swap, gives it back or puts it elsewhere.
 */
#ifndef MASQC_HELD_H
#define MASQC_HELD_H

#include "base.h"
#include "limits.h"
#include "mapping.h"

#define PORT_CROWD 0x8000
#define PORT_NUMBER 0x7fff

/* A port less. In one frame: the stack is as deep as it may be where tables move. */
__noinline int give_port(__u32 token, __u64 who)
{
	__u32 number = token & PORT_NUMBER;
	struct meter *m;

	if (!(token & PORT_CROWD))
		return give_back_to(number, who, 0, 1);
	m = bpf_map_lookup_elem(&meters, &number);
	if (m)
		drop_count(&m->crowd_flows);
	return 0;
}

#endif
