/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernels with forms in wide registers share: is there such a machine, and which of a
 * list of forms, the one with AVX2 last, can this one run.  Thread: any.
 */
#pragma once

#include <stddef.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_X86 1
#else
#define HAVE_X86 0
#endif

/* n: forms in the list.  Returns how many of them, from the first on, this processor can run. */
static inline size_t
berth_x86_count_usable(size_t n)
{
#if HAVE_X86
    if (!__builtin_cpu_supports("avx2")) {
        return n - 1;
    }
#endif
    return n;
}
