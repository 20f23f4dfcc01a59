/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/probe-action.h"

#include "base/error.h"
#include "berth/limits.h"

#include <string.h>

/* Longest wait and hold: a day. */
#define MAX_TIME_MS (24LL * 3600 * 1000)

#define ARG(arg) BERTH_PROBE_ARG_##arg

/* clang-format off */
static const BerthProbeRow table[] = {
    { "type", BERTH_PROBE_TYPE, ARG(TEXT), "TEXT", "type a text", false },
    { "key", BERTH_PROBE_KEY, ARG(KEYS), "KEYS", "press and release keys: enter, ctrl+alt+t", false },
    { "key-down", BERTH_PROBE_KEY_DOWN, ARG(KEYS), "KEYS", "press keys and hold them", false },
    { "key-up", BERTH_PROBE_KEY_UP, ARG(KEYS), "KEYS", "release keys", false },
    { "click", BERTH_PROBE_CLICK, ARG(BUTTON_POINT), "X,Y[,BUTTON]", "click there; left, middle or right", false },
    { "move", BERTH_PROBE_MOVE, ARG(POINT), "X,Y", "move the pointer there", false },
    { "wheel", BERTH_PROBE_WHEEL, ARG(NUMBER), "N", "turn the wheel by N notches, up if positive", false },
    { "text", BERTH_PROBE_TEXT, ARG(FILE), "TEXT", "enter a text as an input method does", false },
    { "layout", BERTH_PROBE_LAYOUT, ARG(FILE), "LAYOUT", "tell the guest the keyboard's layout: de, or us,ru", false },
    { "touch", BERTH_PROBE_TOUCH, ARG(POINT), "X,Y", "touch the screen there with a finger", false },
    { "resize", BERTH_PROBE_RESIZE, ARG(SIZE), "WxH", "ask the guest for a size", false },
    { "refresh", BERTH_PROBE_REFRESH, ARG(NONE), NULL, "ask for the whole picture again", false },
    { "wait-stable", BERTH_PROBE_WAIT_STABLE, ARG(TIME), "MS", "wait until nothing changed for so long and nothing lossy is left", false },
    { "wait-change", BERTH_PROBE_WAIT_CHANGE, ARG(OPTIONAL_TIME), "MS", "wait at most so long for a change since the last input", false },
    { "wait-echo", BERTH_PROBE_WAIT_ECHO, ARG(OPTIONAL_TIME), "MS", "wait at most so long until the last press changed the picture", false },
    { "wait-size", BERTH_PROBE_WAIT_SIZE, ARG(SIZE), "WxH", "wait until the picture has that size", false },
    { "wait-open", BERTH_PROBE_WAIT_OPEN, ARG(NONE), NULL, "wait until a lost connection is back", false },
    { "wait-lost", BERTH_PROBE_WAIT_LOST, ARG(NONE), NULL, "wait until the connection is lost", false },
    { "wait-end", BERTH_PROBE_WAIT_END, ARG(NONE), NULL, "wait until the other side ends the session: another device takes it over", false },
    { "wait-notice", BERTH_PROBE_WAIT_NOTICE, ARG(NONE), NULL, "wait until the site has said something to the user", false },
    { "wait-pixel", BERTH_PROBE_WAIT_PIXEL, ARG(COLOR_POINT), "X,Y,RRGGBB", "wait until a pixel has that colour", false },
    { "wait-sound", BERTH_PROBE_WAIT_SOUND, ARG(NONE), NULL, "listen until the desktop plays something", false },
    { "copy", BERTH_PROBE_COPY, ARG(FILE), "FILE", "copy the text (.png: picture, .html: HTML) in FILE, for the desktop to paste", false },
    { "paste", BERTH_PROBE_PASTE, ARG(FILE), "FILE", "save what the desktop has copied as FILE (.png, .html, else text)", false },
    { "send-file", BERTH_PROBE_SEND_FILE, ARG(FILE), "FILE", "send a file or folder to the desktop", false },
    { "take-file", BERTH_PROBE_TAKE_FILE, ARG(FILE), "FOLDER", "save the next file that the desktop sends in a folder", false },
    { "restart", BERTH_PROBE_RESTART, ARG(NONE), NULL, "restart the desktop, and wait until it is open again", false },
    { "report", BERTH_PROBE_REPORT, ARG(FILE), "TEXT", "tell the administrators that something is wrong with the desktop", false },
    { "screenshot", BERTH_PROBE_SCREENSHOT, ARG(FILE), "FILE", "save the picture as PNG", false },
    { "record-sound", BERTH_PROBE_RECORD_SOUND, ARG(FILE), "FILE", "from here on save what is heard as WAV", false },
    { "speak", BERTH_PROBE_SPEAK, ARG(FILE), "FILE", "say a WAV file as soon as the desktop listens", false },
    { "volume", BERTH_PROBE_VOLUME, ARG(PERCENT), "PERCENT", "set how loud the desktop is, 0 to 100", false },
    { "hold", BERTH_PROBE_HOLD, ARG(SECONDS), "S", "stay connected for so many seconds", false },
    { "head", BERTH_PROBE_HEAD, ARG(HEAD), "N", "from here on actions are about head N (0)", false },
    { "pixel", BERTH_PROBE_PIXEL, ARG(POINT), "X,Y", "answer with the colour of a pixel", true },
    { "hash", BERTH_PROBE_HASH, ARG(NONE), NULL, "answer with the SHA-256 of the picture", true },
    { "stats", BERTH_PROBE_STATS, ARG(NONE), NULL, "answer with all numbers", true },
    { "break", BERTH_PROBE_BREAK, ARG(NONE), NULL, "break the connection, as a bad network would", false },
    { "disconnect", BERTH_PROBE_DISCONNECT, ARG(NONE), NULL, "leave the desktop at the end; it goes on", false },
    { "logoff", BERTH_PROBE_LOGOFF, ARG(NONE), NULL, "throw the desktop away at the end", false },
    { "quit", BERTH_PROBE_QUIT, ARG(NONE), NULL, "end the script", true },
};

/* clang-format on */

const BerthProbeRow *
berth_probe_rows(size_t *ret_n_rows)
{
    *ret_n_rows = G_N_ELEMENTS(table);
    return table;
}

const BerthProbeRow *
berth_probe_find_row(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static bool
parse_number(const char *text, int64_t min, int64_t max, int64_t *ret_value)
{
    gint64 value;

    if (text == NULL || !g_ascii_string_to_signed(text, 10, min, max, &value, NULL)) {
        return false;
    }
    *ret_value = value;
    return true;
}

/* Reads "X,Y" or "WxH". */
static bool
parse_pair(const char *first, const char *second, int min, int *ret_x, int *ret_y)
{
    int64_t x, y;

    if (!parse_number(first, min, BERTH_LIMIT_HEAD_SIDE_PX, &x) ||
        !parse_number(second, min, BERTH_LIMIT_HEAD_SIDE_PX, &y)) {
        return false;
    }
    *ret_x = (int)x;
    *ret_y = (int)y;
    return true;
}

static bool
parse_button(const char *text, BerthButton *ret_button)
{
    static const struct {
        const char *name;
        BerthButton button;
    } buttons[] = {
        { "left", BERTH_BUTTON_LEFT },
        { "middle", BERTH_BUTTON_MIDDLE },
        { "right", BERTH_BUTTON_RIGHT },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(buttons); i++) {
        if (strcmp(text, buttons[i].name) == 0) {
            *ret_button = buttons[i].button;
            return true;
        }
    }
    return false;
}

static bool
parse_point(BerthProbeAction *action, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", 4);
    guint n = g_strv_length(parts);
    BerthProbeArg arg = action->row->arg;
    guint64 rgb;

    if (n < 2 || !parse_pair(parts[0], parts[1], 0, &action->x, &action->y)) {
        return false;
    }
    if (arg == ARG(COLOR_POINT)) {
        if (n != 3 || strlen(parts[2]) != 6 ||
            !g_ascii_string_to_unsigned(parts[2], 16, 0, 0xffffff, &rgb, NULL)) {
            return false;
        }
        action->rgb = (uint32_t)rgb;
        return true;
    }
    if (n == 3 && arg == ARG(BUTTON_POINT)) {
        return parse_button(parts[2], &action->button);
    }
    return n == 2;
}

static bool
parse_size(BerthProbeAction *action, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "x", 3);

    return g_strv_length(parts) == 2 && parse_pair(parts[0], parts[1], 1, &action->x, &action->y);
}

/* Seconds with an optional fraction, as milliseconds. */
static bool
parse_seconds(const char *text, int64_t *ret_ms)
{
    char *end = NULL;
    double seconds = g_ascii_strtod(text, &end);

    if (end == text || *end != '\0' || !(seconds >= 0) || seconds > (double)(MAX_TIME_MS / 1000)) {
        return false;
    }
    *ret_ms = (int64_t)(seconds * 1000);
    return true;
}

static bool
is_typeable(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL)) {
        return false;
    }
    for (const char *c = text; *c != '\0'; c = g_utf8_next_char(c)) {
        if (g_unichar_iscntrl(g_utf8_get_char(c))) {
            return false;
        }
    }
    return text[0] != '\0';
}

/* Of the arguments that are one number. */
static const struct {
    int64_t min, max;
} ranges[] = {
    [BERTH_PROBE_ARG_TIME] = { 1, MAX_TIME_MS },
    [BERTH_PROBE_ARG_OPTIONAL_TIME] = { 1, MAX_TIME_MS },
    [BERTH_PROBE_ARG_NUMBER] = { -100, 100 },
    [BERTH_PROBE_ARG_PERCENT] = { 0, 100 },
    [BERTH_PROBE_ARG_HEAD] = { 0, BERTH_LIMIT_HEADS - 1 },
};

static bool
parse_argument(BerthProbeAction *action, const char *text)
{
    BerthProbeArg arg = action->row->arg;

    switch (arg) {
    case BERTH_PROBE_ARG_NONE:
        return false;
    case BERTH_PROBE_ARG_TEXT:
        action->text = g_strdup(text);
        return is_typeable(text);
    case BERTH_PROBE_ARG_FILE:
        action->text = g_strdup(text);
        return text[0] != '\0';
    case BERTH_PROBE_ARG_KEYS:
        return berth_key_map_parse(text, &action->keys, NULL);
    case BERTH_PROBE_ARG_POINT:
    case BERTH_PROBE_ARG_BUTTON_POINT:
    case BERTH_PROBE_ARG_COLOR_POINT:
        return parse_point(action, text);
    case BERTH_PROBE_ARG_SIZE:
        return parse_size(action, text);
    case BERTH_PROBE_ARG_SECONDS:
        return parse_seconds(text, &action->value);
    default:
        return parse_number(text, ranges[arg].min, ranges[arg].max, &action->value);
    }
}

BerthProbeAction *
berth_probe_action_parse(const BerthProbeRow *row, const char *text, GError **error)
{
    BerthProbeAction *action = g_new0(BerthProbeAction, 1);
    bool is_good;

    action->row = row;
    if (text == NULL) {
        is_good = row->arg == ARG(NONE) || row->arg == ARG(OPTIONAL_TIME);
    } else {
        is_good = parse_argument(action, text);
    }
    if (!is_good) {
        berth_set_error(error, BERTH_ERR_INVALID, "'%s' is not good for %s; write %s %s",
                        text != NULL ? text : "", row->name, row->name,
                        row->arg_name != NULL ? row->arg_name : "alone");
        g_clear_pointer(&action, berth_probe_action_free);
    }
    return action;
}

BerthProbeAction *
berth_probe_action_parse_line(const char *line, GError **error)
{
    const char *space = strchr(line, ' ');
    g_autofree char *name = space != NULL ? g_strndup(line, (gsize)(space - line)) : g_strdup(line);
    const BerthProbeRow *row = berth_probe_find_row(name);

    if (row == NULL) {
        berth_set_error(error, BERTH_ERR_INVALID, "'%.40s' is not a command of a probe script",
                        name);
        return NULL;
    }
    return berth_probe_action_parse(row, space != NULL ? space + 1 : NULL, error);
}

void
berth_probe_action_free(BerthProbeAction *action)
{
    if (action != NULL) {
        g_free(action->text);
        g_free(action);
    }
}
