/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/launch-link.h"

#include "base/error.h"
#include "base/read-start.h"
#include "base/secret.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <string.h>

#define SCHEME "berth:"
#define BEGINNING "berth://"
#define HEADING "[berth]"

static bool
refuse(const char *why, GError **error)
{
    return berth_set_error(error, BERTH_ERR_INVALID,
                           _("this link to a desktop cannot be used (%s); ask for a new one"), why);
}

/* Text that people can be shown: nothing that moves the cursor or turns the text around. */
static bool
is_printable(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL)) {
        return false;
    }
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        if (!g_unichar_isprint(g_utf8_get_char(at))) {
            return false;
        }
    }
    return true;
}

static bool
take_desktop(const char *text, BerthLaunchLink *link, GError **error)
{
    if (text[0] == '\0' || strlen(text) > BERTH_LIMIT_NAME_BYTES || !is_printable(text)) {
        return refuse(_("the name of the desktop is empty, too long or not text"), error);
    }
    g_strlcpy(link->desktop, text, sizeof link->desktop);
    return true;
}

static bool
take_code(const char *text, BerthLaunchLink *link, GError **error)
{
    if (strlen(text) != BERTH_LAUNCH_CODE_CHARS ||
        strspn(text, "0123456789abcdef") != BERTH_LAUNCH_CODE_CHARS) {
        return refuse(_("its code is damaged"), error);
    }
    memcpy(link->code, text, sizeof link->code);
    return true;
}

/* Decodes %XX in place of nothing: the result is as long at most.  NULL for bad escapes.  Owned. */
static char *
unescape(const char *text)
{
    GString *plain = g_string_new(NULL);

    for (const char *at = text; *at != '\0'; at++) {
        int value = *at;

        if (*at == '%') {
            if (!g_ascii_isxdigit(at[1]) || !g_ascii_isxdigit(at[2])) {
                return g_string_free(plain, TRUE);
            }
            value = 16 * g_ascii_xdigit_value(at[1]) + g_ascii_xdigit_value(at[2]);
            at += 2;
        }
        if (value == 0) {
            return g_string_free(plain, TRUE);
        }
        g_string_append_c(plain, (char)value);
    }
    return g_string_free(plain, FALSE);
}

static bool
take_path(const char *path, BerthLaunchLink *link, GError **error)
{
    g_autofree char *name = unescape(path);

    if (path[0] == '\0') {
        return true;
    }
    if (name == NULL || strchr(path, '/') != NULL) {
        return refuse(_("the name of the desktop is damaged"), error);
    }
    return take_desktop(name, link, error);
}

static bool
take_query(const char *query, BerthLaunchLink *link, GError **error)
{
    if (!g_str_has_prefix(query, "code=")) {
        return refuse(_("it holds something that is neither broker nor desktop nor code"), error);
    }
    return take_code(query + strlen("code="), link, error);
}

static bool
take_parts(char *text, BerthLaunchLink *link, GError **error)
{
    char *query = strchr(text, '?');
    char *path;
    g_autoptr(GError) why = NULL;

    if (query != NULL) {
        *query++ = '\0';
    }
    path = strchr(text, '/');
    if (path != NULL) {
        *path++ = '\0';
    }
    if (!berth_broker_address_parse(text, &link->address, &why)) {
        return refuse(why->message, error);
    }
    return (path == NULL || take_path(path, link, error)) &&
           (query == NULL || take_query(query, link, error));
}

bool
berth_launch_link_parse(const char *text, BerthLaunchLink *ret, GError **error)
{
    BerthLaunchLink link = { 0 };
    size_t len = strlen(text);
    g_autofree char *copy = NULL;
    bool is_good;

    if (len > BERTH_LIMIT_LAUNCH_LINK_BYTES) {
        return refuse(_("it is too long"), error);
    }
    if (g_ascii_strncasecmp(text, BEGINNING, strlen(BEGINNING)) != 0) {
        return refuse(_("it does not begin with berth://"), error);
    }
    copy = g_strdup(text + strlen(BEGINNING));
    is_good = is_printable(copy) && strstr(copy, "://") == NULL && strpbrk(copy, "#@\\ ") == NULL
                  ? take_parts(copy, &link, error)
                  : refuse(_("it holds a character that is not allowed"), error);
    berth_wipe(copy, strlen(text + strlen(BEGINNING)));
    if (is_good) {
        *ret = link;
    }
    berth_launch_link_clear(&link);
    return is_good;
}

/* One "key=value"; each key at most once. */
static bool
take_line(char *line, BerthLaunchLink *link, GError **error)
{
    char *value = is_printable(line) ? strchr(line, '=') : NULL;
    g_autoptr(GError) why = NULL;

    if (value == NULL) {
        return refuse(_("a line of the file is not key=value"), error);
    }
    *value++ = '\0';
    if (strcmp(line, "broker") == 0 && link->address.port == 0) {
        return berth_broker_address_parse(value, &link->address, &why) ||
               refuse(why->message, error);
    }
    if (strcmp(line, "desktop") == 0 && link->desktop[0] == '\0') {
        return take_desktop(value, link, error);
    }
    if (strcmp(line, "code") == 0 && link->code[0] == '\0') {
        return take_code(value, link, error);
    }
    return refuse(_("the file holds a key that is not known or comes twice"), error);
}

static bool
take_lines(char *text, BerthLaunchLink *link, GError **error)
{
    bool has_heading = false;
    char *rest = text;

    while (rest != NULL) {
        char *line = rest;
        char *end = strchr(line, '\n');

        rest = end != NULL ? end + 1 : NULL;
        if (end != NULL) {
            *end = '\0';
        }
        g_strchomp(line);
        if (line[0] == '\0') {
            continue;
        }
        if (!has_heading && strcmp(line, HEADING) != 0) {
            return refuse(_("the file does not begin with [berth]"), error);
        }
        if (has_heading && !take_line(line, link, error)) {
            return false;
        }
        has_heading = true;
    }
    return link->address.port != 0 || refuse(_("the file names no broker"), error);
}

bool
berth_launch_link_parse_file(const char *text, size_t len, BerthLaunchLink *ret, GError **error)
{
    BerthLaunchLink link = { 0 };
    char copy[BERTH_LIMIT_LAUNCH_LINK_BYTES + 1];
    bool is_good;

    if (len > BERTH_LIMIT_LAUNCH_LINK_BYTES || memchr(text, '\0', len) != NULL) {
        return refuse(_("the file is too large or not text"), error);
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    is_good = take_lines(copy, &link, error);
    if (is_good) {
        *ret = link;
    }
    berth_wipe(copy, sizeof copy);
    berth_launch_link_clear(&link);
    return is_good;
}

bool
berth_launch_link_load(const char *link_or_path, BerthLaunchLink *ret, GError **error)
{
    char text[BERTH_LIMIT_LAUNCH_LINK_BYTES + 1];
    g_autofree char *path = NULL;
    ssize_t len;
    bool is_good;

    if (g_ascii_strncasecmp(link_or_path, SCHEME, strlen(SCHEME)) == 0) {
        return berth_launch_link_parse(link_or_path, ret, error);
    }
    /* File managers may name a file either way. */
    path = g_filename_from_uri(link_or_path, NULL, NULL);
    len = berth_read_file_start(path != NULL ? path : link_or_path, 0, text, sizeof text);
    if (len < 0) {
        return berth_set_error(error, BERTH_ERR_IO,
                               _("cannot read '%s': %s; give a .berth file or a berth:// link"),
                               link_or_path, g_strerror(errno));
    }
    is_good = berth_launch_link_parse_file(text, (size_t)len, ret, error);
    berth_wipe(text, sizeof text);
    return is_good;
}

void
berth_launch_link_clear(BerthLaunchLink *self)
{
    berth_wipe(self, sizeof *self);
}
