/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/host-task-kinds.h"

#include <string.h>

static const BerthHostTaskKind kinds[] = {
    /* Asks a running guest about itself: its answer is the result of the operation. */
    { .kind = "facts" },
};

const BerthHostTaskKind *
berth_host_task_kind_find(const char *kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].kind, kind) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}
