/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/fsm/image-version.h"

#define STATE_NAME(name, text) [BERTH_IMAGE_VERSION_##name] = (text),
#define EVENT_NAME(name, text) [BERTH_IMAGE_VERSION_EVENT_##name] = (text),
#define ROW(from, event, to)                                                                       \
    {                                                                                              \
        BERTH_IMAGE_VERSION_##from, BERTH_IMAGE_VERSION_EVENT_##event, BERTH_IMAGE_VERSION_##to, 0 \
    }

static const char *const states[] = { BERTH_IMAGE_VERSION_STATES(STATE_NAME) };
static const char *const events[] = { BERTH_IMAGE_VERSION_EVENTS(EVENT_NAME) };

static const BerthFsmRow rows[] = {
    ROW(DRAFT, SEAL, SEALING),       ROW(DRAFT, DELETE, DELETING),

    ROW(SEALING, SEAL_DONE, SEALED), ROW(SEALING, SEAL_FAILED, FAILED),
    ROW(SEALING, TIMEOUT, FAILED),

    ROW(SEALED, RELEASE, AVAILABLE), ROW(SEALED, RETIRE, RETIRED),

    ROW(AVAILABLE, RETIRE, RETIRED),

    ROW(FAILED, RETRY, DRAFT),       ROW(FAILED, DELETE, DELETING),

    ROW(RETIRED, REVIVE, AVAILABLE), ROW(RETIRED, DELETE, DELETING),

    ROW(DELETING, GONE, DELETED),    ROW(DELETING, TIMEOUT, DELETING),
};

const BerthFsmTable berth_image_version_fsm = {
    .name = "image-version",
    .states = states,
    .n_states = G_N_ELEMENTS(states),
    .events = events,
    .n_events = G_N_ELEMENTS(events),
    .rows = rows,
    .n_rows = G_N_ELEMENTS(rows),
};
