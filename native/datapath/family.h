/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * The address family that this object is compiled for (-DFAMILY=4 or 6). Both objects are made from one source: what a
 * packet looks like differs (files that end in -4.h and -6.h), what becomes of it does not. So:
 *
 * - addresses are addr_t, passed by value, compared with same_address and is_zero, cleared with NO_ADDRESS;
 * - maps that hold addresses or flows are MAP(flows): flows4 in one object, flows6 in the other. `control`, `interfaces`,
 *   `seats` and `drops` serve both;
 * - what a flow's packets become is asked from target.h, as a struct flow_key: an entry of flows6 does not hold addresses;
 * - IP_ICMP is ICMP or ICMPv6, IP_HEADER the size of the fixed header, AF the family of a route;
 * - #if FAMILY stands in this file and in what includes the files of a family, nowhere else.
 */
#ifndef MASQC_FAMILY_H
#define MASQC_FAMILY_H

#include "base.h"

#ifndef FAMILY
#error "compile with -DFAMILY=4 or -DFAMILY=6"
#endif

#define JOIN_AS_IS(a, b) a##b
#define JOIN(a, b) JOIN_AS_IS(a, b)
/* The family's map of this name. */
#define MAP(name) JOIN(name, FAMILY)

#if FAMILY == 4
#include "family-4.h"
#else
#include "family-6.h"
#endif

#define NO_ADDRESS ((addr_t){ 0 })

#endif
