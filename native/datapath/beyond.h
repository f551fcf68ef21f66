/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What no rule may forbid, or the network stops working: the gateway's own DHCP, multicast membership, and of IPv6 discovery. */
#ifndef MASQC_BEYOND_H
#define MASQC_BEYOND_H

#include "family.h"

#if FAMILY == 4
#include "beyond-4.h"
#else
#include "beyond-6.h"
#endif

#endif
