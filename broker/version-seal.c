/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/version-seal.h"

#include "base/depot/version-manifest.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/limits.h"
#include "broker/image-versions.h"
#include "broker/steps-catalog.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT 1
#define ROOT_CHARS 64
#define MAX_FILES 3

typedef struct {
    char *manifest; /* canonical */
    char *report;
    char sha256[BERTH_CHAIN_HASH_CHARS + 1];
    char signature[2 * BERTH_STATEMENT_SIGNATURE_BYTES + 1];
    int64_t size_bytes;
} Sealed;

static void
sealed_clear(Sealed *sealed)
{
    free(sealed->manifest);
    free(sealed->report);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sealed, sealed_clear)

static bool
is_root(const char *text)
{
    uint8_t hash[ROOT_CHARS / 2];
    return text != NULL && berth_hex_parse(text, hash, sizeof hash) == BERTH_OK;
}

/* Adds the sizes up. */
static int
check_files(const json_t *files, int64_t *ret_size_bytes)
{
    size_t i = 0;
    json_t *file = NULL;
    int64_t sum = 0;
    bool is_bootable = false;
    if (json_array_size(files) == 0 || json_array_size(files) > MAX_FILES) {
        return BERTH_ERR_INVALID;
    }
    json_array_foreach (files, i, file) {
        const char *role = json_string_value(json_object_get(file, "role"));
        json_int_t size = json_integer_value(json_object_get(file, "size_bytes"));
        if (role == NULL || !is_root(json_string_value(json_object_get(file, "root"))) ||
            size <= 0 || size > INT64_MAX / MAX_FILES) {
            return BERTH_ERR_INVALID;
        }
        is_bootable = is_bootable || strcmp(role, "disk") == 0 || strcmp(role, "kernel") == 0;
        sum += size;
    }
    *ret_size_bytes = sum;
    return is_bootable ? BERTH_OK : BERTH_ERR_INVALID;
}

/* The settings with every key, as hosts read them; NULL if they are none. */
static json_t *
complete_machine(const json_t *given)
{
    g_auto(BerthVersionMachine) machine = { 0 };
    g_autoptr(GError) problem = NULL;
    if (!berth_version_machine_parse(given, &machine, &problem)) {
        berth_log_warning("seal", "a version cannot be sealed: %s", problem->message);
        return NULL;
    }
    return berth_version_machine_to_json(&machine);
}

/* The manifest of the row, with what the seal brings. */
static int
compose(BerthTx *tx, const BerthVersionSeal *seal, json_t **ret)
{
    BerthRows rows;
    json_auto_t *machine = complete_machine(seal->machine);
    if (machine == NULL) {
        return BERTH_ERR_INVALID;
    }
    int result = BERTH_ERR_NOT_FOUND;
    berth_tx_query(tx, &rows, BERTH_SQL_VERSION_FOR_SEAL, "s", seal->version);
    if (berth_rows_next(&rows)) {
        result = strcmp(berth_rows_text(&rows, 4), "sealing") == 0 ? BERTH_OK : BERTH_ERR_STATE;
        *ret =
            json_pack("{s:i, s:s, s:s, s:s, s:I, s:s, s:I, s:O, s:O}", "format", FORMAT, "image",
                      berth_rows_text(&rows, 0), "image_name", berth_rows_text(&rows, 1), "version",
                      seal->version, "number", (json_int_t)berth_rows_int(&rows, 2), "parent",
                      berth_rows_text(&rows, 3), "created_us", (json_int_t)berth_rows_int(&rows, 5),
                      "files", seal->files, "machine", machine);
    }
    int error = berth_rows_end(&rows);
    return error != BERTH_OK ? error : result;
}

static int
sign(const BerthSigningKey *key, const json_t *manifest, Sealed *sealed)
{
    uint8_t signature[BERTH_STATEMENT_SIGNATURE_BYTES];
    sealed->manifest = json_dumps(manifest, JSON_COMPACT | JSON_SORT_KEYS);
    if (sealed->manifest == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    if (strlen(sealed->manifest) > BERTH_LIMIT_VERSION_MANIFEST_BYTES) {
        return BERTH_ERR_TOO_LARGE;
    }
    /* What hosts would refuse is not signed. */
    g_auto(BerthVersionManifest) read = { 0 };
    g_autoptr(GError) problem = NULL;
    if (!berth_version_manifest_parse(sealed->manifest, strlen(sealed->manifest), &read,
                                      &problem)) {
        berth_log_warning("seal", "a version cannot be sealed: %s", problem->message);
        return BERTH_ERR_INVALID;
    }
    int error =
        berth_signing_key_sign_text(key, BERTH_VERSION_CONTEXT, sealed->manifest, signature);
    if (error == BERTH_OK) {
        g_autofree char *sum =
            g_compute_checksum_for_string(G_CHECKSUM_SHA256, sealed->manifest, -1);
        g_strlcpy(sealed->sha256, sum, sizeof sealed->sha256);
        berth_hex_format(signature, sizeof signature, sealed->signature);
    }
    return error;
}

static int
dump_report(const json_t *report, Sealed *sealed)
{
    json_auto_t *empty = json_object();
    sealed->report = json_dumps(report != NULL ? report : empty, JSON_COMPACT);
    if (sealed->report == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    return strlen(sealed->report) <= BERTH_LIMIT_TASK_RESULT_BYTES ? BERTH_OK : BERTH_ERR_TOO_LARGE;
}

static int
place(BerthTx *tx, const BerthCause *cause, const BerthVersionSeal *seal, int64_t size_bytes)
{
    const char *host = g_str_has_prefix(seal->place, "host:") ? seal->place + 5 : NULL;
    return berth_tx_run(tx, BERTH_SQL_REPLICA_SET, "ssssiissi", seal->version, seal->place, host,
                        "present", size_bytes, size_bytes, "", "", cause->now_us);
}

int
berth_version_seal(BerthTx *tx, const BerthCause *cause, const BerthSigningKey *key,
                   const BerthVersionSeal *seal)
{
    g_auto(Sealed) sealed = { 0 };
    json_auto_t *manifest = NULL;
    int error = check_files(seal->files, &sealed.size_bytes);
    if (error == BERTH_OK) {
        error = compose(tx, seal, &manifest);
    }
    if (error == BERTH_OK) {
        error = sign(key, manifest, &sealed);
    }
    if (error == BERTH_OK) {
        error = dump_report(seal->report, &sealed);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_VERSION_SET_SEALED, "ssssiss", seal->version,
                                 sealed.manifest, sealed.sha256, sealed.signature,
                                 sealed.size_bytes, sealed.report, seal->sealed_by);
    }
    if (error == BERTH_OK) {
        error = place(tx, cause, seal, sealed.size_bytes);
    }
    if (error == BERTH_OK) {
        error = berth_image_version_step(tx, cause, seal->version,
                                         BERTH_IMAGE_VERSION_EVENT_SEAL_DONE, "");
    }
    return error == BERTH_OK ? berth_version_release(tx, cause, seal->version) : error;
}
