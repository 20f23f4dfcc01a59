/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/page.h"

#include "base/error.h"
#include "broker/api/handlers.h"

#include <string.h>

char *
berth_page_make_cursor(const char *name, const char *key)
{
    g_autofree char *text = g_strconcat(name, "\n", key, NULL);
    /* As it may stand in a URL. */
    return g_strdelimit(g_strdelimit(g_base64_encode((const guchar *)text, strlen(text)), "+", '-'),
                        "/", '_');
}

char *
berth_page_read_cursor(const char *name, const char *cursor)
{
    gsize len = 0;
    size_t prefix = strlen(name);
    if (strlen(cursor) > BERTH_PAGE_MAX_CURSOR_BYTES) {
        return NULL;
    }
    g_autofree char *plain = g_strdelimit(g_strdelimit(g_strdup(cursor), "-", '+'), "_", '/');
    g_autofree guchar *data = g_base64_decode(plain, &len);
    const char *text = (const char *)data;
    if (len <= prefix + 1 || memcmp(text, name, prefix) != 0 || text[prefix] != '\n' ||
        !g_utf8_validate_len(text, len, NULL)) {
        return NULL;
    }
    return g_strndup(text + prefix + 1, len - prefix - 1);
}

int
berth_page_begin(BerthRequest *request, const char *name, BerthPage *ret_page)
{
    const char *cursor = berth_body_text(request->query, "cursor");
    g_autofree char *after = cursor != NULL ? berth_page_read_cursor(name, cursor) : g_strdup("");
    if (after == NULL) {
        return berth_request_explain(request, BERTH_ERR_INVALID,
                                     "\"cursor\" is not from a page of %s; begin again without one",
                                     name);
    }
    *ret_page = (BerthPage){
        .name = name,
        .n_rows = berth_body_int(request->query, "limit", BERTH_PAGE_DEFAULT_ROWS) + 1,
        .after = g_steal_pointer(&after),
        .sees_all = request->sight.sees_all,
        .account = request->account,
        .roles = request->sight.roles,
    };
    return BERTH_OK;
}

int
berth_page_reply(BerthRequest *request, BerthPage *page, int error, json_t *rows,
                 const char *key_column)
{
    if (rows != NULL) {
        g_autofree char *next = NULL;
        size_t n_shown = (size_t)page->n_rows - 1;
        if (json_array_size(rows) > n_shown) {
            json_array_remove(rows, n_shown);
            const json_t *last = json_array_get(rows, n_shown - 1);
            next = berth_page_make_cursor(page->name,
                                          json_string_value(json_object_get(last, key_column)));
        }
        request->reply = json_pack("{s:o, s:s*}", page->name, rows, "next", next);
    }
    g_clear_pointer(&page->after, g_free);
    return error;
}

const char *
berth_page_filter(const BerthRequest *request, const char *key)
{
    const char *value = berth_body_text(request->query, key);
    return value != NULL ? value : "";
}
