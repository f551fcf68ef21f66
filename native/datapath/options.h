/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What stands between the fixed IP header and what it carries. */
#ifndef MASQC_OPTIONS_H
#define MASQC_OPTIONS_H

#include "family.h"

#if FAMILY == 4
#include "options-4.h"
#else
#include "options-6.h"
#endif

#endif
