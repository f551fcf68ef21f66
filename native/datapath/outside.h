/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The outside addresses of a masquerade, in the policy's answer. */
#ifndef MASQC_OUTSIDE_H
#define MASQC_OUTSIDE_H

#include "family.h"
#include "packet.h"

#if FAMILY == 4
#include "outside-4.h"
#else
#include "outside-6.h"
#endif

#endif
