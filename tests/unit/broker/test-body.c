/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/api/router.h"

#include <string.h>

static int
decode(const char *method, const char *path, const char *text, BerthBody *body)
{
    const BerthRoute *route = NULL;
    char id[BERTH_ID_HEX_CHARS + 1];
    g_autoptr(GError) error = NULL;
    int code = berth_router_find(method, path, false, &route, id);
    if (code != BERTH_OK) {
        return code;
    }
    return berth_body_decode(text, strlen(text), route->fields, route->n_fields, body, &error)
               ? BERTH_OK
               : error->code;
}

static void
a_pool_is_decoded_with_its_defaults(void **state)
{
    BerthBody body = { 0 };
    int code = decode("POST", "/v1/pools", "{\"name\":\"p\",\"image\":\"i\",\"size\":7}", &body);
    BerthBody got = body;
    berth_body_clear(&body);
    assert_berth_ok(code);
    assert_string_equal(got.name, "p");
    assert_int_equal(got.size, 7);
    assert_int_equal(got.spares_hot, 1);
    assert_int_equal(got.memory_mib, 0); /* as the image says */
    assert_false(got.is_template);
}

static void
every_path_is_found_by_its_own_route_only(void **state)
{
    const BerthRoute *route = NULL;
    char id[BERTH_ID_HEX_CHARS + 1];
    char path[128];
    for (size_t i = 0; i < berth_n_routes; i++) {
        const char *hole = strstr(berth_routes[i].path, "{id}");
        g_snprintf(path, sizeof path, "%.*s%s%s",
                   hole != NULL ? (int)(hole - berth_routes[i].path)
                                : (int)strlen(berth_routes[i].path),
                   berth_routes[i].path, hole != NULL ? "0123456789abcdef0123456789abcdef" : "",
                   hole != NULL ? hole + 4 : "");
        assert_berth_ok(berth_router_find(berth_routes[i].method, path, true, &route, id));
        assert_ptr_equal(route, &berth_routes[i]);
        assert_berth_error(berth_router_find("PATCH", path, true, &route, id),
                           BERTH_ERR_UNSUPPORTED);
        g_strlcat(path, "/", sizeof path);
        assert_berth_error(berth_router_find(berth_routes[i].method, path, true, &route, id),
                           BERTH_ERR_NOT_FOUND);
    }
}

static void
only_the_internal_socket_has_internal_routes(void **state)
{
    const BerthRoute *route = NULL;
    char id[BERTH_ID_HEX_CHARS + 1];
    for (size_t i = 0; i < berth_n_routes; i++) {
        bool is_internal = g_str_has_prefix(berth_routes[i].path, "/internal/");
        assert_int_equal(is_internal, berth_routes[i].role == BERTH_ROLE_INTERNAL);
        if (is_internal) {
            assert_berth_error(
                berth_router_find(berth_routes[i].method, berth_routes[i].path, false, &route, id),
                BERTH_ERR_NOT_FOUND);
        }
    }
}

static void
deep_nesting_is_refused_before_the_parser_sees_it(void **state)
{
    BerthBody body = { 0 };
    char text[4096];
    memset(text, '[', sizeof text);
    text[sizeof text - 1] = '\0';
    int code = decode("POST", "/v1/images", text, &body);
    berth_body_clear(&body);
    assert_berth_error(code, BERTH_ERR_INVALID);
    int deep_in_text =
        decode("POST", "/v1/auth/login",
               "{\"user\":\"[[[[[[[[[[[[[[[[[[[[[[\\\"{{{\",\"password\":\"x\"}", &body);
    berth_body_clear(&body);
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
        cmocka_unit_test(a_pool_is_decoded_with_its_defaults),
        cmocka_unit_test(every_path_is_found_by_its_own_route_only),
        cmocka_unit_test(only_the_internal_socket_has_internal_routes),
        cmocka_unit_test(deep_nesting_is_refused_before_the_parser_sees_it),
        cmocka_unit_test(problems_have_the_status_of_their_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
