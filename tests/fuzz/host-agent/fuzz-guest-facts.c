/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a hostile guest may write as its facts: a report is bounded and valid JSON.
 */
#include "berth/limits.h"
#include "host-agent/tasks/guest-facts.h"
#include "host-agent/tasks/script-log.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthGuestCheck check;
    BerthScriptLook look;
    const char *text = (const char *)data;
    if (berth_guest_check_read(text, size, &check, NULL)) {
        g_assert(g_utf8_validate(check.os, -1, NULL));
        g_assert(check.used_kib >= 0 && check.free_kib >= 0);
        berth_guest_check_clear(&check);
    }
    json_t *report = berth_guest_facts_read(text, size, NULL);
    if (report != NULL) {
        g_assert(json_dumpb(report, NULL, 0, JSON_COMPACT) <= BERTH_LIMIT_FACTS_BYTES + 1024);
        json_decref(report);
    }
    if (berth_script_log_read(text, size, &look)) {
        g_assert(look.output >= text && look.output + look.n_output_bytes == text + size);
        g_free(berth_script_log_dup_last_line(look.output, look.n_output_bytes));
    }
    return 0;
}
