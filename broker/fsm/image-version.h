/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of one version of an image.
 *
 * draft: being made; sealing: its bytes are hashed; sealed: they never change again; available:
 * hosts may run it; retired: no new machines from it, kept to roll back to.
 */
#pragma once

#include "base/fsm.h"

#define BERTH_IMAGE_VERSION_STATES(X) \
    X(DRAFT, "draft")                 \
    X(SEALING, "sealing")             \
    X(SEALED, "sealed")               \
    X(AVAILABLE, "available")         \
    X(FAILED, "failed")               \
    X(RETIRED, "retired")             \
    X(DELETING, "deleting")           \
    X(DELETED, "deleted")

#define BERTH_IMAGE_VERSION_EVENTS(X) \
    X(SEAL, "seal")                   \
    X(SEAL_DONE, "seal-done")         \
    X(SEAL_FAILED, "seal-failed")     \
    X(RELEASE, "release")             \
    X(RETIRE, "retire")               \
    X(REVIVE, "revive")               \
    X(RETRY, "retry")                 \
    X(DELETE, "delete")               \
    X(GONE, "gone")                   \
    X(TIMEOUT, "timeout")

typedef enum {
#define BERTH_IMAGE_VERSION_STATE(name, text) BERTH_IMAGE_VERSION_##name,
    BERTH_IMAGE_VERSION_STATES(BERTH_IMAGE_VERSION_STATE)
#undef BERTH_IMAGE_VERSION_STATE
    BERTH_N_IMAGE_VERSION_STATES
} BerthImageVersionState;

typedef enum {
#define BERTH_IMAGE_VERSION_EVENT(name, text) BERTH_IMAGE_VERSION_EVENT_##name,
    BERTH_IMAGE_VERSION_EVENTS(BERTH_IMAGE_VERSION_EVENT)
#undef BERTH_IMAGE_VERSION_EVENT
    BERTH_N_IMAGE_VERSION_EVENTS
} BerthImageVersionEvent;

extern const BerthFsmTable berth_image_version_fsm;
