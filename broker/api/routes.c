/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/router.h"

static const struct {
    const BerthRoute *routes;
    const size_t *n_routes;
} areas[] = {
    { berth_routes_core, &berth_n_routes_core },
    { berth_routes_depot, &berth_n_routes_depot },
    { berth_routes_edit, &berth_n_routes_edit },
    { berth_routes_policies, &berth_n_routes_policies },
    { berth_routes_images, &berth_n_routes_images },
    { berth_routes_pools, &berth_n_routes_pools },
    { berth_routes_disks, &berth_n_routes_disks },
    { berth_routes_backups, &berth_n_routes_backups },
    { berth_routes_rollouts, &berth_n_routes_rollouts },
    { berth_routes_people, &berth_n_routes_people },
    { berth_routes_site, &berth_n_routes_site },
};

const BerthRoute *
berth_route_get(size_t number)
{
    for (size_t i = 0; i < G_N_ELEMENTS(areas); i++) {
        if (number < *areas[i].n_routes) {
            return &areas[i].routes[number];
        }
        number -= *areas[i].n_routes;
    }
    return NULL;
}
