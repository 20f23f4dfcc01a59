/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/file-sender.h"

#include "base/log.h"
#include "berth/limits.h"

#include <gio/gio.h>

/* Folders within folders. */
#define MAX_DEPTH 32
#define ATTRIBUTES                                                    \
    G_FILE_ATTRIBUTE_STANDARD_NAME "," G_FILE_ATTRIBUTE_STANDARD_TYPE \
                                   "," G_FILE_ATTRIBUTE_STANDARD_SIZE

/* A file that was found; a folder or what cannot be read has a status. */
typedef struct {
    GFile *file;
    uint64_t size_bytes;
    BerthFileStatus status; /* SEND: it may be sent */
} Found;

/* A file under way. */
typedef struct {
    BerthFileSender *owner;
    uint32_t id;
    GFile *file;
    GInputStream *stream; /* NULL: not opened yet */
    GCancellable *cancellable;
    size_t wanted_bytes;
} Item;

struct BerthFileSender {
    BerthShare *share;
    BerthFileSenderCallbacks callbacks;
    void *user_data;
    GHashTable *items; /* id -> Item, a reference each */
    GCancellable *cancellable;
};

static void
clear_item(gpointer data)
{
    Item *item = data;

    g_clear_object(&item->stream);
    g_clear_object(&item->file);
    g_clear_object(&item->cancellable);
}

static void
release_item(gpointer data)
{
    g_rc_box_release_full(data, clear_item);
}

/* It is over: what is being read for it comes to nothing. */
static void
drop_item(gpointer data)
{
    Item *item = data;

    g_cancellable_cancel(item->cancellable);
    item->owner = NULL;
    release_item(item);
}

/* --- reading --- */

static void
fail_item(Item *item, const GError *error)
{
    g_autofree char *name = g_file_get_parse_name(item->file);

    berth_log_info("client", "'%s' cannot be sent: %s", name, error->message);
    berth_file_drop_fail(berth_share_get_files(item->owner->share), item->id);
}

static void
on_read(GObject *object, GAsyncResult *result, gpointer user_data)
{
    Item *item = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes =
        g_input_stream_read_bytes_finish(G_INPUT_STREAM(object), result, &error);
    BerthShare *share = item->owner != NULL ? item->owner->share : NULL;
    gsize len = 0;
    const uint8_t *data;

    if (share != NULL && bytes == NULL) {
        fail_item(item, error);
    } else if (share != NULL) {
        data = g_bytes_get_data(bytes, &len);
        berth_file_drop_give(berth_share_get_files(share), item->id, data, len);
    }
    release_item(item);
    if (share != NULL) {
        berth_share_pump(share);
    }
}

/* Takes a reference of the item. */
static void
read_on(Item *item)
{
    g_input_stream_read_bytes_async(item->stream, item->wanted_bytes, G_PRIORITY_DEFAULT,
                                    item->cancellable, on_read, item);
}

static void
on_opened(GObject *object, GAsyncResult *result, gpointer user_data)
{
    Item *item = user_data;
    g_autoptr(GError) error = NULL;
    GFileInputStream *stream = g_file_read_finish(G_FILE(object), result, &error);

    if (item->owner == NULL) {
        g_clear_object(&stream);
        release_item(item);
    } else if (stream == NULL) {
        fail_item(item, error);
        release_item(item);
    } else {
        item->stream = G_INPUT_STREAM(stream);
        read_on(item);
    }
}

static void
on_want(uint32_t id, size_t max_bytes, void *user_data)
{
    BerthFileSender *self = user_data;
    Item *item = g_hash_table_lookup(self->items, GUINT_TO_POINTER(id));

    if (item == NULL) {
        return;
    }
    item->wanted_bytes = max_bytes;
    g_rc_box_acquire(item);
    if (item->stream != NULL) {
        read_on(item);
    } else {
        g_file_read_async(item->file, G_PRIORITY_DEFAULT, item->cancellable, on_opened, item);
    }
}

static void
on_progress(uint32_t id, uint64_t n_bytes, uint64_t size_bytes, void *user_data)
{
    BerthFileSender *self = user_data;

    if (self->callbacks.progress != NULL) {
        self->callbacks.progress(id, n_bytes, size_bytes, self->user_data);
    }
}

static void
on_ended(uint32_t id, BerthFileStatus status, void *user_data)
{
    BerthFileSender *self = user_data;

    g_hash_table_remove(self->items, GUINT_TO_POINTER(id));
    if (self->callbacks.ended != NULL) {
        self->callbacks.ended(id, status, self->user_data);
    }
}

static void
on_changed(void *user_data)
{
    BerthFileSender *self = user_data;

    if (self->callbacks.changed != NULL) {
        self->callbacks.changed(self->user_data);
    }
}

static const BerthFileDropListener listener = {
    .want = on_want,
    .progress = on_progress,
    .ended = on_ended,
    .changed = on_changed,
};

/* --- what there is to be sent --- */

static void
free_found(gpointer data)
{
    Found *found = data;

    g_object_unref(found->file);
    g_free(found);
}

static void
note_found(GPtrArray *list, GFile *file, uint64_t size_bytes, BerthFileStatus status)
{
    Found *found = g_new0(Found, 1);

    found->file = g_object_ref(file);
    found->size_bytes = size_bytes;
    found->status = status;
    g_ptr_array_add(list, found);
}

static void collect(GPtrArray *list, GFile *file, GFileInfo *info, int depth);

static void
collect_folder(GPtrArray *list, GFile *folder, int depth)
{
    g_autoptr(GFileEnumerator) children =
        depth < MAX_DEPTH ? g_file_enumerate_children(
                                folder, ATTRIBUTES, G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS, NULL, NULL)
                          : NULL;
    GFileInfo *info;
    GFile *child;

    if (children == NULL) {
        note_found(list, folder, 0, BERTH_FILE_FAILED);
        return;
    }
    while (list->len <= BERTH_LIMIT_DROPPED_FILES &&
           g_file_enumerator_iterate(children, &info, &child, NULL, NULL) && info != NULL) {
        collect(list, child, info, depth + 1);
    }
}

/* Adds a file, or what is in a folder; the first too many ends it. */
static void
collect(GPtrArray *list, GFile *file, GFileInfo *info, int depth)
{
    GFileType type = g_file_info_get_file_type(info);

    if (list->len == BERTH_LIMIT_DROPPED_FILES) {
        note_found(list, file, 0, BERTH_FILE_BUSY);
    } else if (list->len < BERTH_LIMIT_DROPPED_FILES && type == G_FILE_TYPE_DIRECTORY) {
        collect_folder(list, file, depth);
    } else if (list->len < BERTH_LIMIT_DROPPED_FILES && type == G_FILE_TYPE_REGULAR) {
        note_found(list, file, (uint64_t)MAX(g_file_info_get_size(info), 0), BERTH_FILE_SEND);
    } else if (list->len < BERTH_LIMIT_DROPPED_FILES && depth == 0) {
        note_found(list, file, 0, BERTH_FILE_FAILED);
    }
}

static void
free_list(gpointer data)
{
    g_ptr_array_unref(data);
}

/* Worker. */
static void
collect_all(GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
    const char *const *paths = task_data;
    GPtrArray *list = g_ptr_array_new_with_free_func(free_found);

    for (size_t i = 0; paths[i] != NULL; i++) {
        g_autoptr(GFile) file = g_file_new_for_path(paths[i]);
        /* A link that the user chose is meant as what it leads to. */
        g_autoptr(GFileInfo) info =
            g_file_query_info(file, ATTRIBUTES, G_FILE_QUERY_INFO_NONE, NULL, NULL);

        if (info != NULL) {
            collect(list, file, info, 0);
        } else {
            note_found(list, file, 0, BERTH_FILE_FAILED);
        }
    }
    g_task_return_pointer(task, list, free_list);
}

static void
add_found(BerthFileSender *self, const Found *found)
{
    g_autofree char *raw = g_file_get_basename(found->file);
    g_autofree char *name = g_utf8_make_valid(raw, -1);
    BerthFileStatus status = found->status;
    uint32_t id = 0;
    Item *item;

    if (status == BERTH_FILE_SEND) {
        status =
            berth_file_drop_add(berth_share_get_files(self->share), name, found->size_bytes, &id);
    }
    if (status != BERTH_FILE_SEND) {
        if (self->callbacks.refused != NULL) {
            self->callbacks.refused(name, status, self->user_data);
        }
        return;
    }
    item = g_rc_box_new0(Item);
    item->owner = self;
    item->id = id;
    item->file = g_object_ref(found->file);
    item->cancellable = g_cancellable_new();
    g_hash_table_insert(self->items, GUINT_TO_POINTER(id), item);
    if (self->callbacks.added != NULL) {
        self->callbacks.added(id, name, found->size_bytes, self->user_data);
    }
}

static void
on_collected(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GPtrArray) list = g_task_propagate_pointer(G_TASK(result), NULL);
    BerthFileSender *self = user_data;

    if (list == NULL) {
        return; /* cancelled: we are gone */
    }
    for (guint i = 0; i < list->len; i++) {
        add_found(self, g_ptr_array_index(list, i));
    }
    if (self->callbacks.collected != NULL) {
        self->callbacks.collected(self->user_data);
    }
}

static void
free_paths(gpointer data)
{
    g_strfreev(data);
}

void
berth_file_sender_send(BerthFileSender *self, const char *const *paths)
{
    g_autoptr(GTask) task = g_task_new(NULL, self->cancellable, on_collected, self);

    g_task_set_task_data(task, g_strdupv((char **)paths), free_paths);
    g_task_run_in_thread(task, collect_all);
}

void
berth_file_sender_cancel(BerthFileSender *self, uint32_t id)
{
    berth_file_drop_cancel(berth_share_get_files(self->share), id);
}

void
berth_file_sender_cancel_all(BerthFileSender *self)
{
    berth_file_drop_cancel_all(berth_share_get_files(self->share));
}

BerthFileSender *
berth_file_sender_new(BerthShare *share, const BerthFileSenderCallbacks *callbacks, void *user_data)
{
    BerthFileSender *self = g_new0(BerthFileSender, 1);

    self->share = share;
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->items = g_hash_table_new_full(NULL, NULL, NULL, drop_item);
    self->cancellable = g_cancellable_new();
    berth_file_drop_set_listener(berth_share_get_files(share), &listener, self);
    return self;
}

void
berth_file_sender_free(BerthFileSender *self)
{
    if (self == NULL) {
        return;
    }
    berth_file_drop_set_listener(berth_share_get_files(self->share), NULL, NULL);
    g_cancellable_cancel(self->cancellable);
    g_object_unref(self->cancellable);
    g_hash_table_unref(self->items);
    g_free(self);
}
