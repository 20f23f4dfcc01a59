/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * First byte: which grammar; the rest: a header, a cursor or a query parameter.
 */
#include "berth/errors.h"
#include "broker/api/event-cursor.h"
#include "broker/api/headers.h"
#include "broker/api/page.h"
#include "broker/api/router.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_events(const char *text)
{
    BerthEventCursor cursor;
    BerthEventCursor again;
    char out[BERTH_EVENT_CURSOR_CHARS];
    if (berth_event_cursor_parse(text, &cursor) == BERTH_OK) {
        berth_event_cursor_format(&cursor, out);
        if (berth_event_cursor_parse(out, &again) != BERTH_OK || again.n != cursor.n) {
            abort();
        }
    }
}

/* A route's query: "key=value". */
static void
check_query(char *text)
{
    BerthRouteHit hit;
    g_autoptr(GError) error = NULL;
    json_auto_t *query = json_object();
    char *value = strchr(text, '=');
    if (value == NULL || berth_router_find("GET", "/v1/machines", false, &hit) != BERTH_OK) {
        return;
    }
    *value++ = '\0';
    bool is_good =
        berth_query_add(query, text, value, hit.route->query, hit.route->n_query, &error);
    if (is_good == (error != NULL) || is_good != (json_object_size(query) == 1)) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
    g_autofree char *key = NULL;
    int64_t version = 0;
    switch (data[0] % 5) {
    case 0:
        (void)berth_header_parse_tag(text, &version);
        break;
    case 1:
        (void)berth_header_is_key(text);
        break;
    case 2:
        key = berth_page_read_cursor("machines", text);
        break;
    case 3:
        check_events(text);
        break;
    default:
        check_query(text);
        break;
    }
    return 0;
}
