/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A task as a broker may send it, and a journal as a disk may give it back: whatever is accepted
 * survives its own file.
 */
#include "berth/errors.h"
#include "host-agent/json-fields.h"
#include "host-agent/tasks/task-record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_round_trip(BerthTaskRecord *record)
{
    BerthTaskRecord again;
    json_t *object = berth_task_record_to_json(record);
    g_assert(berth_task_record_from_json(object, &again, NULL));
    json_decref(object);
    json_decref(berth_task_record_report(&again));
    berth_task_record_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthTaskRecord record;
    json_t *object = berth_json_parse_object((const char *)data, size, "task", NULL);
    if (object == NULL) {
        return 0;
    }
    if (berth_task_record_from_wish(object, &record, NULL)) {
        check_round_trip(&record);
        berth_task_record_end(&record, BERTH_OK, "", json_incref(object));
        check_round_trip(&record);
        berth_task_record_clear(&record);
    }
    if (berth_task_record_from_json(object, &record, NULL)) {
        check_round_trip(&record);
        berth_task_record_clear(&record);
    }
    json_decref(object);
    return 0;
}
