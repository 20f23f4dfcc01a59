/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/ctl/image-picture.h"

#include <string.h>

static char *
draw(const char *text)
{
    json_auto_t *status = json_loads(text, 0, NULL);
    assert_non_null(status);
    return berth_ctl_draw_image(status, 61000000);
}

static const char canary[] =
    "{'image':'office','tags':[{'tag':'stable','number':3}],'replicas':["
    "{'host':'one','number':3,'state':'present'},"
    "{'host':'two','number':3,'state':'fetching','bytes':50,'total_bytes':200,'detail':''}],"
    "'pools':[{'name':'berlin','tag':'stable','number':2,'desktops':["
    "{'host':'one','number':2,'canary':false,'doing':'free','n':3},"
    "{'host':'one','number':3,'canary':true,'doing':'in-use','n':1},"
    "{'host':'two','number':2,'canary':false,'doing':'in-use','n':2},"
    "{'host':'two','number':2,'canary':false,'doing':'failed','n':1}],"
    "'rollout':{'id':'r','from_number':2,'to_number':3,'state':'canary','since_us':1000000,"
    "'strategy':'at-logoff','reason':'','gate':{'left':6,'waits':'waits for users',"
    "'old':{'boots':9,'boots_ok':8,'ready_p95_ms':600,'logons':5,'logons_ok':5,"
    "'logon_p95_ms':400,'first_frame_p95_ms':30,'crashes':0},"
    "'new':{'boots':1,'boots_ok':1,'ready_p95_ms':700,'logons':1,'logons_ok':1,"
    "'logon_p95_ms':410,'first_frame_p95_ms':31,'crashes':1}}}}]}";

static void
canary_is_drawn(void **state)
{
    (void)state;
    g_autofree char *json = g_strdelimit(g_strdup(canary), "'", '"');
    g_autofree char *text = draw(json);
    assert_string_equal(text,
                        "image office: stable is version 3\n"
                        "version 3 on host two: fetching, 25 % \n"
                        "\npool berlin: version 2, follows \"stable\"\n"
                        "  one           oooc  3 free on 2, 1 in-use on 3 (canary)\n"
                        "  two           OO!  2 in-use on 2, 1 failed on 2\n"
                        "  rollout r: 2 -> 3, canary for 60 s, at-logoff, 6 to follow\n"
                        "  measured                  version 2    version 3\n"
                        "  boots that worked               8/9          1/1\n"
                        "  ready (95 of 100)            0.60 s       0.70 s\n"
                        "  logons that worked              5/5          1/1\n"
                        "  logon (95 of 100)            0.40 s       0.41 s\n"
                        "  first picture                0.03 s       0.03 s\n"
                        "  crashes                           0            1\n"
                        "  now: waits for users\n"
                        "\no old, n new, c canary; capital: in use; - + on their way; ! failed\n");
}

static void
large_pool_fits_a_line(void **state)
{
    (void)state;
    g_autofree char *text = draw("{\"image\":\"a\",\"pools\":[{\"name\":\"p\",\"desktops\":["
                                 "{\"host\":\"h\",\"number\":1,\"doing\":\"free\",\"n\":960}]}]}");
    assert_non_null(strstr(text, "oooooooooooooooooooooooooooooooooooooooooooooooo  960 free"));
    assert_null(strstr(text, "ooooooooooooooooooooooooooooooooooooooooooooooooo"));
    assert_non_null(strstr(text, "(a sign is 20 desktops)"));
}

static void
hostile_names_move_no_cursor(void **state)
{
    (void)state;
    g_autofree char *text = draw("{\"image\":\"a\\u001b[2J\",\"tags\":[{}],\"pools\":[{}, 3,"
                                 "{\"name\":\"\\n\",\"desktops\":[{\"host\":\"\\u0007\"}, []],"
                                 "\"rollout\":{\"reason\":\"\\u001b\",\"gate\":7}}]}");
    assert_null(strchr(text, 0x1b));
    assert_null(strchr(text, 7));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canary_is_drawn),
        cmocka_unit_test(large_pool_fits_a_line),
        cmocka_unit_test(hostile_names_move_no_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
