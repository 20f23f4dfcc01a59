/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/steps-private.h"

#include "base/error.h"

int
berth_steps_audit(BerthTx *tx, const BerthCause *cause, const BerthFsmTable *table, const char *id,
                  int from, int event, int to, json_t *data, const char *reason)
{
    g_autofree char *kind =
        g_strdup_printf("%s.%s", table->name, berth_fsm_event_name(table, event));
    json_object_set_new(data, "from", json_string(berth_fsm_state_name(table, from)));
    json_object_set_new(data, "to", json_string(berth_fsm_state_name(table, to)));
    if (reason[0] != '\0') {
        json_object_set_new(data, "reason", json_string(reason));
    }
    return berth_audit(tx, cause, kind, id, data);
}

GPtrArray *
berth_steps_read_ids(BerthTx *tx, BerthStatement statement, const char *value, int *ret_error)
{
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    BerthRows rows;
    berth_tx_query(tx, &rows, statement, "s", value);
    while (berth_rows_next(&rows)) {
        g_ptr_array_add(ids, g_strdup(berth_rows_text(&rows, 0)));
    }
    *ret_error = berth_rows_end(&rows);
    return ids;
}
