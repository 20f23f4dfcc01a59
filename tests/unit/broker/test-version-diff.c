/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/version-diff.h"

#include "testing.h"

#include <stdlib.h>
#include <string.h>

static json_t *
parse(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    assert_non_null(value);
    return value;
}

static void
check_packages(const char *from, const char *to, const char *expected)
{
    json_t *a = parse(from);
    json_t *b = parse(to);
    json_t *diff = berth_version_diff_packages(a, b);
    char *text = json_dumps(diff, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, expected);
    free(text);
    json_decref(diff);
    json_decref(a);
    json_decref(b);
}

static void
packages_are_compared_by_name(void **state)
{
    check_packages("[\"a 1\", \"b 1\", \"c 2\"]", "[\"a 1\", \"c 3\", \"z 9\", \"d 1\"]",
                   "{\"added\":[\"d 1\",\"z 9\"],\"changed\":[\"c 2 3\"],\"removed\":[\"b 1\"]}");
    check_packages("[]", "[]", "{\"added\":[],\"changed\":[],\"removed\":[]}");
    check_packages("[7, \"x\", null]", "[{}]", "{\"added\":[],\"changed\":[],\"removed\":[]}");
}

static void
what_is_not_known_is_not_compared(void **state)
{
    json_t *list = json_array();
    assert_null(berth_version_diff_packages(NULL, list));
    assert_null(berth_version_diff_packages(list, NULL));
    json_decref(list);
    json_t *blind = parse("{\"file_changes\": [], \"has_baseline\": false}");
    const json_t *reports[] = { blind };
    assert_null(berth_version_diff_files(reports, 1));
    json_decref(blind);
}

typedef struct {
    const char *first, *second, *expected;
} Row;

/* What two versions did to one file, and what is left of it. */
static const Row rows[] = {
    { "A /x", "M /x", "{\"added\":[\"/x\"],\"changed\":[],\"is_cut\":false,\"removed\":[]}" },
    { "A /x", "D /x", "{\"added\":[],\"changed\":[],\"is_cut\":false,\"removed\":[]}" },
    { "M /x", "D /x", "{\"added\":[],\"changed\":[],\"is_cut\":false,\"removed\":[\"/x\"]}" },
    { "D /x", "A /x", "{\"added\":[],\"changed\":[\"/x\"],\"is_cut\":false,\"removed\":[]}" },
    { "M /b", "M /a",
      "{\"added\":[],\"changed\":[\"/a\",\"/b\"],\"is_cut\":false,\"removed\":[]}" },
    { "Q /x", "M", "{\"added\":[],\"changed\":[],\"is_cut\":false,\"removed\":[]}" },
};

static void
changes_of_versions_in_a_row_add_up(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *first = json_pack("{s:b, s:[s]}", "has_baseline", 1, "file_changes", rows[i].first);
        json_t *second =
            json_pack("{s:b, s:[s]}", "has_baseline", 1, "file_changes", rows[i].second);
        const json_t *reports[] = { first, second };
        json_t *diff = berth_version_diff_files(reports, 2);
        char *text = json_dumps(diff, JSON_COMPACT | JSON_SORT_KEYS);
        assert_string_equal(text, rows[i].expected);
        free(text);
        json_decref(diff);
        json_decref(first);
        json_decref(second);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packages_are_compared_by_name),
        cmocka_unit_test(what_is_not_known_is_not_compared),
        cmocka_unit_test(changes_of_versions_in_a_row_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
