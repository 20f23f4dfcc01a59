/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/file-saver.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "berth/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Names that are tried for one file. */
#define MAX_NAMES 1000
/* Of a part: not made of the name, which may be as long as a name can be. */
#define PART_NAME ".berth-XXXXXX.part"
/* What is longer is no extension. */
#define MAX_EXTENSION_BYTES 16

/*
 * A file that is offered or under way.  While is_busy a worker has part_fd, part_path and path;
 * else main has.
 */
typedef struct {
    BerthFileSaver *owner; /* NULL: it is over */
    uint32_t id;
    char *folder; /* NULL until it is accepted */
    char *name;
    uint64_t size_bytes, n_saved;
    GQueue waiting; /* of GBytes * */
    bool is_busy;
    int part_fd; /* -1: not created, or closed */
    char *part_path;
    char *path; /* where it is at the end; NULL before */
} Item;

/* What a worker does: creates the part if there is none, writes, and names it if that was all. */
typedef struct {
    Item *item;
    GBytes *bytes; /* NULL: none */
    bool is_last;
} Job;

struct BerthFileSaver {
    BerthShare *share;
    char *folder;
    BerthFileSaverCallbacks callbacks;
    void *user_data;
    GHashTable *items; /* id -> Item, a reference each */
};

static void go_on(Item *item);

static void
clear_item(gpointer data)
{
    Item *item = data;

    g_queue_clear_full(&item->waiting, (GDestroyNotify)g_bytes_unref);
    berth_clear_fd(&item->part_fd);
    if (item->part_path != NULL && item->path == NULL) {
        g_unlink(item->part_path);
    }
    g_free(item->folder);
    g_free(item->name);
    g_free(item->part_path);
    g_free(item->path);
}

static void
release_item(Item *item)
{
    g_rc_box_release_full(item, clear_item);
}

/* Out of the table: what runs comes to nothing. */
static void
drop_item(gpointer data)
{
    Item *item = data;

    item->owner = NULL;
    release_item(item);
}

/* Without what would hide it, or show its letters in another order than they are. */
static char *
make_visible(const char *name)
{
    GString *shown = g_string_new(NULL);

    for (const char *at = name; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        bool is_joiner = c == 0x200c || c == 0x200d; /* of letters and of emoji */

        g_string_append_unichar(shown, g_unichar_isprint(c) || is_joiner ? c : '_');
    }
    if (shown->str[0] == '.') {
        shown->str[0] = '_';
    }
    return g_string_free(shown, FALSE);
}

/* Bytes of whole letters, at most most. */
static size_t
cut(const char *text, size_t len, size_t most)
{
    return len <= most ? len : (size_t)(g_utf8_find_prev_char(text, text + most + 1) - text);
}

char *
berth_file_saver_name(const char *name, unsigned n)
{
    g_autofree char *shown = make_visible(name);
    g_autofree char *number = n > 1 ? g_strdup_printf(" (%u)", n) : g_strdup("");
    size_t len = strlen(shown);
    const char *dot = strrchr(shown, '.');
    bool has_extension =
        dot != NULL && dot != shown && (size_t)(shown + len - dot) <= MAX_EXTENSION_BYTES;
    const char *extension = has_extension ? dot : shown + len;
    size_t n_stem =
        cut(shown, (size_t)(extension - shown), NAME_MAX - strlen(number) - strlen(extension));

    return g_strdup_printf("%.*s%s%s", (int)n_stem, shown, number, extension);
}

/* ---- workers ---- */

static char *
dup_path(const Item *item, unsigned n)
{
    g_autofree char *name = berth_file_saver_name(item->name, n);

    return g_build_filename(item->folder, name, NULL);
}

/* Returns 0 or an errno. */
static int
create_part(Item *item)
{
    g_autofree char *path = g_build_filename(item->folder, PART_NAME, NULL);

    item->part_fd = g_mkstemp_full(path, O_WRONLY | O_CLOEXEC, 0600);
    if (item->part_fd < 0) {
        return errno;
    }
    item->part_path = g_steal_pointer(&path);
    return 0;
}

static int
write_all(int fd, GBytes *bytes)
{
    gsize len = 0;
    const uint8_t *data = g_bytes_get_data(bytes, &len);

    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno != EINTR) {
            return errno;
        }
        data += MAX(n, 0);
        len -= (gsize)MAX(n, 0);
    }
    return 0;
}

/* Gives the part the first name that nobody has. */
static int
name_part(Item *item)
{
    int fd = berth_steal_fd(&item->part_fd);

    if (close(fd) != 0 && errno != EINTR) {
        return errno;
    }
    for (unsigned n = 1; n <= MAX_NAMES; n++) {
        g_autofree char *path = dup_path(item, n);
        int r = renameat2(AT_FDCWD, item->part_path, AT_FDCWD, path, RENAME_NOREPLACE);

        /* A file system that does not know the flag: the folder is the user's own. */
        if (r != 0 && errno == EINVAL && access(path, F_OK) != 0) {
            r = rename(item->part_path, path);
        } else if (r != 0 && errno == EINVAL) {
            continue;
        }
        if (r == 0) {
            item->path = g_steal_pointer(&path);
            return 0;
        }
        if (errno != EEXIST) {
            return errno;
        }
    }
    return EEXIST;
}

static void
do_job(GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
    Job *job = task_data;
    int errnum = job->item->part_fd < 0 ? create_part(job->item) : 0;

    if (errnum == 0 && job->bytes != NULL) {
        errnum = write_all(job->item->part_fd, job->bytes);
    }
    if (errnum == 0 && job->is_last) {
        errnum = name_part(job->item);
    }
    g_task_return_int(task, errnum);
}

static void
free_job(gpointer data)
{
    Job *job = data;

    g_clear_pointer(&job->bytes, g_bytes_unref);
    g_free(job);
}

/* ---- main ---- */

static BerthFileTake *
get_take(const Item *item)
{
    return berth_share_get_taken(item->owner->share);
}

/* A job of an item that is still wanted has ended. */
static void
note_job(Item *item, size_t n_bytes, int errnum)
{
    BerthFileSaver *self = item->owner;

    if (errnum != 0) {
        berth_log_info("client", "a file of the desktop cannot be saved: %s", g_strerror(errnum));
        berth_file_take_refuse(get_take(item), item->id,
                               errnum == ENOSPC || errnum == EDQUOT ? BERTH_FILE_NO_SPACE
                                                                    : BERTH_FILE_FAILED);
        return;
    }
    item->n_saved += n_bytes;
    self->callbacks.progress(item->id, item->n_saved, item->size_bytes, self->user_data);
    berth_file_take_note_saved(get_take(item), item->id, n_bytes);
}

static void
on_job_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Item *item = user_data;
    const Job *job = g_task_get_task_data(G_TASK(result));
    size_t n_bytes = job->bytes != NULL ? g_bytes_get_size(job->bytes) : 0;
    int errnum = (int)g_task_propagate_int(G_TASK(result), NULL);

    item->is_busy = false;
    if (item->owner != NULL) {
        note_job(item, n_bytes, errnum);
    } else if (item->path != NULL) {
        g_unlink(item->path); /* it was stopped while it got its name */
    }
    if (item->owner != NULL) {
        go_on(item);
    }
    release_item(item);
}

/* Starts the next job, if there is something to do. */
static void
go_on(Item *item)
{
    g_autoptr(GTask) task = NULL;
    GBytes *bytes = item->is_busy ? NULL : g_queue_pop_head(&item->waiting);
    Job *job;

    if (item->is_busy || (bytes == NULL && (item->size_bytes > 0 || item->path != NULL))) {
        return;
    }
    job = g_new0(Job, 1);
    job->item = item;
    job->bytes = bytes;
    job->is_last =
        item->n_saved + (bytes != NULL ? g_bytes_get_size(bytes) : 0) == item->size_bytes;
    item->is_busy = true;
    task = g_task_new(NULL, NULL, on_job_done, g_rc_box_acquire(item));
    g_task_set_task_data(task, job, free_job);
    g_task_run_in_thread(task, do_job);
}

/* ---- the engine's news ---- */

static void
on_offered(uint32_t id, const char *name, uint64_t size_bytes, void *user_data)
{
    BerthFileSaver *self = user_data;
    Item *item = g_rc_box_new0(Item);

    item->owner = self;
    item->id = id;
    item->name = g_strdup(name);
    item->size_bytes = size_bytes;
    item->part_fd = -1;
    g_queue_init(&item->waiting);
    g_hash_table_insert(self->items, GUINT_TO_POINTER(id), item);
    self->callbacks.offered(id, name, size_bytes, self->user_data);
}

static void
on_bytes(uint32_t id, const uint8_t *data, size_t len, void *user_data)
{
    BerthFileSaver *self = user_data;
    Item *item = g_hash_table_lookup(self->items, GUINT_TO_POINTER(id));

    if (item != NULL) {
        g_queue_push_tail(&item->waiting, g_bytes_new(data, len));
        go_on(item);
    }
}

static void
on_ended(uint32_t id, BerthFileStatus status, void *user_data)
{
    BerthFileSaver *self = user_data;
    Item *item = g_hash_table_lookup(self->items, GUINT_TO_POINTER(id));
    g_autofree char *path = item != NULL && !item->is_busy ? g_strdup(item->path) : NULL;

    g_hash_table_remove(self->items, GUINT_TO_POINTER(id));
    self->callbacks.ended(id, status, status == BERTH_FILE_DONE ? path : NULL, self->user_data);
}

static const BerthFileTakeListener listener = {
    .offered = on_offered,
    .bytes = on_bytes,
    .ended = on_ended,
};

void
berth_file_saver_set_folder(BerthFileSaver *self, const char *folder)
{
    g_free(self->folder);
    self->folder = g_strdup(folder);
}

void
berth_file_saver_accept(BerthFileSaver *self, uint32_t id)
{
    Item *item = g_hash_table_lookup(self->items, GUINT_TO_POINTER(id));

    if (item != NULL && item->folder == NULL) {
        item->folder = g_strdup(self->folder);
        berth_file_take_accept(get_take(item), id);
        if (item->size_bytes == 0) {
            go_on(item);
        }
    }
}

void
berth_file_saver_refuse(BerthFileSaver *self, uint32_t id)
{
    berth_file_take_refuse(berth_share_get_taken(self->share), id, BERTH_FILE_CANCELLED);
}

BerthFileSaver *
berth_file_saver_new(BerthShare *share, const char *folder,
                     const BerthFileSaverCallbacks *callbacks, void *user_data)
{
    BerthFileSaver *self = g_new0(BerthFileSaver, 1);

    self->share = share;
    self->folder = g_strdup(folder);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->items = g_hash_table_new_full(NULL, NULL, NULL, drop_item);
    berth_file_take_set_listener(berth_share_get_taken(share), &listener, self);
    return self;
}

void
berth_file_saver_free(BerthFileSaver *self)
{
    if (self == NULL) {
        return;
    }
    berth_file_take_set_listener(berth_share_get_taken(self->share), NULL, NULL);
    g_hash_table_unref(self->items);
    g_free(self->folder);
    g_free(self);
}
