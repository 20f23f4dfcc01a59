/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berthctl asks nothing that the API does not have: each command against the table of routes.
 */
#include "testing.h"

#include "broker/api/openapi.h"
#include "broker/api/router.h"
#include "broker/ctl/command.h"
#include "broker/ctl/kind.h"

#include <string.h>

#define ID "00112233445566778899aabbccddeeff"

static int n_problems;

static void
complain(const BerthCtlCommand *command, const char *what, const char *name)
{
    print_message("berthctl %s %s: %s \"%s\"\n", command->verb,
                  command->noun != NULL ? command->noun : "", what, name);
    n_problems++;
}

static const BerthRoute *
find_route(const char *method, const char *path)
{
    g_autoptr(GString) filled = g_string_new(path);
    BerthRouteHit hit = { 0 };
    g_string_replace(filled, "{id}", ID, 0);
    g_string_replace(filled, "{part}", strstr(path, "/members/") != NULL ? ID : "hardened", 0);
    return berth_router_find(method, filled->str, false, &hit) == BERTH_OK ? hit.route : NULL;
}

static const BerthBodyField *
find_field(const BerthBodyField *fields, size_t n_fields, const char *key)
{
    for (size_t i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, key) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static bool
is_query_option(BerthCtlOptionKind kind)
{
    return kind == BERTH_CTL_OPTION_QUERY || kind == BERTH_CTL_OPTION_QUERY_FLAG ||
           kind == BERTH_CTL_OPTION_QUERY_DAY || kind == BERTH_CTL_OPTION_QUERY_DAY_END;
}

static bool
fits(BerthCtlOptionKind kind, BerthBodyType type)
{
    switch (kind) {
    case BERTH_CTL_OPTION_INT:
    case BERTH_CTL_OPTION_QUERY_DAY:
    case BERTH_CTL_OPTION_QUERY_DAY_END:
        return type == BERTH_BODY_INT;
    case BERTH_CTL_OPTION_FLAG:
    case BERTH_CTL_OPTION_BOOL:
    case BERTH_CTL_OPTION_QUERY_FLAG:
        return type == BERTH_BODY_BOOL;
    case BERTH_CTL_OPTION_JSON_FILE:
        return type == BERTH_BODY_OBJECT || type == BERTH_BODY_ARRAY;
    case BERTH_CTL_OPTION_QUERY:
        return true;
    default:
        return type == BERTH_BODY_TEXT || type == BERTH_BODY_HEX || type == BERTH_BODY_ENUM;
    }
}

/* Whether somebody gives the key. */
static bool
gives(const BerthCtlCommand *command, const char *key)
{
    const BerthCtlOption *option = command->options;
    while (option != NULL && option->kind != BERTH_CTL_OPTION_END) {
        if (g_strcmp0(option->key, key) == 0) {
            return true;
        }
        option++;
    }
    for (size_t i = 0; i < BERTH_CTL_MAX_ARGS; i++) {
        if (g_strcmp0(command->args[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

static void
check_options(const BerthCtlCommand *command, const BerthRoute *route)
{
    const BerthCtlOption *option = command->options;
    for (; option != NULL && option->kind != BERTH_CTL_OPTION_END; option++) {
        bool is_query = is_query_option(option->kind);
        const BerthBodyField *field = is_query
                                          ? find_field(route->query, route->n_query, option->key)
                                          : find_field(route->fields, route->n_fields, option->key);
        if (field == NULL || !fits(option->kind, field->type)) {
            complain(command, "the route does not take", option->name);
        }
    }
}

static bool
takes(const BerthCtlCommand *command, const BerthRoute *route, const BerthCtlArg *arg)
{
    switch (arg->kind) {
    case BERTH_CTL_ARG_BODY:
        return find_field(route->fields, route->n_fields, arg->key) != NULL;
    case BERTH_CTL_ARG_QUERY:
        return find_field(route->query, route->n_query, arg->key) != NULL;
    case BERTH_CTL_ARG_NAME:
        return strstr(command->path, "{id}") != NULL;
    case BERTH_CTL_ARG_PART:
    case BERTH_CTL_ARG_PART_NAME:
        return strstr(command->path, "{part}") != NULL;
    default:
        return true;
    }
}

static void
check_arguments(const BerthCtlCommand *command, const BerthRoute *route)
{
    for (size_t i = 0; i < BERTH_CTL_MAX_ARGS; i++) {
        if (!takes(command, route, &command->args[i])) {
            complain(command, "the route does not take", command->args[i].name);
        }
    }
    for (size_t i = 0; i < route->n_fields; i++) {
        if (route->fields[i].is_needed && !gives(command, route->fields[i].key)) {
            complain(command, "cannot give", route->fields[i].key);
        }
    }
}

static void
check_list(const BerthCtlCommand *command, const BerthRoute *route, json_t *schemas)
{
    const json_t *schema = route->answer != NULL ? json_object_get(schemas, route->answer) : NULL;
    const json_t *members = json_object_get(schema, "properties");
    if (command->list != NULL && members != NULL &&
        json_object_get(members, command->list) == NULL) {
        complain(command, "the answer has no", command->list);
    }
}

static void
check_versions(const BerthCtlCommand *command, const BerthRoute *route)
{
    if (route->needs_match && !command->is_change) {
        complain(command, "says no version to", command->path);
    }
    if (command->is_change && find_route("GET", command->path) == NULL) {
        complain(command, "cannot read the version of", command->path);
    }
}

static void
check_command(const BerthCtlCommand *command, json_t *schemas)
{
    const BerthRoute *route = find_route(command->method, command->path);
    if (route == NULL) {
        complain(command, "there is no route", command->path);
        return;
    }
    check_options(command, route);
    check_arguments(command, route);
    check_list(command, route, schemas);
    check_versions(command, route);
    if (route->n_fields > 0 && command->options == NULL && command->args[0].key == NULL &&
        !command->has_body) {
        complain(command, "sends no body to", command->path);
    }
}

static void
every_command_has_its_route(void **state)
{
    json_t *schemas = berth_schemas_new();
    n_problems = 0;
    for (size_t i = 0; i < berth_ctl_n_commands; i++) {
        if (berth_ctl_commands[i].method != NULL) {
            check_command(&berth_ctl_commands[i], schemas);
        }
    }
    json_decref(schemas);
    assert_int_equal(n_problems, 0);
}

static void
every_kind_has_its_routes(void **state)
{
    for (size_t i = 0; i < berth_ctl_n_kinds; i++) {
        const BerthCtlKind *kind = &berth_ctl_kinds[i];
        g_autofree char *one = g_strconcat(kind->path, "/{id}", NULL);
        bool is_removable = find_route("DELETE", one) != NULL;
        bool has_one = find_route("GET", one) != NULL;
        bool is_there = find_route("GET", kind->path) != NULL;
        if (!is_there || has_one != kind->has_one || is_removable != kind->is_removable) {
            print_message("%s: there %d, one %d, removable %d\n", kind->name, is_there, has_one,
                          is_removable);
        }
        assert_true(is_there);
        assert_int_equal(has_one, kind->has_one);
        assert_int_equal(is_removable, kind->is_removable);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_has_its_route),
        cmocka_unit_test(every_kind_has_its_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
