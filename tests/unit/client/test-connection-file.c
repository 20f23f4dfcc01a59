/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/connection-file.h"

#include "base/error.h"
#include "berth/limits.h"

#include "testing.h"

#include <glib/gstdio.h>
#include <string.h>

#define ID "000102030405060708090a0b0c0d0e0f"
#define KEY ID ID
#define GOOD                                                                              \
    "{\"version\":1,\"address\":\"127.0.0.1\",\"port\":5900,\"session\":\"" ID            \
    "\",\"session_key\":\"" KEY "\",\"token\":\"" KEY "\",\"sni\":\"a.b.session.berth\"," \
    "\"more\":[]}"

/* The good text with one part replaced by another. */
static char *
with(const char *part, const char *other)
{
    g_auto(GStrv) pieces = g_strsplit(GOOD, part, 2);

    assert_non_null(pieces[1]);
    return g_strconcat(pieces[0], other, pieces[1], NULL);
}

static void
expect_refused(const char *text, size_t len, const char *word)
{
    BerthConnectionFile file = { 0 };
    g_autoptr(GError) error = NULL;

    assert_false(berth_connection_file_parse(text, len, &file, &error));
    assert_int_equal(error->code, BERTH_ERR_CONFIG);
    assert_non_null(strstr(error->message, word));
    assert_int_equal(file.port, 0);
}

static void
a_good_file_is_read(void **state)
{
    BerthConnectionFile file;

    assert_true(berth_connection_file_parse(GOOD, strlen(GOOD), &file, NULL));
    assert_string_equal(file.host, "127.0.0.1");
    assert_string_equal(file.sni, "a.b.session.berth");
    assert_int_equal(file.port, 5900);
    assert_int_equal(file.session.bytes[15], 0x0f);
    assert_int_equal(file.session_key_hash[31], 0x0f);
    assert_int_equal(file.token[17], 0x01);
    berth_connection_file_clear(&file);
    assert_int_equal(file.token[17], 0);
}

static void
every_wrong_value_is_named(void **state)
{
    static const struct {
        const char *part, *other, *word;
    } rows[] = {
        { "\"version\":1", "\"version\":2", "version 2" },
        { "\"version\":1", "\"version\":\"1\"", "\"version\"" },
        { "\"version\":1,", "", "\"version\"" },
        { "\"127.0.0.1\"", "\"\"", "\"address\"" },
        { "\"127.0.0.1\"", "\"a/b\"", "\"address\"" },
        { "\"127.0.0.1\"", "7", "\"address\"" },
        { "5900", "0", "\"port\"" },
        { "5900", "65536", "\"port\"" },
        { "5900", "5900.5", "\"port\"" },
        { "\"session\":\"" ID, "\"session\":\"" KEY, "\"session\"" },
        { "\"token\":\"0", "\"token\":\"g", "\"token\"" },
        { "\"session_key\":\"0", "\"session_key\":\"", "\"session_key\"" },
        { "a.b.session.berth", "a:b", "\"sni\"" },
        { ",\"more\":[]", ",\"port\":1", "not a JSON object" },
        { "{", "[", "not a JSON object" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = with(rows[i].part, rows[i].other);

        expect_refused(text, strlen(text), rows[i].word);
    }
    expect_refused("[1]", 3, "something else");
    expect_refused("", 0, "not a JSON object");
}

static void
a_file_that_is_too_large_is_not_read(void **state)
{
    size_t len = BERTH_LIMIT_CONNECTION_FILE_BYTES + 1;
    g_autofree char *text = g_strnfill(len, ' ');

    memcpy(text, GOOD, strlen(GOOD));
    expect_refused(text, len, "too large");
    expect_refused(GOOD, strlen(GOOD) - 1, "not a JSON object");
}

static void
a_file_is_named_when_it_cannot_be_used(void **state)
{
    BerthConnectionFile file;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("berth-connection-XXXXXX", &path, NULL);

    assert_true(fd >= 0);
    g_close(fd, NULL);
    assert_true(g_file_set_contents(path, GOOD, -1, NULL));
    assert_true(berth_connection_file_load(path, &file, NULL));
    g_unlink(path);
    assert_false(berth_connection_file_load(path, &file, &error));
    assert_non_null(strstr(error->message, path));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_is_read),
        cmocka_unit_test(every_wrong_value_is_named),
        cmocka_unit_test(a_file_that_is_too_large_is_not_read),
        cmocka_unit_test(a_file_is_named_when_it_cannot_be_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
