/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of versions that are to go leave the depot: first its replicas leave the store, so that no
 * host is sent here any more, then the files that no version needs are removed.
 *
 * It runs in the thread of the imports while none runs, so no file that is being made is looked at.
 */
#include "broker/depot/depot-private.h"

#include "base/error.h"
#include "base/log.h"

typedef struct {
    BerthDepot *depot;
    char *place;
    GArray *kept; /* BerthDigest: files of uploads that wait for their seal */
    char root[BERTH_DIGEST_HEX_CHARS + 1];
    int64_t n_versions;
} Sweep;

static void
sweep_free(Sweep *sweep)
{
    sweep->depot->is_sweeping = false;
    g_array_unref(sweep->kept);
    g_free(sweep->place);
    g_free(sweep);
}

static int
run_drop(BerthTx *tx, void *data)
{
    const Sweep *sweep = data;
    return berth_tx_run(tx, BERTH_SQL_DEPOT_LET_GO, "s", sweep->place);
}

static int
run_count(BerthTx *tx, void *data)
{
    Sweep *sweep = data;
    return berth_tx_get_int(tx, &sweep->n_versions, BERTH_SQL_DEPOT_VERSIONS_WITH, "ss",
                            sweep->root, sweep->place);
}

static bool
is_kept(const Sweep *sweep, const BerthDigest *root)
{
    for (guint i = 0; i < sweep->kept->len; i++) {
        if (berth_digest_equal(root, &g_array_index(sweep->kept, BerthDigest, i))) {
            return true;
        }
    }
    return false;
}

static void
maybe_remove(Sweep *sweep, const BerthDigest *root)
{
    g_autoptr(GError) error = NULL;
    BerthDepot *self = sweep->depot;
    if (is_kept(sweep, root) || g_atomic_int_get(&self->cancel)) {
        return;
    }
    berth_digest_format(root, sweep->root);
    if (berth_store_read(self->broker->store, run_count, sweep) != BERTH_OK ||
        sweep->n_versions > 0) {
        return;
    }
    if (berth_store_folder_remove(self->store, root, &error)) {
        berth_log_info("depot", "file %s is of no version here and goes", sweep->root);
    } else {
        berth_log_warning("depot", "%s", error->message);
    }
}

static void
run_remove(void *data)
{
    Sweep *sweep = data;
    g_autoptr(GArray) roots = berth_store_folder_list(sweep->depot->store);
    for (guint i = 0; i < roots->len; i++) {
        maybe_remove(sweep, &g_array_index(roots, BerthDigest, i));
    }
}

static void
remove_done(void *data)
{
    sweep_free(data);
}

static void
drop_done(int error, void *data)
{
    Sweep *sweep = data;
    BerthDepot *self = sweep->depot;
    /* An import that began meanwhile stands before us in the line, or waits for its seal. */
    bool may_go_on = error == BERTH_OK && self->jobs->len == 0 && self->n_sealing == 0 &&
                     !g_atomic_int_get(&self->cancel) && self->importers != NULL;
    if (!may_go_on ||
        berth_worker_pool_submit(self->importers, run_remove, remove_done, sweep) != BERTH_OK) {
        sweep_free(sweep);
    }
}

static void
keep_uploads(Sweep *sweep)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, sweep->depot->table);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthUpload *upload = value;
        for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
            if (upload->files[i].made.is_present) {
                g_array_append_val(sweep->kept, upload->files[i].made.root);
            }
        }
    }
}

void
berth_depot_sweep(BerthDepot *self)
{
    if (self->is_sweeping || self->jobs->len > 0 || self->n_sealing > 0) {
        return;
    }
    Sweep *sweep = g_new0(Sweep, 1);
    sweep->depot = self;
    sweep->place = g_strdup_printf("broker:%s", self->broker->holder);
    sweep->kept = g_array_new(FALSE, FALSE, sizeof(BerthDigest));
    self->is_sweeping = true;
    keep_uploads(sweep);
    int error = berth_store_submit(self->broker->store, run_drop, drop_done, sweep);
    if (error != BERTH_OK) {
        sweep_free(sweep);
    }
}
