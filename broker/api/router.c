/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/router.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/api/handlers.h"

#include <stdarg.h>
#include <string.h>

static bool
is_word(const char *text, size_t len)
{
    if (len == 0 || len >= BERTH_REQUEST_PART_CHARS) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isalnum(text[i]) && strchr("-_.", text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* Takes one piece of a path, between slashes, for a hole of the pattern. */
static bool
fill_hole(const char *hole, const char *text, size_t len, BerthRouteHit *hit)
{
    BerthId id;
    if (strncmp(hole, "{id}", 4) == 0) {
        if (len != BERTH_ID_HEX_CHARS) {
            return false;
        }
        g_strlcpy(hit->id, text, sizeof hit->id);
        return berth_id_parse(hit->id, &id) == BERTH_OK;
    }
    if (!is_word(text, len)) {
        return false;
    }
    g_strlcpy(hit->part, text, len + 1);
    return true;
}

static bool
match_path(const char *pattern, const char *path, BerthRouteHit *hit)
{
    hit->id[0] = '\0';
    hit->part[0] = '\0';
    while (*pattern != '\0') {
        if (*pattern == '{') {
            size_t len = strcspn(path, "/");
            if (!fill_hole(pattern, path, len, hit)) {
                return false;
            }
            pattern += strcspn(pattern, "}") + 1;
            path += len;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

int
berth_router_find(const char *method, const char *path, bool is_internal, BerthRouteHit *ret_hit)
{
    int error = BERTH_ERR_NOT_FOUND;
    const BerthRoute *route = NULL;
    BerthRouteHit hit;
    ret_hit->allow = NULL;
    for (size_t i = 0; (route = berth_route_get(i)) != NULL; i++) {
        if ((route->permission == BERTH_PERMIT_INTERNAL && !is_internal) ||
            !match_path(route->path, path, &hit)) {
            continue;
        }
        if (strcmp(route->method, method) == 0) {
            *ret_hit = hit;
            ret_hit->route = route;
            ret_hit->allow = method;
            return BERTH_OK;
        }
        error = BERTH_ERR_UNSUPPORTED;
        ret_hit->allow = route->method;
    }
    return error;
}

int
berth_request_explain(BerthRequest *request, int error, const char *detail, ...)
{
    va_list args;
    va_start(args, detail);
    g_free(request->detail);
    request->detail = g_strdup_vprintf(detail, args);
    va_end(args);
    return error;
}

BerthCause
berth_request_cause(const BerthRequest *request)
{
    return (BerthCause){ .now_us = request->now_us, .actor = request->actor };
}

int
berth_request_find_owner(BerthTx *tx, BerthRequest *request, BerthStatement statement,
                         const char *kind)
{
    g_autofree char *id = NULL;
    int error = berth_tx_get_text(tx, &id, statement, "s", request->id);
    return error != BERTH_ERR_NOT_FOUND
               ? error
               : berth_request_explain(request, error, "there is no %s \"%s\"", kind, request->id);
}

int
berth_request_find(BerthTx *tx, BerthRequest *request, BerthStatement statement, const char *key,
                   char ret_id[BERTH_ID_HEX_CHARS + 1])
{
    const char *name = berth_body_text(request->body, key);
    g_autofree char *id = NULL;
    if (name == NULL) {
        ret_id[0] = '\0';
        return BERTH_OK;
    }
    int error = berth_tx_get_text(tx, &id, statement, "s", name);
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, error, "there is no %s \"%s\"", key, name);
    }
    if (error == BERTH_OK) {
        g_strlcpy(ret_id, id, BERTH_ID_HEX_CHARS + 1);
    }
    return error;
}
