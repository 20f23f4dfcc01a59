/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Versions in the making, and what changed in them.
 */
#include "broker/api/handlers.h"
#include "broker/api/router.h"

/* Machines that try a version at once. */
#define MAX_TRIALS 64

static const BerthBodyField edit_fields[] = {
    BERTH_FIELD_TEXT("version", false, 1, BERTH_ID_HEX_CHARS,
                     "number or id to start from; what is stable, or the newest, if left out"),
    BERTH_FIELD_TEXT("changelog", false, 0, BERTH_LIMIT_CHANGELOG_BYTES, "what will be changed"),
};
static const BerthBodyField run_fields[] = {
    BERTH_FIELD_ARRAY("script", true, 1, BERTH_LIMIT_RUN_SCRIPT_LINES,
                      "lines of a script for the shell of the guest, as root"),
    BERTH_FIELD_INT("timeout_s", false, 1, 24 * 3600,
                    "seconds that it may take; an hour if left "
                    "out"),
};
static const BerthBodyField seal_fields[] = {
    BERTH_FIELD_BOOL("keep_apt_lists", false, "leave the lists of apt in the image"),
};
static const BerthBodyField try_fields[] = {
    BERTH_FIELD_INT("n", true, 1, MAX_TRIALS, "machines"),
    BERTH_FIELD_BOOL("template", false, "start them by forking a template"),
};
static const BerthQueryField diff_query[] = {
    BERTH_FIELD_HEX("with", false, BERTH_ID_HEX_CHARS,
                    "id of the older version; its parent if "
                    "left out"),
};

const BerthRoute berth_routes_edit[] = {
    { BERTH_WRITE("POST", "/v1/images/{id}/edit", IMAGE_WRITE, IMAGE, berth_handle_edit_image, 201),
      BERTH_FIELDS(edit_fields), .answer = "Draft",
      .doc = "begins the next version: a clone in a maintenance desktop of the caller" },
    { BERTH_WRITE("POST", "/v1/image-versions/{id}/run", IMAGE_WRITE, IMAGE_VERSION,
                  berth_handle_run_in_version, 202),
      BERTH_FIELDS(run_fields), .answer = "OperationStarted",
      .doc = "runs a script in the maintenance desktop" },
    { BERTH_WRITE("POST", "/v1/image-versions/{id}/seal", IMAGE_WRITE, IMAGE_VERSION,
                  berth_handle_seal_version, 202),
      BERTH_FIELDS(seal_fields), .answer = "OperationStarted",
      .doc = "checks, generalises and freezes the maintenance desktop as a version" },
    { BERTH_WRITE("POST", "/v1/image-versions/{id}/discard", IMAGE_WRITE, IMAGE_VERSION,
                  berth_handle_discard_edit, 204),
      .doc = "throws an edit away, with its maintenance desktop" },
    { BERTH_WRITE("POST", "/v1/image-versions/{id}/test", IMAGE_WRITE, IMAGE_VERSION,
                  berth_handle_try_version, 201),
      BERTH_FIELDS(try_fields), .answer = "Pool",
      .doc = "makes a pool of the caller's that only tries a version" },
    { BERTH_WRITE("DELETE", "/v1/image-versions/{id}/test/{part}", IMAGE_WRITE, IMAGE_VERSION,
                  berth_handle_end_trial, 204),
      .doc = "removes such a pool, by its id" },
    { BERTH_GET_SLOW("/v1/image-versions/{id}/diff", IMAGE_READ, IMAGE_VERSION,
                     berth_handle_diff_versions),
      BERTH_QUERY(diff_query), .answer = "VersionDiff",
      .doc = "packages and files that changed since another version" },
};

const size_t berth_n_routes_edit = G_N_ELEMENTS(berth_routes_edit);
