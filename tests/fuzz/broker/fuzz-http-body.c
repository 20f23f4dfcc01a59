/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * First byte: which endpoint.  The rest: its body.
 */
#include "base/error.h"
#include "broker/api/router.h"
#include "policies/policy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_terminated(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const BerthRoute *route = &berth_routes[data[0] % berth_n_routes];
    BerthBody body = { 0 };
    BerthPolicy policy;
    g_autoptr(GError) error = NULL;
    if (berth_body_decode((const char *)data + 1, size - 1, route->fields, route->n_fields, &body,
                          &error)) {
        if (!is_terminated(body.name, sizeof body.name) ||
            !is_terminated(body.password, sizeof body.password) ||
            !is_terminated(body.client_key, sizeof body.client_key)) {
            abort();
        }
        if (body.policy != NULL) {
            (void)berth_policy_from_text(body.policy, &policy, NULL);
        }
    } else if (error == NULL || error->code == BERTH_OK) {
        abort();
    }
    berth_body_clear(&body);
    return 0;
}
