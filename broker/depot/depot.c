/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/depot/depot.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"
#include "broker/depot/depot-private.h"
#include "broker/site-clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TICK_MS 1000
/* Ticks between looks for what nobody goes on with. */
#define EXPIRE_TICKS 60u
#define WRITE_THREADS 2
#define WRITES_QUEUED (2 * (int)BERTH_LIMIT_UPLOADS)

/* A step on an upload in a thread. */
typedef struct {
    BerthDepot *depot;
    BerthUpload *upload;
    BerthVersionFileRole role;
    uint64_t offset;
    GBytes *bytes;
    BerthDepotDone done;
    void *user_data;
    GError *error;
} Step;

static void
step_free(Step *step)
{
    g_clear_pointer(&step->bytes, g_bytes_unref);
    g_clear_error(&step->error);
    g_free(step);
}

static char *
folder_of(const BerthConfig *config)
{
    const char *folder = berth_config_get_string(config, "depot", "folder");
    const char *state_dir = berth_config_get_string(config, "broker", "state_dir");
    return folder[0] != '\0' ? g_strdup(folder) : g_build_filename(state_dir, "depot", NULL);
}

/* Uploads that a broker before us has left. */
static bool
load_uploads(BerthDepot *self, GError **error)
{
    const char *name;
    g_autoptr(GDir) dir = g_dir_open(self->uploads, 0, error);
    if (dir == NULL) {
        return false;
    }
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autoptr(GError) problem = NULL;
        g_autofree char *folder = g_build_filename(self->uploads, name, NULL);
        BerthUpload *upload = berth_upload_load(folder, &problem);
        if (upload != NULL && strcmp(upload->id, name) == 0) {
            g_hash_table_insert(self->table, upload->id, upload);
            continue;
        }
        berth_log_warning("depot", "an upload is thrown away: %s",
                          problem != NULL ? problem->message : "it has another's name");
        BerthUpload broken = { .folder = folder };
        berth_upload_remove(&broken);
        berth_upload_free(upload);
    }
    return true;
}

static bool
open_folders(BerthDepot *self, const BerthConfig *config, GError **error)
{
    g_autofree char *folder = folder_of(config);
    uint64_t reserve = (uint64_t)berth_config_get_int(config, "depot", "reserve");
    self->store = berth_store_folder_open(folder, reserve, error);
    if (self->store == NULL) {
        return false;
    }
    self->uploads = g_build_filename(folder, "uploads", NULL);
    self->incoming = g_build_filename(folder, "incoming", NULL);
    if (g_mkdir_with_parents(self->uploads, 0700) < 0 ||
        g_mkdir_with_parents(self->incoming, 0750) < 0) {
        return berth_set_error(error, berth_error_from_errno(errno),
                               "cannot make the folders of the depot in \"%s\": %s", folder,
                               g_strerror(errno));
    }
    return load_uploads(self, error);
}

BerthDepot *
berth_depot_new(BerthBroker *broker, const BerthConfig *config, GError **error)
{
    BerthDepot *self = g_new0(BerthDepot, 1);
    self->broker = broker;
    self->table =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)berth_upload_free);
    self->jobs = g_ptr_array_new();
    self->advertise = g_strdup(berth_config_get_string(config, "depot", "advertise"));
    self->qemu_img = g_strdup(berth_config_get_string(config, "depot", "qemu_img"));
    self->sandbox_program = g_strdup(berth_config_get_string(config, "depot", "sandbox_program"));
    self->max_virtual_bytes = (uint64_t)berth_config_get_int(config, "depot", "max_image");
    self->timeout_us =
        berth_config_get_int(config, "depot", "convert_minutes") * 60 * G_USEC_PER_SEC;
    if (!open_folders(self, config, error)) {
        berth_depot_free(self);
        return NULL;
    }
    return self;
}

/* What nobody touched for a day goes. */
static void
expire(BerthDepot *self)
{
    int64_t oldest_us = berth_site_clock_now_us() - BERTH_LIMIT_UPLOAD_LIFE_US;
    g_autoptr(GList) uploads = g_hash_table_get_values(self->table);
    for (GList *link = uploads; link != NULL; link = link->next) {
        BerthUpload *upload = link->data;
        if (!upload->is_importing && !upload->is_writing && upload->created_us < oldest_us) {
            berth_log_info("depot", "upload %s was not finished in time and goes", upload->id);
            berth_depot_drop(self, upload);
        }
    }
}

static gboolean
on_tick(gpointer data)
{
    BerthDepot *self = data;
    berth_imports_tell(self);
    if (++self->n_ticks % EXPIRE_TICKS == 0) {
        expire(self);
        berth_depot_sweep(self);
    }
    return G_SOURCE_CONTINUE;
}

bool
berth_depot_start(BerthDepot *self, const BerthConfig *config, GError **error)
{
    self->writers = berth_worker_pool_new(NULL, WRITE_THREADS, WRITES_QUEUED);
    self->importers = berth_worker_pool_new(NULL, 1, (int)BERTH_LIMIT_UPLOADS);
    if (!berth_imports_resume(self, error) || !berth_depot_serve(self, config, error)) {
        return false;
    }
    berth_depot_sweep(self);
    self->tick = g_timeout_add(TICK_MS, on_tick, self);
    return true;
}

void
berth_depot_stop(BerthDepot *self)
{
    if (self == NULL) {
        return;
    }
    g_atomic_int_set(&self->cancel, 1);
    if (self->tick != 0) {
        g_source_remove(self->tick);
        self->tick = 0;
    }
    g_clear_pointer(&self->server, berth_image_server_free);
    g_clear_pointer(&self->writers, berth_worker_pool_free);
    g_clear_pointer(&self->importers, berth_worker_pool_free);
}

void
berth_depot_free(BerthDepot *self)
{
    if (self == NULL) {
        return;
    }
    berth_depot_stop(self);
    g_ptr_array_unref(self->jobs);
    g_hash_table_unref(self->table);
    berth_store_folder_free(self->store);
    g_free(self->uploads);
    g_free(self->incoming);
    g_free(self->advertise);
    g_free(self->qemu_img);
    g_free(self->sandbox_program);
    g_free(self);
}

void
berth_depot_drop(BerthDepot *self, BerthUpload *upload)
{
    berth_upload_remove(upload);
    g_hash_table_remove(self->table, upload->id);
}

/* Gives a step to a thread; it ends with done. */
static void
submit(Step *step, BerthWorkerFunc run, BerthWorkerFunc done)
{
    BerthDepot *self = step->depot;
    int error = self->writers != NULL && !g_atomic_int_get(&self->cancel)
                    ? berth_worker_pool_submit(self->writers, run, done, step)
                    : BERTH_ERR_BUSY;
    if (error != BERTH_OK) {
        berth_set_error(&step->error, error, "the depot has too much to do; try again");
        done(step);
    }
}

static void
conclude(Step *step)
{
    step->done(step->error != NULL ? step->error->code : BERTH_OK,
               step->error != NULL ? step->error->message : "", step->user_data);
    step_free(step);
}

/* The file in incoming, which the administrator's word must not lead out of. */
static bool
find_incoming(const BerthDepot *self, BerthUpload *upload, GError **error)
{
    struct stat status;
    const char *name = upload->path;
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"%s\" is no plain file name; put the file into \"%s\"", name,
                               self->incoming);
    }
    g_autofree char *path = g_build_filename(self->incoming, name, NULL);
    if (lstat(path, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size == 0) {
        return berth_set_error(error, BERTH_ERR_NOT_FOUND, "there is no file \"%s\"", path);
    }
    upload->files[BERTH_VERSION_DISK].size_bytes = (uint64_t)status.st_size;
    g_free(upload->path);
    upload->path = g_steal_pointer(&path);
    return true;
}

static bool
check_sizes(const BerthDepot *self, const BerthUpload *upload, GError **error)
{
    uint64_t sum = 0;
    for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
        uint64_t size = upload->files[i].size_bytes;
        if (size > self->max_virtual_bytes) {
            return berth_set_error(
                error, BERTH_ERR_TOO_LARGE, "the %s has %llu MiB, at most %llu MiB are allowed",
                berth_version_role_name((BerthVersionFileRole)i), (unsigned long long)(size >> 20),
                (unsigned long long)(self->max_virtual_bytes >> 20));
        }
        sum += size;
    }
    return berth_store_folder_check_space(self->store, sum, error);
}

static int
run_find_image(BerthTx *tx, void *data)
{
    const BerthUpload *upload = data;
    g_autofree char *name = NULL;
    return berth_tx_get_text(tx, &name, BERTH_SQL_IMAGE_NAME, "s", upload->image);
}

/* Before somebody sends gigabytes for nothing. */
static bool
check_image(const BerthDepot *self, BerthUpload *upload, GError **error)
{
    int code = berth_store_read(self->broker->store, run_find_image, upload);
    return code == BERTH_OK ||
           berth_set_error(error, code, "%s",
                           code == BERTH_ERR_NOT_FOUND ? "there is no such image"
                                                       : berth_error_sentence(code));
}

static void
run_add(void *data)
{
    Step *step = data;
    const BerthDepot *self = step->depot;
    if (check_image(self, step->upload, &step->error) &&
        (step->upload->path == NULL || find_incoming(self, step->upload, &step->error)) &&
        check_sizes(self, step->upload, &step->error)) {
        berth_upload_create(step->upload, self->uploads, &step->error);
    }
}

static void
add_done(void *data)
{
    Step *step = data;
    step->upload->is_writing = false;
    if (step->error != NULL) {
        g_hash_table_remove(step->depot->table, step->upload->id);
    }
    conclude(step);
}

static Step *
new_step(BerthDepot *self, BerthUpload *upload, BerthDepotDone done, void *user_data)
{
    Step *step = g_new0(Step, 1);
    step->depot = self;
    step->upload = upload;
    step->done = done;
    step->user_data = user_data;
    return step;
}

void
berth_depot_add(BerthDepot *self, BerthUpload *upload, BerthDepotDone done, void *user_data)
{
    if (g_hash_table_size(self->table) >= BERTH_LIMIT_UPLOADS) {
        berth_upload_free(upload);
        done(BERTH_ERR_THROTTLED,
             "too many uploads are open; finish or remove one, or wait for a day", user_data);
        return;
    }
    upload->is_writing = true;
    g_hash_table_insert(self->table, upload->id, upload);
    submit(new_step(self, upload, done, user_data), run_add, add_done);
}

BerthUpload *
berth_depot_find(BerthDepot *self, const char *id, const char *account)
{
    BerthUpload *upload = g_hash_table_lookup(self->table, id);
    return upload != NULL && strcmp(upload->account, account) == 0 ? upload : NULL;
}

static void
run_write(void *data)
{
    Step *step = data;
    gsize n = 0;
    const uint8_t *bytes = g_bytes_get_data(step->bytes, &n);
    berth_upload_write(step->upload, step->role, step->offset, bytes, n, &step->error);
}

static void
write_done(void *data)
{
    Step *step = data;
    step->upload->is_writing = false;
    conclude(step);
}

void
berth_depot_write(BerthDepot *self, BerthUpload *upload, BerthVersionFileRole role, uint64_t offset,
                  GBytes *bytes, BerthDepotDone done, void *user_data)
{
    if (upload->is_writing || upload->is_importing) {
        g_bytes_unref(bytes);
        done(BERTH_ERR_BUSY,
             upload->is_importing ? "the upload is being imported"
                                  : "another piece of this upload is being written",
             user_data);
        return;
    }
    Step *step = new_step(self, upload, done, user_data);
    step->role = role;
    step->offset = offset;
    step->bytes = bytes;
    upload->is_writing = true;
    submit(step, run_write, write_done);
}

int
berth_depot_remove(BerthDepot *self, BerthUpload *upload)
{
    if (upload->is_writing || upload->is_importing) {
        return BERTH_ERR_BUSY;
    }
    berth_depot_drop(self, upload);
    return BERTH_OK;
}

json_t *
berth_depot_list(BerthDepot *self, const char *account)
{
    GHashTableIter iter;
    gpointer value;
    json_t *list = json_array();
    g_hash_table_iter_init(&iter, self->table);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        BerthUpload *upload = value;
        if (strcmp(upload->account, account) == 0) {
            json_array_append_new(list, berth_upload_to_json(upload));
        }
    }
    return list;
}
