/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists in pages: ?limit=, ?cursor=, and "next" in the answer while there is more.
 *
 * A cursor holds the key of the last row that was shown, so that rows which come and go meanwhile
 * make none of the others appear twice or never.  A statement of a list takes first
 *
 *   ?1 rows at most   ?2 key of the last row seen, '' at first   ?3 1 if the caller sees all
 *   ?4 the caller     ?5 ",role,role," that may see (BerthSight)
 *
 * and its own values from ?6 on; it orders by its key.  Thread: any.
 */
#pragma once

#include "broker/api/request.h"

/* Rows of a page that did not say how many, and at most. */
#define BERTH_PAGE_DEFAULT_ROWS 200
#define BERTH_PAGE_MAX_ROWS 1000
/* Bytes of a cursor. */
#define BERTH_PAGE_MAX_CURSOR_BYTES 512

/* The first two rows of the query table of every list. */
#define BERTH_QUERY_PAGE                                                     \
    BERTH_FIELD_INT("limit", false, 1, BERTH_PAGE_MAX_ROWS, "rows at most"), \
        BERTH_FIELD_TEXT("cursor", false, 1, BERTH_PAGE_MAX_CURSOR_BYTES,    \
                         "\"next\" of the page before")

typedef struct {
    const char *name; /* of the list in the answer */
    int64_t n_rows;   /* one more than are shown: whether there is more */
    char *after;      /* key */
    int64_t sees_all;
    const char *account;
    const char *roles;
} BerthPage;

/* What comes first in the types and the values of a list's statement. */
#define BERTH_PAGE_TYPES "isiss"
#define BERTH_PAGE_VALUES(page) \
    (page).n_rows, (page).after, (page).sees_all, (page).account, (page).roles

/*
 * Reads limit and cursor of a request.
 *
 * name:  of the list, "machines"; a cursor of another list is refused
 *
 * Errors: BERTH_ERR_INVALID; detail is filled in.  End with berth_page_reply() on success only.
 */
int berth_page_begin(BerthRequest *request, const char *name, BerthPage *ret_page);

/*
 * Makes the answer and clears the page.
 *
 * error:       of the query; passed on
 * rows:        array, taken; NULL on error
 * key_column:  member of each row that the list is ordered by
 */
int berth_page_reply(BerthRequest *request, BerthPage *page, int error, json_t *rows,
                     const char *key_column);

/* Cursor of a key, to be freed with g_free().  Pure. */
char *berth_page_make_cursor(const char *name, const char *key);

/*
 * Key in a cursor, to be freed with g_free(); NULL if it is not one of this list.  Pure.
 */
char *berth_page_read_cursor(const char *name, const char *cursor);

/* A filter of the query string; "" if it was not given. */
const char *berth_page_filter(const BerthRequest *request, const char *key);
