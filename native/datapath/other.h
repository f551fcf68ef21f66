/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Packets of the other address family. The programs that are attached serve IPv4 and hand IPv6 over. */
#ifndef MASQC_OTHER_H
#define MASQC_OTHER_H

#include "family.h"

#if FAMILY == 4
#include "other-4.h"
#else
#include "other-6.h"
#endif

#endif
