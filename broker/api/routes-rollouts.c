/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Versions on their way to desktops: publish, rollouts, who is on which version.
 */
#include "broker/api/handlers.h"
#include "broker/api/page.h"
#include "broker/api/router.h"
#include "broker/pool-settings.h"

static const char *const strategies[] = { "at-logoff", "idle-now", "force", "window", NULL };
static const char *const failures[] = { "rollback", "pause", NULL };

static const BerthBodyField publish_fields[] = {
    BERTH_FIELD_TEXT("version", true, 1, BERTH_LIMIT_NAME_BYTES, "number or id of a version"),
    BERTH_FIELD_TEXT("tag", false, 1, BERTH_LIMIT_NAME_BYTES, "tag to move, stable if left out"),
    BERTH_FIELD_TEXT("pool", false, 1, BERTH_LIMIT_NAME_BYTES, "only this pool; the tag stays"),
    BERTH_FIELD_ARRAY("pools", false, 1, BERTH_LIMIT_ROLLOUT_POOLS,
                      "only these pools; the tag stays"),
    BERTH_FIELD_INT("canary", false, 0, BERTH_POOL_MAX_SIZE, "desktops of a pool that try it"),
    BERTH_FIELD_INT("batch", false, 1, BERTH_POOL_MAX_SIZE, "idle desktops that follow at once"),
    BERTH_FIELD_INT("max_unavailable", false, 1, BERTH_POOL_MAX_SIZE,
                    "idle desktops that are away at most, a quarter of the pool if left out"),
    BERTH_FIELD_ENUM("strategy", false, strategies, "at-logoff if it is left out"),
    BERTH_FIELD_OBJECT("gates", false, "what the new version must reach, docs/API.md"),
    BERTH_FIELD_ENUM("on_failure", false, failures, "what a failed gate does"),
    BERTH_FIELD_TEXT("message", false, 1, BERTH_LIMIT_ROLLOUT_TEXT_BYTES,
                     "what users are told before they are logged off (force)"),
    BERTH_FIELD_INT("force_after_s", false, 0, BERTH_POOL_MAX_SECONDS,
                    "seconds from the message to the logoff"),
    BERTH_FIELD_TEXT("schedule", false, 1, BERTH_LIMIT_NAME_BYTES,
                     "name of the schedule whose windows are used (window)"),
};
static const BerthQueryField rollout_query[] = {
    BERTH_QUERY_PAGE,
    BERTH_FIELD_TEXT("state", false, 1, 32, "state, as in docs/STATE-MACHINES.md"),
    BERTH_FIELD_TEXT("pool", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a pool"),
    BERTH_FIELD_TEXT("image", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of an image"),
    BERTH_FIELD_BOOL("active", false, "only those that are not over"),
};

const BerthRoute berth_routes_rollouts[] = {
    { BERTH_WRITE("POST", "/v1/images/{id}/publish", IMAGE_WRITE, IMAGE, berth_handle_publish, 200),
      BERTH_FIELDS(publish_fields), .answer = "RolloutOrders",
      .doc = "moves a tag to a version and rolls it out to the pools that follow the tag" },
    { BERTH_WRITE("POST", "/v1/images/{id}/promote", IMAGE_WRITE, IMAGE, berth_handle_promote_image,
                  200),
      .answer = "RolloutOrders", .doc = "ends the canaries of an image: all desktops follow" },
    { BERTH_WRITE("POST", "/v1/images/{id}/rollback", IMAGE_WRITE, IMAGE,
                  berth_handle_roll_back_image, 200),
      .answer = "RolloutOrders", .doc = "goes back to the version before, in all pools" },
    { BERTH_GET_SLOW("/v1/images/{id}/status", IMAGE_READ, IMAGE, berth_handle_image_status),
      .answer = "ImageStatus", .doc = "who is on which version" },
    { BERTH_GET_SLOW("/v1/rollouts", IMAGE_READ, ANY, berth_handle_list_rollouts),
      BERTH_QUERY(rollout_query), .answer = "RolloutList", .doc = "rollouts" },
    { BERTH_GET("/v1/rollouts/{id}", IMAGE_READ, ROLLOUT, berth_handle_get_rollout),
      .answer = "Rollout", .doc = "a rollout, what was measured and what it waits for" },
    { BERTH_WRITE("POST", "/v1/rollouts/{id}/pause", IMAGE_WRITE, ROLLOUT,
                  berth_handle_pause_rollout, 200),
      .answer = "Rollout", .doc = "holds a rollout" },
    { BERTH_WRITE("POST", "/v1/rollouts/{id}/resume", IMAGE_WRITE, ROLLOUT,
                  berth_handle_resume_rollout, 200),
      .answer = "Rollout", .doc = "lets a rollout go on that was paused" },
    { BERTH_WRITE("POST", "/v1/rollouts/{id}/promote", IMAGE_WRITE, ROLLOUT,
                  berth_handle_promote_rollout, 200),
      .answer = "Rollout", .doc = "ends the canary: all desktops follow" },
    { BERTH_WRITE("POST", "/v1/rollouts/{id}/rollback", IMAGE_WRITE, ROLLOUT,
                  berth_handle_roll_back_rollout, 200),
      .answer = "Rollout", .doc = "goes back to the version before" },
};

const size_t berth_n_routes_rollouts = G_N_ELEMENTS(berth_routes_rollouts);
