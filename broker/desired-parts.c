/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/desired-parts.h"

#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"
#include "broker/desired-disks.h"
#include "broker/placement.h"

#include <string.h>

/* Addresses from which one version is offered. */
#define MAX_SOURCES 8
/* What the manifests of one message may have together, of the 4 MiB that a message has. */
#define MANIFESTS_BYTES (2 * 1024 * 1024)

typedef struct {
    BerthTx *tx;
    const char *host;
    json_t *labels;   /* of the host */
    GPtrArray *ids;   /* of versions, in the order in which they matter */
    GHashTable *seen; /* of ids; borrowed texts */
    json_t *templates;
    int64_t kbps;
    bool has_versions; /* the site has some */
    bool has_tasks;
} Wish;

static void
wish_clear(Wish *wish)
{
    json_decref(wish->labels);
    g_ptr_array_unref(wish->ids);
    g_hash_table_unref(wish->seen);
    json_decref(wish->templates);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wish, wish_clear)

static void
want_version(Wish *wish, const char *id)
{
    if (!g_hash_table_contains(wish->seen, id)) {
        char *kept = g_strdup(id);
        g_ptr_array_add(wish->ids, kept);
        g_hash_table_add(wish->seen, kept);
    }
}

static bool
is_same_template(const json_t *item, const char *version, int64_t vcpus, int64_t memory_mib)
{
    return g_strcmp0(json_string_value(json_object_get(item, "version")), version) == 0 &&
           json_integer_value(json_object_get(item, "vcpus")) == vcpus &&
           json_integer_value(json_object_get(item, "memory_mib")) == memory_mib;
}

/* One that a single pool needs now is no spare, whoever else would like it to be kept. */
static void
want_template(Wish *wish, const char *version, int64_t vcpus, int64_t memory_mib, bool is_spare)
{
    size_t i = 0;
    json_t *other = NULL;
    json_array_foreach (wish->templates, i, other) {
        if (is_same_template(other, version, vcpus, memory_mib)) {
            bool stays_spare = is_spare && json_is_true(json_object_get(other, "is_spare"));
            json_object_set_new(other, "is_spare", json_boolean(stays_spare));
            return;
        }
    }
    if (json_array_size(wish->templates) < BERTH_LIMIT_HOST_TEMPLATES) {
        json_array_append_new(wish->templates,
                              json_pack("{s:s, s:I, s:I, s:s, s:b}", "version", version, "vcpus",
                                        (json_int_t)vcpus, "memory_mib", (json_int_t)memory_mib,
                                        "display_profile", "", "is_spare", (int)is_spare));
    }
}

static int
read_host(Wish *wish)
{
    BerthRows rows;
    berth_tx_query(wish->tx, &rows, BERTH_SQL_DESIRED_HOST, "s", wish->host);
    if (berth_rows_next(&rows)) {
        wish->labels = json_loads(berth_rows_text(&rows, 0), JSON_REJECT_DUPLICATES, NULL);
        wish->kbps = MAX(g_ascii_strtoll(berth_rows_text(&rows, 1), NULL, 10), 0);
        wish->has_versions = berth_rows_int(&rows, 2) != 0;
        wish->has_tasks = berth_rows_int(&rows, 3) != 0;
    }
    return berth_rows_end(&rows);
}

/* Of what is here already, and of the pools that may place machines here. */
static int
read_versions(Wish *wish)
{
    BerthRows rows;
    if (!wish->has_versions) {
        return BERTH_OK;
    }
    berth_tx_query(wish->tx, &rows, BERTH_SQL_DESIRED_VERSIONS, "s", wish->host);
    while (berth_rows_next(&rows)) {
        json_auto_t *wanted = json_loads(berth_rows_text(&rows, 2), JSON_REJECT_DUPLICATES, NULL);
        if (!berth_place_has_labels(wanted, wish->labels)) {
            continue;
        }
        want_version(wish, berth_rows_text(&rows, 1));
        if (berth_rows_int(&rows, 3) != 0) {
            want_template(wish, berth_rows_text(&rows, 1), berth_rows_int(&rows, 4),
                          berth_rows_int(&rows, 5), berth_rows_int(&rows, 6) != 0);
        }
    }
    return berth_rows_end(&rows);
}

static json_t *
read_sources(Wish *wish, const char *version, int *ret_error)
{
    BerthRows rows;
    json_t *sources = json_array();
    berth_tx_query(wish->tx, &rows, BERTH_SQL_DESIRED_SOURCES, "ss", version, wish->host);
    while (berth_rows_next(&rows)) {
        if (berth_rows_text(&rows, 0)[0] != '\0' && json_array_size(sources) < MAX_SOURCES) {
            json_array_append_new(sources, json_string(berth_rows_text(&rows, 0)));
        }
    }
    *ret_error = berth_rows_end(&rows);
    return sources;
}

/* NULL without an error if hosts cannot have it. */
static json_t *
read_version(Wish *wish, const char *version, size_t *n_bytes, int *ret_error)
{
    BerthRows rows;
    json_t *image = NULL;
    berth_tx_query(wish->tx, &rows, BERTH_SQL_DESIRED_VERSION, "s", version);
    if (berth_rows_next(&rows)) {
        json_t *manifest = json_loads(berth_rows_text(&rows, 0), JSON_REJECT_DUPLICATES, NULL);
        *n_bytes += strlen(berth_rows_text(&rows, 0));
        image = json_pack("{s:s, s:o*, s:s, s:I}", "version", version, "manifest", manifest,
                          "signature", berth_rows_text(&rows, 1), "kbps", (json_int_t)wish->kbps);
    }
    *ret_error = berth_rows_end(&rows);
    if (image != NULL && *ret_error == BERTH_OK) {
        json_object_set_new(image, "sources", read_sources(wish, version, ret_error));
    }
    return image;
}

static json_t *
read_images(Wish *wish, int *ret_error)
{
    size_t n_bytes = 0;
    json_t *images = json_array();
    *ret_error = BERTH_OK;
    for (guint i = 0; i < wish->ids->len && *ret_error == BERTH_OK; i++) {
        json_t *image = read_version(wish, g_ptr_array_index(wish->ids, i), &n_bytes, ret_error);
        if (n_bytes > MANIFESTS_BYTES || json_array_size(images) >= BERTH_LIMIT_HOST_IMAGES) {
            berth_log_warning("agent",
                              "host \"%s\" needs more versions of images than it can be "
                              "told of at once; retire some",
                              wish->host);
            json_decref(image);
            break;
        }
        if (image != NULL) {
            json_array_append_new(images, image);
        }
    }
    return images;
}

static json_t *
read_tasks(Wish *wish, int *ret_error)
{
    size_t i = 0;
    json_t *task = NULL;
    if (!wish->has_tasks) {
        return json_array();
    }
    json_t *tasks = berth_tx_to_json(wish->tx, ret_error, BERTH_SQL_DESIRED_TASKS, "si", wish->host,
                                     (int64_t)BERTH_LIMIT_HOST_TASKS);
    json_array_foreach (tasks, i, task) {
        json_t *machine = json_object_get(json_object_get(task, "args"), "machine");
        if (json_is_string(machine)) {
            json_object_set(task, "machine", machine);
        }
    }
    return tasks;
}

int
berth_desired_add_parts(BerthTx *tx, const char *host, json_t *desired)
{
    g_auto(Wish) wish = { .tx = tx,
                          .host = host,
                          .ids = g_ptr_array_new_with_free_func(g_free),
                          .seen = g_hash_table_new(g_str_hash, g_str_equal),
                          .templates = json_array() };
    int error = read_host(&wish);
    if (error == BERTH_OK) {
        error = read_versions(&wish);
    }
    if (error == BERTH_OK) {
        json_object_set_new(desired, "images", read_images(&wish, &error));
        json_object_set(desired, "templates", wish.templates);
    }
    if (error == BERTH_OK) {
        json_object_set_new(desired, "tasks", read_tasks(&wish, &error));
    }
    if (error == BERTH_OK) {
        json_object_set_new(desired, "disks", berth_desired_disks(tx, host, &error));
    }
    return error;
}
