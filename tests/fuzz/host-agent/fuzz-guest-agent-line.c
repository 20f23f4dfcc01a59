/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a guest may say as its agent: to guest-sync nothing but our own number counts, an answer is
 * one or is refused, and so is the status of a script.
 */
#include "host-agent/vm/guest-exec.h"

#include "berth/errors.h"
#include "berth/limits.h"

#include <glib.h>
#include <string.h>

#define SYNC_ID 42

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_answer(const char *line, size_t len)
{
    json_t *root = NULL;
    BerthGuestExecResult result;
    char *out = NULL, *err = NULL;
    if (berth_guest_agent_read_answer(line, len, &root) == BERTH_OK &&
        berth_guest_exec_read_status(json_object_get(root, "return"), &result, &out, &err) ==
            BERTH_OK) {
        g_assert(result.status >= 0 && result.status <= 255);
        g_assert(result.out_bytes + result.err_bytes <= BERTH_LIMIT_GUEST_OUTPUT_BYTES);
        g_assert(out[result.out_bytes] == '\0' && err[result.err_bytes] == '\0');
    }
    g_free(out);
    g_free(err);
    json_decref(root);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_answer((const char *)data, size);
    if (berth_guest_agent_is_sync_answer((const char *)data, size, SYNC_ID)) {
        g_assert(memmem(data, size, "42", 2) != NULL);
    }
    return 0;
}
