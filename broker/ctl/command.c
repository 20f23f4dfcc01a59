/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/ctl/command.h"

#include "base/error.h"
#include "base/secret.h"
#include "berth/limits.h"
#include "broker/ctl/kind.h"

#include <string.h>

static bool
parse_number(const char *text, int64_t *ret)
{
    char *end = NULL;
    *ret = g_ascii_strtoll(text, &end, 10);
    return end != text && *end == '\0' && g_ascii_isdigit(text[0]);
}

static const BerthCtlCommand *
find_command(const char *verb, const char *noun)
{
    for (size_t i = 0; i < berth_ctl_n_commands; i++) {
        const BerthCtlCommand *command = &berth_ctl_commands[i];
        if (strcmp(command->verb, verb) == 0 && g_strcmp0(command->noun, noun) == 0) {
            return command;
        }
    }
    return NULL;
}

static const BerthCtlOption *
find_option(const BerthCtlCommand *command, const char *name)
{
    const BerthCtlOption *option = command->options;
    while (option != NULL && option->kind != BERTH_CTL_OPTION_END) {
        if (strcmp(option->name, name) == 0) {
            return option;
        }
        option++;
    }
    return NULL;
}

static bool
set_member(BerthCtlCall *call, const char *key, json_t *value, GError **error)
{
    if (value == NULL) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "\"%s\" is not valid UTF-8", key);
    }
    if (call->body == NULL) {
        call->body = json_object();
    }
    if (json_object_get(call->body, key) != NULL) {
        json_decref(value);
        return berth_set_error(error, BERTH_ERR_CONFIG, "\"%s\" is given twice", key);
    }
    json_object_set_new(call->body, key, value);
    return true;
}

static bool
add_query(BerthCtlCall *call, const char *key, const char *value)
{
    g_autofree char *escaped = g_uri_escape_string(value, NULL, false);
    g_string_append_printf(call->query, "%s%s=%s", call->query->len > 0 ? "&" : "", key, escaped);
    return true;
}

static bool
read_json_file(BerthCtlCall *call, const char *key, const char *path, GError **error)
{
    json_error_t why;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (json == NULL) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "cannot read \"%s\": line %d: %s", path,
                               why.line, why.text);
    }
    return set_member(call, key, json, error);
}

static bool
read_secret(BerthCtlCall *call, const BerthCtlOption *option, const char *value, GError **error)
{
    int64_t fd = 0;
    if (!parse_number(value, &fd) || fd > INT32_MAX) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "--%s takes a number, not \"%s\"",
                               option->name, value);
    }
    g_autoptr(BerthSecret) secret =
        berth_secret_read_fd((int)fd, BERTH_LIMIT_PASSWORD_BYTES, error);
    if (secret == NULL) {
        return false;
    }
    return set_member(call, option->key, json_string((const char *)berth_secret_bytes(secret)),
                      error);
}

static bool
take_int(BerthCtlCall *call, const BerthCtlOption *option, const char *value, GError **error)
{
    int64_t number = 0;
    if (!parse_number(value, &number)) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "--%s takes a number, not \"%s\"",
                               option->name, value);
    }
    return set_member(call, option->key, json_integer(number), error);
}

static bool
take_bool(BerthCtlCall *call, const BerthCtlOption *option, const char *value, GError **error)
{
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "--%s takes yes or no, not \"%s\"",
                               option->name, value);
    }
    return set_member(call, option->key, json_boolean(value[0] == 'y'), error);
}

/* A day of the calendar, in UTC, as microseconds since 1970. */
static bool
take_day(BerthCtlCall *call, const BerthCtlOption *option, const char *value, GError **error)
{
    bool is_end = option->kind == BERTH_CTL_OPTION_QUERY_DAY_END;
    g_autofree char *text = g_strconcat(value, "T00:00:00Z", NULL);
    g_autoptr(GDateTime) day =
        strlen(value) == strlen("2026-01-31") ? g_date_time_new_from_iso8601(text, NULL) : NULL;
    g_autoptr(GDateTime) time = day != NULL ? g_date_time_add_days(day, is_end ? 1 : 0) : NULL;
    if (time == NULL || g_date_time_to_unix(time) < 0) {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "--%s takes a day as 2026-01-31, not \"%s\"", option->name, value);
    }
    g_autofree char *number =
        g_strdup_printf("%" G_GINT64_FORMAT, g_date_time_to_unix(time) * G_USEC_PER_SEC);
    return add_query(call, option->key, number);
}

static bool
take_option(BerthCtlCall *call, const BerthCtlOption *option, const char *value, GError **error)
{
    switch (option->kind) {
    case BERTH_CTL_OPTION_TEXT:
        return set_member(call, option->key, json_string(value), error);
    case BERTH_CTL_OPTION_INT:
        return take_int(call, option, value, error);
    case BERTH_CTL_OPTION_FLAG:
        return set_member(call, option->key, json_true(), error);
    case BERTH_CTL_OPTION_BOOL:
        return take_bool(call, option, value, error);
    case BERTH_CTL_OPTION_SECRET_FD:
        return read_secret(call, option, value, error);
    case BERTH_CTL_OPTION_JSON_FILE:
        return read_json_file(call, option->key, value, error);
    case BERTH_CTL_OPTION_QUERY:
        return add_query(call, option->key, value);
    case BERTH_CTL_OPTION_QUERY_FLAG:
        return add_query(call, option->key, "true");
    case BERTH_CTL_OPTION_QUERY_DAY:
    case BERTH_CTL_OPTION_QUERY_DAY_END:
        return take_day(call, option, value, error);
    case BERTH_CTL_OPTION_LOCAL:
    case BERTH_CTL_OPTION_LOCAL_TEXT:
        g_hash_table_insert(call->flags, (gpointer)option->name, (gpointer)value);
        return true;
    case BERTH_CTL_OPTION_END:
        break;
    }
    return false;
}

static bool
takes_value(const BerthCtlOption *option)
{
    return option->kind != BERTH_CTL_OPTION_FLAG && option->kind != BERTH_CTL_OPTION_QUERY_FLAG &&
           option->kind != BERTH_CTL_OPTION_LOCAL;
}

static bool
take_argument(BerthCtlCall *call, int number, const char *value, GError **error)
{
    const BerthCtlArg *arg = &call->command->args[number];
    call->args[number] = value;
    switch (arg->kind) {
    case BERTH_CTL_ARG_BODY:
        return set_member(call, arg->key, json_string(value), error);
    case BERTH_CTL_ARG_QUERY:
        return add_query(call, arg->key, value);
    case BERTH_CTL_ARG_KIND:
        if (berth_ctl_find_kind(value) == NULL) {
            return berth_set_error(error, BERTH_ERR_CONFIG,
                                   "there is no kind \"%s\", see berthctl --help", value);
        }
        break;
    default:
        break;
    }
    return true;
}

static bool
take_next_argument(BerthCtlCall *call, int *n_args, const char *value, GError **error)
{
    if (*n_args >= BERTH_CTL_MAX_ARGS || call->command->args[*n_args].kind == BERTH_CTL_ARG_NONE) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "\"%s\" is one word too many", value);
    }
    *n_args += 1;
    return take_argument(call, *n_args - 1, value, error);
}

static bool
check_arguments(const BerthCtlCall *call, int n_args, GError **error)
{
    const BerthCtlArg *next = n_args < BERTH_CTL_MAX_ARGS ? &call->command->args[n_args] : NULL;
    if (next != NULL && next->kind != BERTH_CTL_ARG_NONE && next->name[0] != '[') {
        return berth_set_error(error, BERTH_ERR_CONFIG, "%s is missing", next->name);
    }
    return true;
}

static bool
take_words(int argc, char **argv, BerthCtlCall *call, GError **error)
{
    int n_args = 0;
    for (int i = 0; i < argc; i++) {
        if (!g_str_has_prefix(argv[i], "--")) {
            if (!take_next_argument(call, &n_args, argv[i], error)) {
                return false;
            }
            continue;
        }
        const BerthCtlOption *option = find_option(call->command, argv[i] + 2);
        if (option == NULL) {
            return berth_set_error(error, BERTH_ERR_CONFIG, "there is no option \"%s\" here",
                                   argv[i]);
        }
        if (takes_value(option) && i + 1 >= argc) {
            return berth_set_error(error, BERTH_ERR_CONFIG, "%s takes a value", argv[i]);
        }
        if (!take_option(call, option, takes_value(option) ? argv[++i] : "", error)) {
            return false;
        }
    }
    return check_arguments(call, n_args, error);
}

bool
berth_ctl_parse(int argc, char **argv, BerthCtlCall *ret, GError **error)
{
    ret->query = g_string_new(NULL);
    ret->flags = g_hash_table_new(g_str_hash, g_str_equal);
    if (argc < 1) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "a command is missing, try --help");
    }
    int n_words = 2;
    ret->command = argc > 1 ? find_command(argv[0], argv[1]) : NULL;
    if (ret->command == NULL) {
        n_words = 1;
        ret->command = find_command(argv[0], NULL);
    }
    if (ret->command == NULL) {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "there is no command \"%s%s%s\", try --help", argv[0],
                               argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
    }
    return take_words(argc - n_words, argv + n_words, ret, error);
}

bool
berth_ctl_call_has(const BerthCtlCall *call, const char *option)
{
    return g_hash_table_contains(call->flags, option);
}

const char *
berth_ctl_call_get(const BerthCtlCall *call, const char *option)
{
    return g_hash_table_lookup(call->flags, option);
}

/* A body may hold a password. */
static void
wipe_body(json_t *body)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach (body, key, value) {
        if (json_is_string(value) && strstr(key, "password") != NULL) {
            berth_wipe((char *)json_string_value(value), json_string_length(value));
        }
    }
    json_decref(body);
}

void
berth_ctl_call_clear(BerthCtlCall *call)
{
    if (call->query != NULL) {
        g_string_free(call->query, TRUE);
    }
    g_clear_pointer(&call->flags, g_hash_table_unref);
    g_clear_pointer(&call->body, wipe_body);
    call->query = NULL;
}

static void
append_option(GString *text, const BerthCtlOption *option)
{
    g_string_append_printf(text, "      --%s%s  %s\n", option->name,
                           takes_value(option) ? " X" : "", option->doc);
}

char *
berth_ctl_help(void)
{
    GString *text = g_string_new("Commands:\n");
    for (size_t i = 0; i < berth_ctl_n_commands; i++) {
        const BerthCtlCommand *command = &berth_ctl_commands[i];
        g_string_append_printf(text, "  %s", command->verb);
        if (command->noun != NULL) {
            g_string_append_printf(text, " %s", command->noun);
        }
        for (size_t a = 0; a < BERTH_CTL_MAX_ARGS; a++) {
            if (command->args[a].kind != BERTH_CTL_ARG_NONE) {
                g_string_append_printf(text, " %s", command->args[a].name);
            }
        }
        g_string_append_printf(text, "\n      %s\n", command->doc);
        const BerthCtlOption *option = command->options;
        while (option != NULL && option->kind != BERTH_CTL_OPTION_END) {
            append_option(text, option++);
        }
    }
    g_string_append(text, "\nKinds:");
    for (size_t i = 0; i < berth_ctl_n_kinds; i++) {
        g_string_append_printf(text, " %s", berth_ctl_kinds[i].name);
    }
    g_string_append_c(text, '\n');
    return g_string_free(text, FALSE);
}
