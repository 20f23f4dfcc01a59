/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/ctl/command.h"

#include "base/error.h"
#include "base/secret.h"
#include "berth/limits.h"

#include <string.h>

static bool
parse_number(const char *text, int64_t *ret)
{
    char *end = NULL;
    *ret = g_ascii_strtoll(text, &end, 10);
    return end != text && *end == '\0' && g_ascii_isdigit(text[0]);
}

static const BerthCtlCommand *
find_command(const char *noun, const char *verb)
{
    for (size_t i = 0; i < berth_ctl_n_commands; i++) {
        const BerthCtlCommand *command = &berth_ctl_commands[i];
        if (strcmp(command->noun, noun) == 0 && g_strcmp0(command->verb, verb) == 0) {
            return command;
        }
    }
    return NULL;
}

static const BerthCtlOption *
find_option(const BerthCtlCommand *command, const char *name)
{
    for (size_t i = 0; i < BERTH_CTL_MAX_OPTIONS; i++) {
        const BerthCtlOption *option = &command->options[i];
        if (option->kind != BERTH_CTL_OPTION_END && strcmp(option->name, name) == 0) {
            return option;
        }
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
read_json_file(BerthCtlCall *call, const char *key, const char *path, GError **error)
{
    json_error_t why;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (json == NULL) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "cannot read \"%s\": %s", path, why.text);
    }
    return set_member(call, key, json, error);
}

static bool
read_secret(BerthCtlCall *call, const char *key, int fd, GError **error)
{
    g_autoptr(BerthSecret) secret = berth_secret_read_fd(fd, BERTH_LIMIT_PASSWORD_BYTES, error);
    if (secret == NULL) {
        return false;
    }
    return set_member(call, key, json_string((const char *)berth_secret_bytes(secret)), error);
}

static bool
take_option(BerthCtlCall *call, const BerthCtlOption *option, const char *value, GError **error)
{
    int64_t number = 0;
    bool needs_number = option->kind == BERTH_CTL_OPTION_INT ||
                        option->kind == BERTH_CTL_OPTION_SECRET_FD ||
                        option->kind == BERTH_CTL_OPTION_QUERY;
    if (needs_number && !parse_number(value, &number)) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "--%s takes a number, not \"%s\"",
                               option->name, value);
    }
    switch (option->kind) {
    case BERTH_CTL_OPTION_TEXT:
        return set_member(call, option->key, json_string(value), error);
    case BERTH_CTL_OPTION_INT:
        return set_member(call, option->key, json_integer(number), error);
    case BERTH_CTL_OPTION_FLAG:
        return set_member(call, option->key, json_true(), error);
    case BERTH_CTL_OPTION_SECRET_FD:
        return read_secret(call, option->key, (int)number, error);
    case BERTH_CTL_OPTION_JSON_FILE:
        return read_json_file(call, option->key, value, error);
    case BERTH_CTL_OPTION_QUERY:
        g_free(call->query);
        call->query = g_strdup_printf("%s=%" G_GINT64_FORMAT, option->key, number);
        return true;
    case BERTH_CTL_OPTION_END:
        break;
    }
    return false;
}

static bool
take_argument(BerthCtlCall *call, const BerthCtlArg *arg, const char *value, GError **error)
{
    if (arg->kind == BERTH_CTL_ARG_BODY) {
        return set_member(call, arg->key, json_string(value), error);
    }
    call->id = g_strdup(value);
    return true;
}

static bool
check_needed(const BerthCtlCall *call, int n_args, GError **error)
{
    const BerthCtlCommand *command = call->command;
    if (n_args < BERTH_CTL_MAX_ARGS && command->args[n_args].kind != BERTH_CTL_ARG_NONE) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "%s is missing",
                               command->args[n_args].name);
    }
    for (size_t i = 0; i < BERTH_CTL_MAX_OPTIONS; i++) {
        const BerthCtlOption *option = &command->options[i];
        if (option->is_needed && json_object_get(call->body, option->key) == NULL) {
            return berth_set_error(error, BERTH_ERR_CONFIG, "--%s is missing", option->name);
        }
    }
    return true;
}

static bool
take_words(int argc, char **argv, BerthCtlCall *call, GError **error)
{
    int n_args = 0;
    for (int i = 0; i < argc; i++) {
        if (!g_str_has_prefix(argv[i], "--")) {
            if (n_args >= BERTH_CTL_MAX_ARGS ||
                call->command->args[n_args].kind == BERTH_CTL_ARG_NONE) {
                return berth_set_error(error, BERTH_ERR_CONFIG, "\"%s\" is one word too many",
                                       argv[i]);
            }
            if (!take_argument(call, &call->command->args[n_args++], argv[i], error)) {
                return false;
            }
            continue;
        }
        const BerthCtlOption *option = find_option(call->command, argv[i] + 2);
        if (option == NULL) {
            return berth_set_error(error, BERTH_ERR_CONFIG, "there is no option \"%s\" here",
                                   argv[i]);
        }
        bool takes_value = option->kind != BERTH_CTL_OPTION_FLAG;
        if (takes_value && i + 1 >= argc) {
            return berth_set_error(error, BERTH_ERR_CONFIG, "%s takes a value", argv[i]);
        }
        if (!take_option(call, option, takes_value ? argv[++i] : "", error)) {
            return false;
        }
    }
    return check_needed(call, n_args, error);
}

bool
berth_ctl_parse(int argc, char **argv, BerthCtlCall *ret, GError **error)
{
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
        return berth_set_error(error, BERTH_ERR_CONFIG, "there is no command \"%s%s%s\"", argv[0],
                               argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
    }
    return take_words(argc - n_words, argv + n_words, ret, error);
}

void
berth_ctl_call_clear(BerthCtlCall *call)
{
    g_clear_pointer(&call->id, g_free);
    g_clear_pointer(&call->query, g_free);
    json_decref(call->body);
    call->body = NULL;
}

char *
berth_ctl_help(void)
{
    GString *text = g_string_new("Commands:\n");
    for (size_t i = 0; i < berth_ctl_n_commands; i++) {
        const BerthCtlCommand *command = &berth_ctl_commands[i];
        g_string_append_printf(text, "  %s", command->noun);
        if (command->verb != NULL) {
            g_string_append_printf(text, " %s", command->verb);
        }
        for (size_t a = 0; a < BERTH_CTL_MAX_ARGS; a++) {
            if (command->args[a].kind != BERTH_CTL_ARG_NONE) {
                g_string_append_printf(text, " %s", command->args[a].name);
            }
        }
        g_string_append_printf(text, "\n      %s\n", command->doc);
        for (size_t o = 0; o < BERTH_CTL_MAX_OPTIONS; o++) {
            const BerthCtlOption *option = &command->options[o];
            if (option->kind != BERTH_CTL_OPTION_END) {
                g_string_append_printf(text, "      --%s%s  %s\n", option->name,
                                       option->kind == BERTH_CTL_OPTION_FLAG ? "" : " X",
                                       option->doc);
            }
        }
    }
    return g_string_free(text, FALSE);
}
