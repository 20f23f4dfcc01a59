/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/gateway/gateway-route.h"

#include "base/bytes-writer.h"
#include "base/id.h"
#include "berth/limits.h"
#include "testing.h"

#include <string.h>

#define HOST "00112233445566778899aabbccddeeff"
#define SESSION "ffeeddccbbaa99887766554433221100"

/* A ClientHello that holds nothing but a server name (NULL: not even that). */
static void
write_hello(BerthWriter *writer, const char *name)
{
    size_t n = name ? strlen(name) : 0;
    size_t extensions = name ? n + 9 : 0;
    size_t body = 2 + 32 + 1 + 4 + 2 + 2 + extensions;
    static const uint8_t random[32] = { 7 };

    berth_writer_init(writer, 4096);
    const uint8_t record[] = { 22, 3, 1, (uint8_t)((body + 4) >> 8), (uint8_t)(body + 4) };
    const uint8_t handshake[] = { 1, 0, (uint8_t)(body >> 8), (uint8_t)body, 3, 3 };
    const uint8_t suites[] = { 0, 0, 2, 0x13, 0x01, 1, 0 };
    berth_writer_put_bytes(writer, record, sizeof(record));
    berth_writer_put_bytes(writer, handshake, sizeof(handshake));
    berth_writer_put_bytes(writer, random, sizeof(random));
    berth_writer_put_bytes(writer, suites, sizeof(suites));
    const uint8_t total[] = { (uint8_t)(extensions >> 8), (uint8_t)extensions };
    berth_writer_put_bytes(writer, total, sizeof(total));
    if (name) {
        const uint8_t header[] = {
            0,
            0,
            (uint8_t)((n + 5) >> 8),
            (uint8_t)(n + 5),
            (uint8_t)((n + 3) >> 8),
            (uint8_t)(n + 3),
            0,
            (uint8_t)(n >> 8),
            (uint8_t)n,
        };
        berth_writer_put_bytes(writer, header, sizeof(header));
        berth_writer_put_bytes(writer, name, n);
    }
    assert_berth_ok(writer->error);
}

static BerthRoute
route_name(const char *name)
{
    BerthWriter writer;
    write_hello(&writer, name);
    BerthRoute route = berth_gateway_route(writer.data, writer.len);
    berth_writer_clear(&writer);
    return route;
}

static void
a_session_name_goes_to_its_host(void **state)
{
    BerthId host;
    assert_berth_ok(berth_id_parse(HOST, &host));
    BerthRoute route = route_name(SESSION "." HOST ".session.berth");
    assert_int_equal(route.kind, BERTH_ROUTE_SESSION);
    assert_true(berth_id_equal(&route.host, &host));
}

static void
every_other_name_and_none_go_to_the_api(void **state)
{
    assert_int_equal(route_name("desktops.example.org").kind, BERTH_ROUTE_API);
    assert_int_equal(route_name("session.berth.example.org").kind, BERTH_ROUTE_API);
    assert_int_equal(route_name(NULL).kind, BERTH_ROUTE_API);
}

static void
a_broken_session_name_is_refused(void **state)
{
    static const char *const names[] = {
        "x.session.berth",
        SESSION ".session.berth",
        SESSION "." HOST "0.session.berth",
        SESSION "." HOST "." HOST ".session.berth",
        "." HOST ".session.berth",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        assert_int_equal(route_name(names[i]).kind, BERTH_ROUTE_REFUSE);
    }
}

static void
every_prefix_of_a_hello_asks_for_more(void **state)
{
    BerthWriter writer;
    write_hello(&writer, SESSION "." HOST ".session.berth");
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_equal(berth_gateway_route(writer.data, len).kind, BERTH_ROUTE_MORE);
    }
    berth_writer_clear(&writer);
}

static void
plain_http_is_recognized(void **state)
{
    static const char *const requests[] = { "GET / HTTP/1.1\r\n", "POST /v1/auth/login", "HEAD /x",
                                            "PRI * HTTP/2.0", "OPTIONS * HTTP/1.1" };
    for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
        const uint8_t *data = (const uint8_t *)requests[i];
        assert_int_equal(berth_gateway_route(data, strlen(requests[i])).kind,
                         BERTH_ROUTE_PLAIN_HTTP);
        assert_int_equal(berth_gateway_route(data, 2).kind, BERTH_ROUTE_MORE);
    }
}

static void
anything_else_is_refused(void **state)
{
    static const char noise[][16] = { "SSH-2.0-x\r\n", "GETAWAY", "\x16\x02\x01\x00\x05hello",
                                      "\x80\x2e\x01\x03\x01", "RFB 003.008\n" };
    for (size_t i = 0; i < G_N_ELEMENTS(noise); i++) {
        assert_int_equal(berth_gateway_route((const uint8_t *)noise[i], sizeof(noise[i])).kind,
                         BERTH_ROUTE_REFUSE);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_name_goes_to_its_host),
        cmocka_unit_test(every_other_name_and_none_go_to_the_api),
        cmocka_unit_test(a_broken_session_name_is_refused),
        cmocka_unit_test(every_prefix_of_a_hello_asks_for_more),
        cmocka_unit_test(plain_http_is_recognized),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
