/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/broker-address.h"

#include "testing.h"

#include <string.h>

static void
good_addresses_are_read(void **state)
{
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
        const char *url;
    } cases[] = {
        { "https://vdi.example.org:8443", "vdi.example.org", 8443, "https://vdi.example.org:8443" },
        { "https://vdi.example.org", "vdi.example.org", 443, "https://vdi.example.org:443" },
        { "HTTPS://vdi/", "vdi", 443, "https://vdi:443" },
        { "vdi.example.org", "vdi.example.org", 443, "https://vdi.example.org:443" },
        { "127.0.0.1:1", "127.0.0.1", 1, "https://127.0.0.1:1" },
        { "https://[2001:db8::1]:65535", "2001:db8::1", 65535, "https://[2001:db8::1]:65535" },
        { "https://[::1]", "::1", 443, "https://[::1]:443" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        BerthBrokerAddress address;
        GError *error = NULL;

        assert_true(berth_broker_address_parse(cases[i].text, &address, &error));
        assert_null(error);
        assert_string_equal(address.host, cases[i].host);
        assert_int_equal(address.port, cases[i].port);
        assert_string_equal(address.url, cases[i].url);
    }
}

static void
bad_addresses_are_refused_with_a_sentence_that_quotes_them(void **state)
{
    static const char *const cases[] = {
        "http://vdi:80",
        "ftp://vdi",
        "https://",
        "https://vdi:0",
        "https://vdi:65536",
        "https://vdi:",
        "https://vdi:12x",
        "https://user@vdi",
        "https://vdi/path",
        "https://vdi?q",
        "https://v di",
        "https://[::1",
        "https://[zz]",
        "https://[]",
        "https://vdi#x",
        "https://v\xc3\xa4"
        "di",
        "https://[::1]x:1",
        "https://vdi//",
        "https://vdi:80:81",
        "https://vdi\r\nHost:",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        BerthBrokerAddress address = { .port = 7 };
        GError *error = NULL;

        if (berth_broker_address_parse(cases[i], &address, &error)) {
            print_error("'%s' was accepted\n", cases[i]);
            fail();
        }
        assert_int_equal(error->code, -1);
        assert_non_null(strstr(error->message, cases[i]));
        assert_int_equal(address.port, 7);
        g_clear_error(&error);
    }
}

static void
a_missing_or_endless_address_is_refused(void **state)
{
    BerthBrokerAddress address;
    char *endless = g_strnfill(100000, 'a');

    assert_false(berth_broker_address_parse(NULL, &address, NULL));
    assert_false(berth_broker_address_parse("", &address, NULL));
    assert_false(berth_broker_address_parse(endless, &address, NULL));
    g_free(endless);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_addresses_are_read),
        cmocka_unit_test(bad_addresses_are_refused_with_a_sentence_that_quotes_them),
        cmocka_unit_test(a_missing_or_endless_address_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
