/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "guest-agent/layout.h"

#include <glib.h>

static void
each_layout_has_its_words(void **state)
{
    static const struct {
        BerthKeyLayout layout;
        const char *words;
    } rows[] = {
        { { "", "us", "", "" }, "setxkbmap|-layout|us|-variant||-option|" },
        { { "pc105", "de", "nodeadkeys", "" },
          "setxkbmap|-model|pc105|-layout|de|-variant|nodeadkeys|-option|" },
        { { "pc105", "us,ru", ",", "grp:alt_shift_toggle,compose:menu" },
          "setxkbmap|-model|pc105|-layout|us,ru|-variant|,|-option||-option|"
          "grp:alt_shift_toggle,compose:menu" },
        /* A word that looks like an option stands where its value is expected. */
        { { "", "-print", "", "" }, "setxkbmap|-layout|-print|-variant||-option|" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) words = berth_layout_command(&rows[i].layout);
        g_autofree char *joined = g_strjoinv("|", words);

        assert_string_equal(joined, rows[i].words);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_layout_has_its_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
