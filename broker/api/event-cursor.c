/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/event-cursor.h"

#include "base/id.h"
#include "berth/errors.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Reads "<chain>:<seq>"; returns what follows, NULL if it is neither. */
static const char *
parse_one(const char *text, char chain[BERTH_ID_HEX_CHARS + 1], int64_t *ret_seq)
{
    BerthId id;
    int64_t seq = 0;
    int n_digits = 0;
    if (strnlen(text, BERTH_ID_HEX_CHARS + 1) <= BERTH_ID_HEX_CHARS ||
        text[BERTH_ID_HEX_CHARS] != ':') {
        return NULL;
    }
    g_strlcpy(chain, text, BERTH_ID_HEX_CHARS + 1);
    text += BERTH_ID_HEX_CHARS + 1;
    for (; g_ascii_isdigit(*text) && n_digits < 18; n_digits++) {
        seq = seq * 10 + (*text++ - '0');
    }
    *ret_seq = seq;
    return n_digits > 0 && berth_id_parse(chain, &id) == BERTH_OK ? text : NULL;
}

int
berth_event_cursor_parse(const char *text, BerthEventCursor *ret)
{
    memset(ret, 0, sizeof *ret);
    while (*text != '\0') {
        char chain[BERTH_ID_HEX_CHARS + 1];
        int64_t seq = 0;
        text = parse_one(text, chain, &seq);
        if (text == NULL || (*text != ',' && *text != '\0') || ret->n == BERTH_EVENT_CURSOR_MAX ||
            (ret->n > 0 && strcmp(ret->at[ret->n - 1].chain, chain) >= 0)) {
            return BERTH_ERR_INVALID;
        }
        memcpy(ret->at[ret->n].chain, chain, sizeof chain);
        ret->at[ret->n++].seq = seq;
        if (*text == ',' && *++text == '\0') {
            return BERTH_ERR_INVALID;
        }
    }
    return BERTH_OK;
}

void
berth_event_cursor_format(const BerthEventCursor *cursor, char ret_text[BERTH_EVENT_CURSOR_CHARS])
{
    size_t len = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < cursor->n; i++) {
        len += (size_t)g_snprintf(ret_text + len, (gulong)(BERTH_EVENT_CURSOR_CHARS - len),
                                  "%s%s:%" PRId64, i > 0 ? "," : "", cursor->at[i].chain,
                                  cursor->at[i].seq);
    }
}

int64_t
berth_event_cursor_get(const BerthEventCursor *cursor, const char *chain)
{
    for (size_t i = 0; i < cursor->n; i++) {
        if (strcmp(cursor->at[i].chain, chain) == 0) {
            return cursor->at[i].seq;
        }
    }
    return 0;
}

int
berth_event_cursor_set(BerthEventCursor *cursor, const char *chain, int64_t seq)
{
    size_t i = 0;
    while (i < cursor->n && strcmp(cursor->at[i].chain, chain) < 0) {
        i++;
    }
    if (i == cursor->n || strcmp(cursor->at[i].chain, chain) != 0) {
        if (cursor->n == BERTH_EVENT_CURSOR_MAX) {
            return BERTH_ERR_TOO_LARGE;
        }
        memmove(&cursor->at[i + 1], &cursor->at[i], (cursor->n - i) * sizeof cursor->at[0]);
        g_strlcpy(cursor->at[i].chain, chain, sizeof cursor->at[i].chain);
        cursor->n++;
    }
    cursor->at[i].seq = seq;
    return BERTH_OK;
}
