/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/version-choice.h"

const char *
berth_version_wanted(const BerthVersionFacts *facts)
{
    if (!facts->has_rollout) {
        return facts->pool_version;
    }
    switch (facts->state) {
    case BERTH_ROLLOUT_CANARY:
        return facts->is_canary ? facts->to : facts->from;
    case BERTH_ROLLOUT_ROLLING:
    case BERTH_ROLLOUT_DONE:
        return facts->to;
    case BERTH_ROLLOUT_PAUSED:
        return facts->own[0] != '\0' ? facts->own : facts->from;
    case BERTH_ROLLOUT_PLANNED:
    case BERTH_ROLLOUT_ROLLING_BACK:
    case BERTH_ROLLOUT_ROLLED_BACK:
    case BERTH_N_ROLLOUT_STATES:
        break;
    }
    return facts->from;
}
