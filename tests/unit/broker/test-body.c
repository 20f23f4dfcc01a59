/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/api/router.h"

#include <string.h>

#define SOME_ID "0123456789abcdef0123456789abcdef"

/* Errors: those of the route and of the body; the body is *ret_body. */
static int
decode(const char *method, const char *path, const char *text, json_t **ret_body)
{
    BerthRouteHit hit;
    g_autoptr(GError) error = NULL;
    *ret_body = NULL;
    int code = berth_router_find(method, path, false, &hit);
    if (code != BERTH_OK) {
        return code;
    }
    *ret_body =
        berth_body_decode(text, strlen(text), hit.route->fields, hit.route->n_fields, &error);
    return *ret_body != NULL ? BERTH_OK : error->code;
}

static void
a_pool_is_decoded(void **state)
{
    json_t *body = NULL;
    int code = decode("POST", "/v1/pools",
                      "{\"name\":\"p\",\"image\":\"i\",\"size\":7,\"template\":true,\"policy\":{}}",
                      &body);
    assert_berth_ok(code);
    assert_string_equal(berth_body_text(body, "name"), "p");
    assert_int_equal(berth_body_int(body, "size", 0), 7);
    assert_int_equal(berth_body_int(body, "spares_hot", 1), 1);
    assert_true(berth_body_bool(body, "template", false));
    assert_null(berth_body_text(body, "client"));
    assert_true(json_is_object(berth_body_json(body, "policy")));
    berth_body_free(body);
}

static const char *const colours[] = { "red", "green", NULL };
static const BerthBodyField every_type[] = {
    BERTH_FIELD_TEXT("text", false, 1, 4, ""),    BERTH_FIELD_HEX("hex", false, 4, ""),
    BERTH_FIELD_INT("int", false, -1, 5, ""),     BERTH_FIELD_BOOL("bool", false, ""),
    BERTH_FIELD_ENUM("enum", false, colours, ""), BERTH_FIELD_OBJECT("object", false, ""),
    BERTH_FIELD_ARRAY("array", false, 1, 2, ""),
};

static void
every_type_takes_its_values_only(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
    } rows[] = {
        { "{}", true },
        { "{\"text\":\"abcd\"}", true },
        { "{\"text\":\"\"}", false },
        { "{\"text\":\"abcde\"}", false },
        { "{\"text\":\"a\\u0007\"}", false },
        { "{\"text\":null}", false },
        { "{\"hex\":\"00ff\"}", true },
        { "{\"hex\":\"00FF\"}", false },
        { "{\"hex\":\"00f\"}", false },
        { "{\"int\":-1}", true },
        { "{\"int\":6}", false },
        { "{\"int\":1.0}", false },
        { "{\"int\":\"1\"}", false },
        { "{\"int\":99999999999999999999}", false },
        { "{\"bool\":false}", true },
        { "{\"bool\":0}", false },
        { "{\"enum\":\"green\"}", true },
        { "{\"enum\":\"blue\"}", false },
        { "{\"enum\":1}", false },
        { "{\"object\":{\"a\":1}}", true },
        { "{\"object\":[]}", false },
        { "{\"array\":[1]}", true },
        { "{\"array\":[]}", false },
        { "{\"array\":[1,2,3]}", false },
        { "{\"int\":1,\"int\":1}", false },
        { "{\"else\":1}", false },
        { "{} ", true },
        { "{}x", false },
        { "[]", false },
        { "", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        json_t *body = berth_body_decode(rows[i].text, strlen(rows[i].text), every_type,
                                         G_N_ELEMENTS(every_type), &error);
        bool is_good = body != NULL;
        berth_body_free(body);
        if (is_good != rows[i].is_good || is_good != (error == NULL)) {
            fail_msg("%s was %s", rows[i].text, is_good ? "taken" : "refused");
        }
    }
}

static void
parameters_are_as_strict_as_bodies(void **state)
{
    static const struct {
        const char *key;
        const char *value;
        bool is_good;
    } rows[] = {
        { "text", "ab", true },  { "text", NULL, false },   { "text", "\xff", false },
        { "int", "5", true },    { "int", "5x", false },    { "int", "", false },
        { "int", "0x5", false }, { "bool", "true", true },  { "bool", "1", false },
        { "enum", "red", true }, { "enum", "rot", false },  { "hex", "beef", true },
        { "else", "1", false },  { "object", "{}", false }, { "int", "9223372036854775808", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        json_auto_t *query = json_object();
        bool is_good = berth_query_add(query, rows[i].key, rows[i].value, every_type,
                                       G_N_ELEMENTS(every_type), &error);
        if (is_good != rows[i].is_good || is_good != (error == NULL)) {
            fail_msg("%s=%s was %s", rows[i].key, rows[i].value, is_good ? "taken" : "refused");
        }
        if (is_good) {
            assert_false(berth_query_add(query, rows[i].key, rows[i].value, every_type,
                                         G_N_ELEMENTS(every_type), NULL));
        }
    }
}

static char *
fill_holes(const char *pattern)
{
    g_auto(GStrv) around_id = g_strsplit(pattern, "{id}", -1);
    g_autofree char *with_id = g_strjoinv(SOME_ID, around_id);
    g_auto(GStrv) around_part = g_strsplit(with_id, "{part}", -1);
    return g_strjoinv("some-word", around_part);
}

static void
every_path_is_found_by_its_own_route_only(void **state)
{
    const BerthRoute *route = NULL;
    for (size_t i = 0; (route = berth_route_get(i)) != NULL; i++) {
        BerthRouteHit hit;
        g_autofree char *path = fill_holes(route->path);
        g_autofree char *longer = g_strconcat(path, "/", NULL);
        assert_berth_ok(berth_router_find(route->method, path, true, &hit));
        assert_ptr_equal(hit.route, route);
        assert_string_equal(hit.id, strstr(route->path, "{id}") != NULL ? SOME_ID : "");
        assert_string_equal(hit.part, strstr(route->path, "{part}") != NULL ? "some-word" : "");
        assert_berth_error(berth_router_find("TRACE", path, true, &hit), BERTH_ERR_UNSUPPORTED);
        assert_berth_error(berth_router_find(route->method, longer, true, &hit),
                           BERTH_ERR_NOT_FOUND);
    }
}

static void
only_the_internal_socket_has_internal_routes(void **state)
{
    const BerthRoute *route = NULL;
    for (size_t i = 0; (route = berth_route_get(i)) != NULL; i++) {
        BerthRouteHit hit;
        bool is_internal = g_str_has_prefix(route->path, "/internal/");
        assert_int_equal(is_internal, route->permission == BERTH_PERMIT_INTERNAL);
        if (is_internal) {
            assert_berth_error(berth_router_find(route->method, route->path, false, &hit),
                               BERTH_ERR_NOT_FOUND);
        }
    }
}

static void
every_route_says_what_it_is(void **state)
{
    const BerthRoute *route = NULL;
    for (size_t i = 0; (route = berth_route_get(i)) != NULL; i++) {
        bool is_open = route->permission <= BERTH_PERMIT_SELF;
        assert_int_equal(is_open, route->scope == BERTH_SCOPE_NONE);
        assert_non_null(route->doc);
        assert_true(route->status == 204 || route->answer != NULL ||
                    g_str_has_suffix(route->path, "/metrics") ||
                    g_str_has_suffix(route->path, "/events"));
        assert_true(route->handling == BERTH_HANDLE_ASYNC ? route->func.async != NULL
                                                          : route->func.tx != NULL);
    }
}

static void
deep_nesting_is_refused_before_the_parser_sees_it(void **state)
{
    json_t *body = NULL;
    char text[4096];
    memset(text, '[', sizeof text);
    text[sizeof text - 1] = '\0';
    int code = decode("POST", "/v1/images", text, &body);
    assert_berth_error(code, BERTH_ERR_INVALID);
    int deep_in_text =
        decode("POST", "/v1/auth/login",
               "{\"user\":\"[[[[[[[[[[[[[[[[[[[[[[\\\"{{{\",\"password\":\"x\"}", &body);
    berth_body_free(body);
    assert_berth_ok(deep_in_text);
}

static void
problems_have_the_status_of_their_code(void **state)
{
    assert_int_equal(berth_request_status_of_error(BERTH_ERR_THROTTLED), 429);
    assert_int_equal(berth_request_status_of_error(BERTH_ERR_NO_DESKTOP), 409);
    assert_int_equal(berth_request_status_of_error(BERTH_ERR_HOST_DOWN), 503);
    assert_int_equal(berth_request_status_of_error(BERTH_ERR_INTERNAL), 500);
    assert_int_equal(berth_request_status_of_error(-9999), 500);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_is_decoded),
        cmocka_unit_test(every_type_takes_its_values_only),
        cmocka_unit_test(parameters_are_as_strict_as_bodies),
        cmocka_unit_test(every_route_says_what_it_is),
        cmocka_unit_test(every_path_is_found_by_its_own_route_only),
        cmocka_unit_test(only_the_internal_socket_has_internal_routes),
        cmocka_unit_test(deep_nesting_is_refused_before_the_parser_sees_it),
        cmocka_unit_test(problems_have_the_status_of_their_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
