/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/inventory-parts.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"

#include <stdlib.h>
#include <string.h>

/* JSON of what a host says of its memory. */
#define MEMORY_BYTES 1024

static const char *const image_states[] = { "fetching", "verifying", "present", "failed", NULL };
static const char *const template_states[] = { "building", "ready", "failed", NULL };
static const char *const task_states[] = { "running", "done", "failed", NULL };
static const char *const disk_states[] = { "present", "attached", "failed", NULL };

/* One object that is read; the first mistake sticks. */
typedef struct {
    const json_t *item;
    GStringChunk *texts;
    GError **error;
    bool is_bad;
} Reader;

static void
fail(Reader *reader, const char *key, const char *problem)
{
    if (!reader->is_bad) {
        reader->is_bad = true;
        berth_set_error(reader->error, BERTH_ERR_PROTOCOL, "\"%s\" %s", key, problem);
    }
}

/* A text of at most max bytes; "" if it is missing.  Cut at the end of a character. */
static const char *
get_text(Reader *reader, const char *key, size_t max)
{
    const json_t *value = json_object_get(reader->item, key);
    if (value == NULL || json_is_null(value)) {
        return "";
    }
    const char *text = json_string_value(value);
    if (text == NULL) {
        fail(reader, key, "must be a string");
        return "";
    }
    g_autofree char *kept = g_strndup(text, max);
    const char *end = NULL;
    if (!g_utf8_validate(kept, -1, &end)) {
        kept[end - kept] = '\0';
    }
    return kept[0] != '\0' ? g_string_chunk_insert(reader->texts, kept) : "";
}

static const char *
get_state(Reader *reader, const char *const *names)
{
    const char *text = json_string_value(json_object_get(reader->item, "state"));
    for (int i = 0; text != NULL && names[i] != NULL; i++) {
        if (strcmp(text, names[i]) == 0) {
            return names[i];
        }
    }
    fail(reader, "state", "is missing or unknown");
    return "";
}

/* A number that is not negative; a missing one is 0. */
static int64_t
get_count(Reader *reader, const char *key, int64_t max)
{
    const json_t *value = json_object_get(reader->item, key);
    if (value == NULL || json_is_null(value)) {
        return 0;
    }
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > max) {
        fail(reader, key, "is no number that can be");
        return 0;
    }
    return (int64_t)number;
}

static void
get_id(Reader *reader, const char *key, bool is_needed, char ret[BERTH_ID_HEX_CHARS + 1])
{
    BerthId id;
    const char *text = json_string_value(json_object_get(reader->item, key));
    ret[0] = '\0';
    if (!is_needed && (text == NULL || text[0] == '\0')) {
        return;
    }
    if (text == NULL || berth_id_parse(text, &id) != BERTH_OK) {
        fail(reader, key, "is missing or not an id");
        return;
    }
    berth_id_format(&id, ret);
}

/* An object as JSON text; "{}" if it is missing. */
static const char *
get_object(Reader *reader, const char *key, size_t max)
{
    const json_t *value = json_object_get(reader->item, key);
    if (value == NULL || json_is_null(value)) {
        return "{}";
    }
    char *text = json_is_object(value) ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    const char *kept = "{}";
    if (text == NULL) {
        fail(reader, key, "must be an object");
    } else if (strlen(text) > max) {
        fail(reader, key, "is too long");
    } else {
        kept = g_string_chunk_insert(reader->texts, text);
    }
    free(text);
    return kept;
}

static const char *
read_image(Reader *reader, void *slot)
{
    BerthImageReport *ret = slot;
    get_id(reader, "version", true, ret->version);
    ret->state = get_state(reader, image_states);
    ret->bytes = get_count(reader, "bytes", INT64_MAX);
    ret->total_bytes = get_count(reader, "total_bytes", INT64_MAX);
    ret->code = get_text(reader, "code", BERTH_PART_TEXT_BYTES);
    ret->detail = get_text(reader, "detail", BERTH_PART_TEXT_BYTES);
    return ret->version;
}

static const char *
read_template(Reader *reader, void *slot)
{
    BerthTemplateReport *ret = slot;
    ret->key = get_text(reader, "key", BERTH_PART_KEY_BYTES);
    get_id(reader, "version", false, ret->version);
    ret->vcpus = get_count(reader, "vcpus", INT32_MAX);
    ret->memory_mib = get_count(reader, "memory_mib", INT32_MAX);
    ret->state = get_state(reader, template_states);
    ret->n_forks = get_count(reader, "forks", INT32_MAX);
    ret->detail = get_text(reader, "detail", BERTH_PART_TEXT_BYTES);
    if (ret->key[0] == '\0') {
        fail(reader, "key", "is missing");
    }
    return ret->key;
}

static const char *
read_task(Reader *reader, void *slot)
{
    BerthTaskReport *ret = slot;
    get_id(reader, "id", true, ret->id);
    ret->state = get_state(reader, task_states);
    ret->progress_pct = get_count(reader, "progress_pct", 100);
    ret->code = get_text(reader, "code", BERTH_PART_TEXT_BYTES);
    ret->detail = get_text(reader, "detail", BERTH_PART_TEXT_BYTES);
    ret->result = get_object(reader, "result", BERTH_LIMIT_TASK_RESULT_BYTES);
    return ret->id;
}

static const char *
read_disk(Reader *reader, void *slot)
{
    BerthDiskReport *ret = slot;
    get_id(reader, "id", true, ret->id);
    ret->epoch = get_count(reader, "epoch", INT64_MAX);
    ret->state = get_state(reader, disk_states);
    ret->used_mib = get_count(reader, "used_mib", INT64_MAX);
    get_id(reader, "machine", false, ret->machine);
    ret->code = get_text(reader, "code", BERTH_PART_TEXT_BYTES);
    ret->detail = get_text(reader, "detail", BERTH_PART_TEXT_BYTES);
    return ret->id;
}

/* A kind of list: how an item is read, and how large a value is. */
typedef struct {
    const char *key;
    size_t max_items;
    guint size;
    const char *(*read)(Reader *reader, void *slot); /* returns what names the item */
} List;

static GArray *
read_list(const List *list, const json_t *message, GStringChunk *texts, GError **error)
{
    const json_t *items = json_object_get(message, list->key);
    size_t n = json_array_size(items);
    if (items != NULL && !json_is_null(items) && !json_is_array(items)) {
        berth_set_error(error, BERTH_ERR_PROTOCOL, "\"%s\" must be a list", list->key);
        return NULL;
    }
    if (n > list->max_items) {
        berth_set_error(error, BERTH_ERR_TOO_LARGE, "\"%s\" has %zu items, at most %zu are allowed",
                        list->key, n, list->max_items);
        return NULL;
    }
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GArray) array = g_array_sized_new(FALSE, TRUE, list->size, (guint)n);
    g_autofree void *slot = g_malloc0(list->size);
    for (size_t i = 0; i < n; i++) {
        Reader reader = { .item = json_array_get(items, i), .texts = texts, .error = error };
        memset(slot, 0, list->size);
        const char *name = list->read(&reader, slot);
        if (!reader.is_bad && !g_hash_table_add(seen, g_strdup(name))) {
            fail(&reader, list->key, "lists something twice");
        }
        if (reader.is_bad) {
            return NULL;
        }
        g_array_append_vals(array, slot, 1);
    }
    return g_steal_pointer(&array);
}

bool
berth_inventory_parts_read(const json_t *message, GStringChunk *texts, BerthInventoryParts *ret,
                           GError **error)
{
    static const List images = { "images", BERTH_LIMIT_HOST_IMAGES, sizeof(BerthImageReport),
                                 read_image };
    static const List templates = { "templates", BERTH_LIMIT_HOST_TEMPLATES,
                                    sizeof(BerthTemplateReport), read_template };
    static const List tasks = { "tasks", BERTH_LIMIT_HOST_TASKS, sizeof(BerthTaskReport),
                                read_task };
    static const List disks = { "disks", BERTH_LIMIT_HOST_DISKS, sizeof(BerthDiskReport),
                                read_disk };
    Reader whole = { .item = message, .texts = texts, .error = error };
    ret->memory = get_object(&whole, "memory", MEMORY_BYTES);
    if (whole.is_bad) {
        return false;
    }
    ret->images = read_list(&images, message, texts, error);
    ret->templates = ret->images != NULL ? read_list(&templates, message, texts, error) : NULL;
    ret->tasks = ret->templates != NULL ? read_list(&tasks, message, texts, error) : NULL;
    ret->disks = ret->tasks != NULL ? read_list(&disks, message, texts, error) : NULL;
    return ret->disks != NULL;
}

static bool
is_same_image(const void *left, const void *right)
{
    const BerthImageReport *a = left;
    const BerthImageReport *b = right;
    return strcmp(a->version, b->version) == 0 && a->state == b->state && a->bytes == b->bytes &&
           a->total_bytes == b->total_bytes && strcmp(a->code, b->code) == 0 &&
           strcmp(a->detail, b->detail) == 0;
}

static bool
is_same_template(const void *left, const void *right)
{
    const BerthTemplateReport *a = left;
    const BerthTemplateReport *b = right;
    return strcmp(a->key, b->key) == 0 && strcmp(a->version, b->version) == 0 &&
           a->vcpus == b->vcpus && a->memory_mib == b->memory_mib && a->state == b->state &&
           a->n_forks == b->n_forks && strcmp(a->detail, b->detail) == 0;
}

static bool
is_same_task(const void *left, const void *right)
{
    const BerthTaskReport *a = left;
    const BerthTaskReport *b = right;
    return strcmp(a->id, b->id) == 0 && a->state == b->state &&
           a->progress_pct == b->progress_pct && strcmp(a->code, b->code) == 0 &&
           strcmp(a->detail, b->detail) == 0 && strcmp(a->result, b->result) == 0;
}

static bool
is_same_disk(const void *left, const void *right)
{
    const BerthDiskReport *a = left;
    const BerthDiskReport *b = right;
    return strcmp(a->id, b->id) == 0 && a->epoch == b->epoch && a->state == b->state &&
           a->used_mib == b->used_mib && strcmp(a->machine, b->machine) == 0 &&
           strcmp(a->code, b->code) == 0 && strcmp(a->detail, b->detail) == 0;
}

static bool
is_same_list(const GArray *a, const GArray *b, size_t size,
             bool (*is_same)(const void *left, const void *right))
{
    if (a->len != b->len) {
        return false;
    }
    for (guint i = 0; i < a->len; i++) {
        if (!is_same(a->data + i * size, b->data + i * size)) {
            return false;
        }
    }
    return true;
}

bool
berth_inventory_parts_equal(const BerthInventoryParts *a, const BerthInventoryParts *b)
{
    return is_same_list(a->images, b->images, sizeof(BerthImageReport), is_same_image) &&
           is_same_list(a->templates, b->templates, sizeof(BerthTemplateReport),
                        is_same_template) &&
           is_same_list(a->tasks, b->tasks, sizeof(BerthTaskReport), is_same_task) &&
           is_same_list(a->disks, b->disks, sizeof(BerthDiskReport), is_same_disk) &&
           strcmp(a->memory, b->memory) == 0;
}

void
berth_inventory_parts_clear(BerthInventoryParts *parts)
{
    g_clear_pointer(&parts->images, g_array_unref);
    g_clear_pointer(&parts->templates, g_array_unref);
    g_clear_pointer(&parts->tasks, g_array_unref);
    g_clear_pointer(&parts->disks, g_array_unref);
}
