/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes give a connection file whose values are all checked, or a sentence. */
#include "client/core/connection-file.h"

#include "base/error.h"
#include "berth/limits.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(const char *name, const char *allowed)
{
    g_assert(name[0] != '\0' && strlen(name) <= BERTH_CONNECTION_NAME_CHARS);
    for (const char *at = name; *at != '\0'; at++) {
        g_assert(g_ascii_isalnum(*at) || strchr(allowed, *at) != NULL);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthConnectionFile file = { 0 };
    g_autoptr(GError) error = NULL;

    if (berth_connection_file_parse((const char *)data, size, &file, &error)) {
        g_assert(error == NULL && size <= BERTH_LIMIT_CONNECTION_FILE_BYTES && file.port != 0);
        check_name(file.host, ".-_:");
        check_name(file.sni, ".-_");
    } else {
        g_assert(error != NULL && error->code == BERTH_ERR_CONFIG && file.port == 0);
        g_assert(g_utf8_validate(error->message, -1, NULL));
    }
    berth_connection_file_clear(&file);
    return 0;
}
