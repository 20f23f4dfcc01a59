/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/config.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* A configuration is written by hand: more than this is the wrong file. */
#define MAX_FILE_BYTES (1024u * 1024)
#define DEFAULT_MAX_STRING_BYTES 4096

typedef struct {
    char *text; /* STRING, PATH */
    int64_t number;
    bool is_set;
} Value;

struct BerthConfig {
    const BerthConfigRow *schema;
    size_t n;
    Value *values; /* one for each row of the schema */
};

/* Where the parser is, for messages. */
typedef struct {
    BerthConfig *config;
    const char *file;
    const char *folder; /* of relative paths; NULL leaves them */
    int line;
    char *group;
} Parser;

static bool fail(const Parser *parser, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);

static bool
fail(const Parser *parser, GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    return berth_set_error(error, BERTH_ERR_CONFIG, "%s:%d: %s", parser->file, parser->line, text);
}

static int
find_index(const BerthConfig *config, const char *group, const char *key)
{
    for (size_t i = 0; i < config->n; i++) {
        if (strcmp(config->schema[i].group, group) == 0 &&
            strcmp(config->schema[i].key, key) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool
has_group(const BerthConfig *config, const char *group)
{
    for (size_t i = 0; i < config->n; i++) {
        if (strcmp(config->schema[i].group, group) == 0) {
            return true;
        }
    }
    return false;
}

/* Levenshtein distance of two short words, with one row of memory. */
static size_t
edit_distance(const char *a, const char *b)
{
    size_t b_len = strlen(b);
    g_autofree size_t *row = g_new(size_t, b_len + 1);
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = MIN(replaced, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_len];
}

static bool
fail_unknown_key(const Parser *parser, const char *key, GError **error)
{
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < parser->config->n && strlen(key) < 64; i++) {
        const BerthConfigRow *row = &parser->config->schema[i];
        size_t distance = edit_distance(key, row->key);
        if (strcmp(row->group, parser->group) == 0 && distance < least) {
            least = distance;
            nearest = row->key;
        }
    }
    if (!nearest) {
        return fail(parser, error, "[%s] has no key \"%.64s\"", parser->group, key);
    }
    return fail(parser, error, "[%s] has no key \"%s\", did you mean \"%s\"?", parser->group, key,
                nearest);
}

static bool
parse_int(const char *text, int64_t *ret_number, const char **ret_rest)
{
    if (!g_ascii_isdigit(text[text[0] == '-' ? 1 : 0])) {
        return false;
    }
    char *rest;
    errno = 0;
    gint64 number = g_ascii_strtoll(text, &rest, 10);
    if (errno != 0) {
        return false;
    }
    *ret_number = number;
    *ret_rest = rest;
    return true;
}

static bool
apply_size_suffix(const char *suffix, int64_t *number)
{
    static const char letters[] = "KMGT";
    if (suffix[0] == '\0') {
        return true;
    }
    const char *letter = strchr(letters, suffix[0]);
    if (!letter || suffix[1] != '\0') {
        return false;
    }
    return !__builtin_mul_overflow(*number, (int64_t)1 << (10 * (letter - letters + 1)), number);
}

static bool
set_number(Parser *parser, const BerthConfigRow *row, Value *value, const char *text,
           GError **error)
{
    const char *rest;
    int64_t number;
    bool is_size = row->type == BERTH_CONFIG_SIZE;
    if (!parse_int(text, &number, &rest) ||
        !(is_size ? apply_size_suffix(rest, &number) : rest[0] == '\0')) {
        return fail(parser, error, "%s \"%s\" is not a %s", row->key, text,
                    is_size ? "size such as 512M" : "whole number");
    }
    if (number < row->min || number > row->max) {
        return fail(parser, error, "%s %s is not between %" PRId64 " and %" PRId64, row->key, text,
                    row->min, row->max);
    }
    value->number = number;
    return true;
}

static bool
set_bool(Parser *parser, const BerthConfigRow *row, Value *value, const char *text, GError **error)
{
    static const char *const yes[] = { "true", "yes", "on", NULL };
    static const char *const no[] = { "false", "no", "off", NULL };
    if (!g_strv_contains(yes, text) && !g_strv_contains(no, text)) {
        return fail(parser, error, "%s \"%s\" is neither true nor false", row->key, text);
    }
    value->number = g_strv_contains(yes, text);
    return true;
}

static bool
set_string(Parser *parser, const BerthConfigRow *row, Value *value, const char *text,
           GError **error)
{
    int64_t len = (int64_t)strlen(text);
    int64_t max = row->max > 0 ? row->max : DEFAULT_MAX_STRING_BYTES;
    if (len < row->min || len > max) {
        return fail(parser, error, "%s is %" PRId64 " bytes long, not %" PRId64 " to %" PRId64,
                    row->key, len, row->min, max);
    }
    g_free(value->text);
    bool is_relative = row->type == BERTH_CONFIG_PATH && len > 0 && !g_path_is_absolute(text);
    value->text = is_relative && parser->folder ? g_build_filename(parser->folder, text, NULL)
                                                : g_strdup(text);
    return true;
}

static bool
set_value(Parser *parser, size_t index, const char *text, GError **error)
{
    const BerthConfigRow *row = &parser->config->schema[index];
    Value *value = &parser->config->values[index];
    switch (row->type) {
    case BERTH_CONFIG_INT:
    case BERTH_CONFIG_SIZE:
        return set_number(parser, row, value, text, error);
    case BERTH_CONFIG_BOOL:
        return set_bool(parser, row, value, text, error);
    case BERTH_CONFIG_STRING:
    case BERTH_CONFIG_PATH:
        return set_string(parser, row, value, text, error);
    }
    return fail(parser, error, "%s has no known type", row->key);
}

static bool
parse_group(Parser *parser, char *line, GError **error)
{
    size_t len = strlen(line);
    if (len < 3 || line[len - 1] != ']') {
        return fail(parser, error, "\"%.64s\" is not a group such as [name]", line);
    }
    line[len - 1] = '\0';
    if (!has_group(parser->config, line + 1)) {
        return fail(parser, error, "there is no group \"%.64s\"", line + 1);
    }
    g_free(parser->group);
    parser->group = g_strdup(line + 1);
    return true;
}

static bool
parse_pair(Parser *parser, char *line, GError **error)
{
    char *equals = strchr(line, '=');
    if (!equals) {
        return fail(parser, error, "\"%.64s\" is neither a group nor key = value", line);
    }
    *equals = '\0';
    const char *key = g_strstrip(line);
    const char *text = g_strstrip(equals + 1);
    if (!parser->group) {
        return fail(parser, error, "\"%.64s\" stands before the first group", key);
    }
    int index = find_index(parser->config, parser->group, key);
    if (index < 0) {
        return fail_unknown_key(parser, key, error);
    }
    if (parser->config->values[index].is_set) {
        return fail(parser, error, "%s is given twice", key);
    }
    parser->config->values[index].is_set = true;
    return set_value(parser, (size_t)index, text, error);
}

static bool
parse_lines(Parser *parser, const char *text, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (int i = 0; lines[i]; i++) {
        char *line = g_strstrip(lines[i]);
        parser->line = i + 1;
        if (line[0] == '\0' || line[0] == '#' || line[0] == ';') {
            continue;
        }
        if (line[0] == '[' ? !parse_group(parser, line, error) : !parse_pair(parser, line, error)) {
            return false;
        }
    }
    return true;
}

static bool
fill_defaults(Parser *parser, GError **error)
{
    const BerthConfig *config = parser->config;
    for (size_t i = 0; i < config->n; i++) {
        const BerthConfigRow *row = &config->schema[i];
        if (config->values[i].is_set) {
            continue;
        }
        if (!row->default_value) {
            return berth_set_error(error, BERTH_ERR_CONFIG, "%s: [%s] lacks \"%s\"", parser->file,
                                   row->group, row->key);
        }
        /* An empty default means "none" and need not fit the limits of a given value. */
        if (row->default_value[0] == '\0' && row->type != BERTH_CONFIG_BOOL) {
            g_free(config->values[i].text);
            config->values[i].text = g_strdup("");
        } else if (!set_value(parser, i, row->default_value, error)) {
            return false;
        }
    }
    return true;
}

static BerthConfig *
parse(const BerthConfigRow *schema, size_t n, const char *text, size_t len, const char *file,
      const char *folder, GError **error)
{
    g_autoptr(BerthConfig) config = g_new0(BerthConfig, 1);
    config->schema = schema;
    config->n = n;
    config->values = g_new0(Value, n);
    Parser parser = { .config = config, .file = file, .folder = folder, .line = 1 };

    g_autofree char *copy = g_strndup(text, len);
    bool is_good = true;
    if (strlen(copy) != len || !g_utf8_validate(copy, -1, NULL)) {
        is_good = berth_set_error(error, BERTH_ERR_CONFIG, "%s: this is not UTF-8 text", file);
    }
    is_good = is_good && parse_lines(&parser, copy, error) && fill_defaults(&parser, error);
    g_free(parser.group);
    return is_good ? g_steal_pointer(&config) : NULL;
}

BerthConfig *
berth_config_load_data(const BerthConfigRow *schema, size_t n, const char *text, size_t len,
                       GError **error)
{
    return parse(schema, n, text, len, "config", NULL, error);
}

static bool
read_file(const char *path, GString *text, GError **error)
{
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && text->len <= MAX_FILE_BYTES) {
        char chunk[4096];
        n = read(fd, chunk, sizeof(chunk));
        if (n > 0) {
            g_string_append_len(text, chunk, n);
        } else if (n < 0 && errno == EINTR) {
            n = 1;
        }
    }
    if (n < 0) {
        return berth_set_error(error, berth_error_from_errno(errno), "cannot read \"%s\": %s", path,
                               g_strerror(errno));
    }
    if (text->len > MAX_FILE_BYTES) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "\"%s\" is longer than %u bytes", path,
                               MAX_FILE_BYTES);
    }
    return true;
}

BerthConfig *
berth_config_load(const BerthConfigRow *schema, size_t n, const char *path, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (!read_file(path, text, error)) {
        return NULL;
    }
    g_autofree char *absolute = g_canonicalize_filename(path, NULL);
    g_autofree char *folder = g_path_get_dirname(absolute);
    return parse(schema, n, text->str, text->len, path, folder, error);
}

void
berth_config_free(BerthConfig *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; i < config->n; i++) {
        g_free(config->values[i].text);
    }
    g_free(config->values);
    g_free(config);
}

/* Asking for a row that the schema lacks is an error in the program, not in the file. */
static const Value *
get_value(const BerthConfig *config, const char *group, const char *key)
{
    int index = find_index(config, group, key);
    if (index < 0) {
        g_error("the schema has no [%s] %s", group, key);
    }
    return &config->values[index];
}

const char *
berth_config_get_string(const BerthConfig *config, const char *group, const char *key)
{
    const Value *value = get_value(config, group, key);
    return value->text ? value->text : "";
}

int64_t
berth_config_get_int(const BerthConfig *config, const char *group, const char *key)
{
    return get_value(config, group, key)->number;
}

bool
berth_config_get_bool(const BerthConfig *config, const char *group, const char *key)
{
    return get_value(config, group, key)->number != 0;
}

bool
berth_config_is_set(const BerthConfig *config, const char *group, const char *key)
{
    return get_value(config, group, key)->is_set;
}

char *
berth_config_describe(const BerthConfigRow *schema, size_t n)
{
    GString *text = g_string_new(NULL);
    const char *group = NULL;
    for (size_t i = 0; i < n; i++) {
        const BerthConfigRow *row = &schema[i];
        if (!group || strcmp(group, row->group) != 0) {
            g_string_append_printf(text, "%s[%s]\n", group ? "\n" : "", row->group);
            group = row->group;
        }
        g_string_append_printf(text, "# %s\n", row->doc);
        if (row->default_value) {
            g_string_append_printf(text, "#%s = %s\n", row->key, row->default_value);
        } else {
            g_string_append_printf(text, "%s =\n", row->key);
        }
    }
    return g_string_free(text, FALSE);
}
