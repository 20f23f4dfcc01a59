/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/disks/disk-journal.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "host-agent/json-fields.h"
#include "host-agent/state-file.h"

#include <unistd.h>

#define JOURNAL_MAX_BYTES 4096

bool
berth_disk_journal_load(const char *folder, const char *hex_id, BerthDiskJournal *ret,
                        bool *ret_is_there, GError **error)
{
    BerthJsonFields fields;
    BerthDiskJournal journal = { 0 };
    GError *problem = NULL;
    g_autofree char *name = g_strconcat(hex_id, ".json", NULL);
    json_t *object = berth_state_file_load(folder, name, JOURNAL_MAX_BYTES, &problem);
    if (object == NULL && problem->code == BERTH_ERR_NOT_FOUND) {
        g_error_free(problem);
        *ret_is_there = false;
        return true;
    }
    if (object == NULL) {
        g_propagate_error(error, problem);
        return false;
    }
    berth_json_fields_init(&fields, object, "journal of a disk");
    journal.epoch = (uint64_t)berth_json_fields_int(&fields, "epoch", 0, INT64_MAX);
    journal.is_formatted = berth_json_fields_optional_bool(&fields, "formatted", true);
    journal.is_open = berth_json_fields_optional_bool(&fields, "open", true);
    berth_json_fields_optional_id(&fields, "machine", &journal.machine);
    bool is_read = berth_json_fields_finish(&fields, error);
    json_decref(object);
    if (is_read) {
        *ret = journal;
        *ret_is_there = true;
    }
    return is_read;
}

bool
berth_disk_journal_save(const BerthDiskJournal *self, const char *folder, const char *hex_id,
                        GError **error)
{
    g_autofree char *name = g_strconcat(hex_id, ".json", NULL);
    json_t *object = json_pack("{s:I,s:b,s:b}", "epoch", (json_int_t)self->epoch, "formatted",
                               (int)self->is_formatted, "open", (int)self->is_open);
    berth_json_set_id(object, "machine", &self->machine);
    bool is_saved = berth_state_file_save(folder, name, object, error);
    json_decref(object);
    return is_saved;
}

void
berth_disk_journal_remove(const char *folder, const char *hex_id)
{
    g_autofree char *path = g_strdup_printf("%s/%s.json", folder, hex_id);
    unlink(path);
}
