/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/images/image-store-private.h"

#include "base/kill-point.h"
#include "base/log.h"
#include "host-agent/images/image-keep.h"

#include <sys/stat.h>

static bool
is_wanted(BerthImageStore *self, const BerthDigest *root)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, self->versions);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthVersionManifest *manifest = &((BerthStoreVersion *)value)->wish.manifest;
        for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
            if (manifest->files[i].is_present &&
                berth_digest_equal(&manifest->files[i].root, root)) {
                return true;
            }
        }
    }
    return false;
}

/* How old the newest file of a root is, by the wall clock. */
static int64_t
age_of(BerthImageStore *self, const BerthDigest *root)
{
    static const char *const suffixes[] = { "img", "part", "chunks" };
    int64_t age_us = INT64_MAX;
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        struct stat info;
        g_autofree char *path = berth_store_folder_file(self->folder, root, suffixes[i]);
        if (lstat(path, &info) == 0) {
            int64_t changed_us = info.st_ctim.tv_sec * G_USEC_PER_SEC;
            age_us = MIN(age_us, berth_clock_now_us(&self->wall) - changed_us);
        }
    }
    return age_us;
}

static bool
is_used(BerthImageStore *self, GHashTable *names, const BerthDigest *root)
{
    char hex[BERTH_DIGEST_HEX_CHARS + 1];
    berth_digest_format(root, hex);
    g_autofree char *name = g_strconcat(hex, ".img", NULL);
    const BerthStoreFile *file = g_hash_table_lookup(self->files, root);
    return g_hash_table_contains(names, name) || (file != NULL && file->job != NULL);
}

/* Since when a root is not wanted; 0 if it is. */
static int64_t
note_unwanted(BerthImageStore *self, const BerthDigest *root, bool is_root_wanted)
{
    const int64_t *since = g_hash_table_lookup(self->unwanted, root);
    if (is_root_wanted) {
        g_hash_table_remove(self->unwanted, root);
        return 0;
    }
    if (since != NULL) {
        return *since;
    }
    g_hash_table_insert(self->unwanted, g_memdup2(root, sizeof *root),
                        g_memdup2(&self->heard_us, sizeof self->heard_us));
    return self->heard_us;
}

static void
remove_root(BerthImageStore *self, const BerthDigest *root)
{
    g_autoptr(GError) error = NULL;
    char hex[BERTH_DIGEST_HEX_CHARS + 1];
    berth_digest_format(root, hex);
    berth_kill_point(BERTH_KILL_REPLICATE_REMOVING);
    g_hash_table_remove(self->unwanted, root);
    g_mutex_lock(&self->served_lock);
    g_hash_table_remove(self->served, root);
    g_mutex_unlock(&self->served_lock);
    if (berth_store_folder_remove(self->folder, root, &error)) {
        berth_log_info("image", "%s.img is removed: no version that is wanted needs it", hex);
    } else {
        berth_log_warning("image", "%s", error->message);
    }
}

void
berth_image_store_clean(BerthImageStore *self)
{
    if (self->folder == NULL || self->wanted == NULL) {
        return;
    }
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GArray) roots = berth_store_folder_list(self->folder);
    self->add_used(names, self->user_data);
    for (guint i = 0; i < roots->len; i++) {
        const BerthDigest *root = &g_array_index(roots, BerthDigest, i);
        BerthImageFacts facts = {
            .is_wanted = is_wanted(self, root),
            .is_used = is_used(self, names, root),
            .is_safe_mode = self->is_safe_mode,
            .heard_us = self->heard_us,
            .age_us = age_of(self, root),
        };
        facts.unwanted_us = note_unwanted(self, root, facts.is_wanted);
        if (berth_image_may_go(&facts)) {
            remove_root(self, root);
        }
    }
}
