/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "guest-agent/clipboard-text.h"

#include <glib.h>

static void
html_of_all_encodings_is_utf8(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *text; /* NULL: refused */
    } rows[] = {
        { "<b>gr\xc3\xbc\xc3\x9f</b>", 13, "<b>gr\xc3\xbc\xc3\x9f</b>" },
        { "<b>\0rest", 8, "<b>" },
        { "\xff\xfe<\0\xfc\0", 6, "<\xc3\xbc" },
        { "\xfe\xff\0<\0\xfc", 6, "<\xc3\xbc" },
        { "\xff\xfe<", 3, NULL }, /* half a character */
        { "\xc3(", 2, NULL },
        { "", 0, "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = berth_html_to_utf8((const uint8_t *)rows[i].bytes, rows[i].len);

        if (rows[i].text) {
            assert_non_null(text);
            assert_string_equal(text, rows[i].text);
        } else {
            assert_null(text);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_of_all_encodings_is_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
