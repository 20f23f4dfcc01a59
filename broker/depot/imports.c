/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An import in the store: an operation and a draft come first, in one transaction; then the files
 * are made; then, in one transaction again, the version is sealed and the operation ends.  The
 * operation's object is the upload, so whoever starts after a crash finds one by the other.
 */
#include "broker/depot/depot-private.h"

#include "base/error.h"
#include "base/kill-point.h"
#include "base/log.h"
#include "broker/image-versions.h"
#include "broker/operations.h"
#include "broker/rights.h"
#include "broker/site-clock.h"
#include "broker/steps-catalog.h"
#include "broker/version-seal.h"

#include <string.h>

#define KIND "image.import"

typedef struct {
    BerthDepot *depot;
    BerthUpload *upload;
    BerthImportProgress progress;
    bool is_telling; /* the store writes how far it is */
    bool is_made;    /* all files are in the depot's store */
    GError *error;
    int64_t number;
} Job;

typedef struct {
    BerthDepot *depot;
    BerthUpload *upload;
    BerthDepotDone done;
    void *user_data;
    char operation[BERTH_ID_HEX_CHARS + 1];
    char version[BERTH_ID_HEX_CHARS + 1];
    GError *error;
} Begin;

static BerthCause
cause_of(const BerthUpload *upload)
{
    return (BerthCause){ .now_us = berth_site_clock_now_us(), .actor = upload->actor };
}

static void
job_free(Job *job)
{
    g_clear_error(&job->error);
    g_free(job);
}

static json_t *
files_to_json(const BerthUpload *upload)
{
    json_t *files = json_array();
    for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
        const BerthVersionFile *made = &upload->files[i].made;
        char root[BERTH_DIGEST_HEX_CHARS + 1];
        if (!made->is_present) {
            continue;
        }
        berth_digest_format(&made->root, root);
        json_array_append_new(files,
                              json_pack("{s:s, s:s, s:I, s:I}", "role",
                                        berth_version_role_name((BerthVersionFileRole)i), "root",
                                        root, "size_bytes", (json_int_t)made->size_bytes,
                                        "chunk_bytes", (json_int_t)BERTH_CHUNK_BYTES));
    }
    return files;
}

/* Everything that tells of the version, at once. */
static int
run_seal(BerthTx *tx, void *data)
{
    Job *job = data;
    const BerthUpload *upload = job->upload;
    const BerthBroker *broker = job->depot->broker;
    BerthCause cause = cause_of(upload);
    g_autofree char *place = g_strdup_printf("broker:%s", broker->holder);
    json_auto_t *files = files_to_json(upload);
    BerthVersionSeal seal = {
        .version = upload->version,
        .files = files,
        .machine = upload->machine,
        .sealed_by = upload->actor,
        .place = place,
    };
    int error =
        berth_image_version_step(tx, &cause, upload->version, BERTH_IMAGE_VERSION_EVENT_SEAL, "");
    if (error == BERTH_OK) {
        error = berth_version_seal(tx, &cause, broker->signing_key, &seal);
    }
    if (error == BERTH_OK) {
        error = berth_tx_get_int(tx, &job->number, BERTH_SQL_VERSION_NUMBER, "s", upload->version);
    }
    if (error == BERTH_OK) {
        error = berth_operation_finish(tx, &cause, upload->operation, BERTH_OK, "",
                                       json_pack("{s:s, s:s, s:I, s:O}", "image", upload->image,
                                                 "version", upload->version, "number",
                                                 (json_int_t)job->number, "files", files));
    }
    berth_kill_point(BERTH_KILL_IMPORT_SIGNED);
    return error;
}

/* The draft goes with the operation that was to fill it. */
static int
run_fail(BerthTx *tx, void *data)
{
    Job *job = data;
    const BerthUpload *upload = job->upload;
    BerthCause cause = cause_of(upload);
    int error = berth_image_version_step(tx, &cause, upload->version,
                                         BERTH_IMAGE_VERSION_EVENT_DELETE, job->error->message);
    if (error != BERTH_OK && error != BERTH_ERR_NOT_FOUND && error != BERTH_ERR_STATE) {
        return error;
    }
    return berth_operation_finish(tx, &cause, upload->operation, job->error->code,
                                  job->error->message, NULL);
}

/* Whether the same bytes may yet be imported: the fault was not theirs. */
static bool
is_worth_keeping(int code)
{
    return code == BERTH_ERR_DISK_FULL || code == BERTH_ERR_IO || code == BERTH_ERR_TIMEOUT ||
           code == BERTH_ERR_NOT_FOUND;
}

/* An upload whose import failed may be finished again, or goes. */
static void
release(BerthDepot *self, BerthUpload *upload, int code)
{
    upload->is_importing = false;
    if (!is_worth_keeping(code)) {
        berth_depot_drop(self, upload);
        return;
    }
    upload->operation[0] = '\0';
    upload->version[0] = '\0';
    g_autoptr(GError) error = NULL;
    if (!berth_upload_save(upload, &error)) {
        berth_log_warning("depot", "%s", error->message);
    }
}

static void
fail_done(int error, void *data)
{
    Job *job = data;
    if (error != BERTH_OK) {
        berth_log_warning("depot", "the end of import %s was not written: %s",
                          job->upload->operation, berth_error_sentence(error));
    }
    release(job->depot, job->upload, job->error->code);
    job_free(job);
}

static void
give_up(Job *job)
{
    berth_log_warning("depot", "import %s fails: %s", job->upload->operation, job->error->message);
    int error = berth_store_submit(job->depot->broker->store, run_fail, fail_done, job);
    if (error != BERTH_OK) {
        fail_done(error, job);
    }
}

static void
seal_done(int error, void *data)
{
    Job *job = data;
    BerthDepot *self = job->depot;
    self->n_sealing--;
    if (g_atomic_int_get(&self->cancel)) {
        job_free(job); /* the next start goes on */
        return;
    }
    if (error != BERTH_OK) {
        berth_set_error(&job->error, error, "the version cannot be sealed: %s",
                        berth_error_sentence(error));
        give_up(job);
        return;
    }
    berth_kill_point(BERTH_KILL_IMPORT_RECORDED);
    berth_log_info("depot", "image %s has version %s (number %" G_GINT64_FORMAT ")",
                   job->upload->image, job->upload->version, job->number);
    job->upload->is_importing = false;
    berth_depot_drop(self, job->upload);
    berth_broker_changed(self->broker);
    job_free(job);
}

static void
run_job(void *data)
{
    Job *job = data;
    BerthDepot *self = job->depot;
    BerthImportWork work = {
        .tools = { self->sandbox_program, self->qemu_img },
        .store = self->store,
        .max_virtual_bytes = self->max_virtual_bytes,
        .timeout_us = self->timeout_us,
        .cancel = &self->cancel,
        .progress = &job->progress,
    };
    job->is_made = berth_import_work_run(&work, job->upload, &job->error);
}

static void
job_done(void *data)
{
    Job *job = data;
    BerthDepot *self = job->depot;
    g_ptr_array_remove_fast(self->jobs, job);
    if (g_atomic_int_get(&self->cancel)) {
        job_free(job); /* the next start goes on */
        return;
    }
    if (!job->is_made) {
        give_up(job);
        return;
    }
    self->n_sealing++;
    int error = berth_store_submit(self->broker->store, run_seal, seal_done, job);
    if (error != BERTH_OK) {
        seal_done(error, job);
    }
}

void
berth_imports_run(BerthDepot *self, BerthUpload *upload)
{
    Job *job = g_new0(Job, 1);
    job->depot = self;
    job->upload = upload;
    upload->is_importing = true;
    g_ptr_array_add(self->jobs, job);
    int error = berth_worker_pool_submit(self->importers, run_job, job_done, job);
    if (error != BERTH_OK) {
        berth_set_error(&job->error, error, "too many imports wait; start it again later");
        job_done(job);
    }
}

typedef struct {
    BerthDepot *depot;
    char operation[BERTH_ID_HEX_CHARS + 1];
    char *actor;
    int pct;
} Tell;

static int
run_tell(BerthTx *tx, void *data)
{
    const Tell *tell = data;
    BerthCause cause = { .now_us = berth_site_clock_now_us(), .actor = tell->actor };
    return berth_operation_progress(tx, &cause, tell->operation, tell->pct,
                                    "converting and hashing");
}

static void
tell_done(int error, void *data)
{
    Tell *tell = data;
    g_free(tell->actor);
    g_free(tell);
}

void
berth_imports_tell(BerthDepot *self)
{
    for (guint i = 0; i < self->jobs->len; i++) {
        Job *job = g_ptr_array_index(self->jobs, i);
        Tell *tell = g_new0(Tell, 1);
        tell->depot = self;
        tell->pct = berth_import_progress_pct(&job->progress);
        tell->actor = g_strdup(job->upload->actor);
        g_strlcpy(tell->operation, job->upload->operation, sizeof(tell->operation));
        int error = berth_store_submit(self->broker->store, run_tell, tell_done, tell);
        if (error != BERTH_OK) {
            tell_done(error, tell);
        }
    }
}

/* The rights of whoever began it may have gone meanwhile. */
static int
run_begin(BerthTx *tx, void *data)
{
    Begin *begin = data;
    const BerthUpload *upload = begin->upload;
    BerthCause cause = cause_of(upload);
    g_autofree char *path = g_strconcat("/images/", upload->image, NULL);
    int error = berth_rights_check(tx, upload->account, BERTH_PERMIT_IMAGE_WRITE, path);
    if (error == BERTH_OK) {
        error =
            berth_operation_start(tx, &cause, KIND, upload->id, upload->account, begin->operation);
    }
    if (error != BERTH_OK) {
        return error;
    }
    BerthVersionNew wanted = {
        .image = upload->image,
        .changelog = upload->changelog,
        .operation = begin->operation,
    };
    return berth_version_create(tx, &cause, &wanted, begin->version, NULL);
}

static void
save_begin(void *data)
{
    Begin *begin = data;
    berth_upload_save(begin->upload, &begin->error);
    berth_kill_point(BERTH_KILL_IMPORT_LOOKED);
}

/* A journal that could not be written is no harm: the store knows the import. */
static void
begin_saved(void *data)
{
    Begin *begin = data;
    if (begin->error != NULL) {
        berth_log_warning("depot", "%s", begin->error->message);
        g_clear_error(&begin->error);
    }
    begin->done(BERTH_OK, "", begin->user_data);
    if (!g_atomic_int_get(&begin->depot->cancel)) {
        berth_imports_run(begin->depot, begin->upload);
    }
    g_free(begin);
}

static void
begin_done(int error, void *data)
{
    Begin *begin = data;
    BerthDepot *self = begin->depot;
    if (error != BERTH_OK) {
        begin->upload->is_importing = false;
        begin->done(error, error == BERTH_ERR_NOT_FOUND ? "there is no such image any more" : "",
                    begin->user_data);
        g_free(begin);
        return;
    }
    berth_kill_point(BERTH_KILL_IMPORT_WANTED);
    g_strlcpy(begin->upload->operation, begin->operation, sizeof(begin->upload->operation));
    g_strlcpy(begin->upload->version, begin->version, sizeof(begin->upload->version));
    if (self->writers == NULL ||
        berth_worker_pool_submit(self->writers, save_begin, begin_saved, begin) != BERTH_OK) {
        begin_saved(begin);
    }
}

void
berth_depot_import(BerthDepot *self, BerthUpload *upload, BerthDepotDone done, void *user_data)
{
    g_autoptr(GError) error = NULL;
    if (upload->operation[0] != '\0') {
        done(BERTH_OK, "", user_data);
        return;
    }
    if (upload->is_writing || upload->is_importing) {
        done(BERTH_ERR_BUSY, "the upload is still being written", user_data);
        return;
    }
    if (!berth_upload_is_complete(upload, &error)) {
        done(error->code, error->message, user_data);
        return;
    }
    Begin *begin = g_new0(Begin, 1);
    begin->depot = self;
    begin->upload = upload;
    begin->done = done;
    begin->user_data = user_data;
    upload->is_importing = true;
    int code = berth_store_submit(self->broker->store, run_begin, begin_done, begin);
    if (code != BERTH_OK) {
        begin_done(code, begin);
    }
}

/* What the store knows of an upload's import. */
typedef struct {
    BerthUpload *upload;
    char operation[BERTH_ID_HEX_CHARS + 1];
    char version[BERTH_ID_HEX_CHARS + 1];
    char state[16]; /* "" : never began */
} Found;

static int
run_look_up(BerthTx *tx, void *data)
{
    Found *found = data;
    BerthRows rows;
    found->state[0] = '\0';
    berth_tx_query(tx, &rows, BERTH_SQL_IMPORT_OF_UPLOAD, "s", found->upload->id);
    if (berth_rows_next(&rows)) {
        g_strlcpy(found->operation, berth_rows_text(&rows, 0), sizeof(found->operation));
        g_strlcpy(found->version, berth_rows_text(&rows, 1), sizeof(found->version));
        g_strlcpy(found->state, berth_rows_text(&rows, 2), sizeof(found->state));
    }
    return berth_rows_end(&rows);
}

/* Before the first tick calls it silent. */
static int
run_revive(BerthTx *tx, void *data)
{
    const Found *found = data;
    BerthCause cause = cause_of(found->upload);
    return berth_operation_progress(tx, &cause, found->operation, 0,
                                    "goes on after a restart of the broker");
}

/* Its operation ended without us: nothing will ever fill the draft. */
static int
run_forget(BerthTx *tx, void *data)
{
    const Found *found = data;
    BerthCause cause = cause_of(found->upload);
    int error = berth_image_version_step(
        tx, &cause, found->version, BERTH_IMAGE_VERSION_EVENT_DELETE, "its import was given up");
    return error == BERTH_ERR_STATE ? BERTH_OK : error;
}

static bool
resume(BerthDepot *self, BerthUpload *upload, GError **error)
{
    Found found = { .upload = upload };
    int code = berth_store_read(self->broker->store, run_look_up, &found);
    if (code == BERTH_OK && strcmp(found.state, "running") == 0) {
        code = berth_store_write(self->broker->store, run_revive, &found);
    } else if (code == BERTH_OK && strcmp(found.state, "failed") == 0) {
        code = berth_store_write(self->broker->store, run_forget, &found);
    }
    if (code != BERTH_OK) {
        return berth_set_error(error, code, "cannot look for the import of upload %s: %s",
                               upload->id, berth_error_sentence(code));
    }
    if (strcmp(found.state, "running") == 0) {
        berth_log_info("depot", "import %s goes on", found.operation);
        g_strlcpy(upload->operation, found.operation, sizeof(upload->operation));
        g_strlcpy(upload->version, found.version, sizeof(upload->version));
        berth_imports_run(self, upload);
    } else if (strcmp(found.state, "done") == 0) {
        berth_depot_drop(self, upload);
    } else if (upload->operation[0] != '\0') {
        release(self, upload, BERTH_ERR_IO); /* it failed, or was given up: may begin anew */
    }
    return true;
}

bool
berth_imports_resume(BerthDepot *self, GError **error)
{
    g_autoptr(GList) uploads = g_hash_table_get_values(self->table);
    for (GList *link = uploads; link != NULL; link = link->next) {
        if (!resume(self, link->data, error)) {
            return false;
        }
    }
    return true;
}
