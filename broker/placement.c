/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/placement.h"

int
berth_place(const BerthPlaceHost *hosts, size_t n_hosts, int64_t memory_mib)
{
    int best = -1;
    int64_t best_free_mib = 0;
    for (size_t i = 0; i < n_hosts; i++) {
        int64_t free_mib = hosts[i].memory_limit_mib - hosts[i].memory_reserved_mib;
        if (hosts[i].state != BERTH_HOST_UP || free_mib < memory_mib) {
            continue;
        }
        if (best < 0 || free_mib > best_free_mib) {
            best = (int)i;
            best_free_mib = free_mib;
        }
    }
    return best;
}
