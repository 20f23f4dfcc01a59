/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prints docs/openapi.json.
 */
#include "broker/api/openapi.h"

#include <stdio.h>
#include <stdlib.h>

int
main(void)
{
    json_auto_t *document = berth_openapi_new();
    char *text = json_dumps(document, JSON_INDENT(1) | JSON_SORT_KEYS);
    if (text == NULL || puts(text) < 0) {
        return 1;
    }
    free(text);
    return 0;
}
