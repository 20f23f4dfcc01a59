/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses, session names, and the server name in a ClientHello.
 */
#include "testing.h"

#include "base/id.h"
#include "berth/limits.h"
#include "display/transport/client-hello.h"
#include "display/transport/session-name.h"
#include "display/transport/tcp.h"

#include <glib.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static void
addresses_are_read_and_written_alike(void **state)
{
    static const char *const good[] = { "127.0.0.1:0", "192.0.2.1:443", "[::1]:65535",
                                        "[2001:db8::1]:8443" };
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        BerthAddress address;
        char text[BERTH_ADDRESS_CHARS];
        assert_berth_ok(berth_address_parse(good[i], &address));
        berth_address_format(&address, text);
        assert_string_equal(text, good[i]);
    }
}

static void
bad_addresses_are_refused(void **state)
{
    static const char *const bad[] = { "",
                                       ":",
                                       "127.0.0.1",
                                       "127.0.0.1:",
                                       ":80",
                                       "::1:80",
                                       "[::1]80",
                                       "[::1:80",
                                       "[]:80",
                                       "host:80",
                                       "127.0.0.1:+80",
                                       "127.0.0.1:65536",
                                       "1.2.3.4:8a",
                                       "[1.2.3.4]:80",
                                       "127.0.0.1:000080",
                                       "[11111111111111111111111111111111111111111111111]:1" };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        BerthAddress address;
        assert_berth_error(berth_address_parse(bad[i], &address), BERTH_ERR_INVALID);
    }
}

static void
wait_for(int fd, short events)
{
    struct pollfd pollfd = { .fd = fd, .events = events };
    assert_int_equal(poll(&pollfd, 1, 10000), 1);
}

static void
a_connection_is_made_and_accepted(void **state)
{
    BerthAddress address, local, peer;
    char text[BERTH_ADDRESS_CHARS];
    int listener, client, server;
    assert_berth_ok(berth_address_parse("127.0.0.1:0", &address));
    assert_berth_ok(berth_tcp_listen(&address, &listener));
    assert_berth_ok(berth_tcp_get_local(listener, &address));
    assert_int_not_equal(berth_address_get_port(&address), 0);
    assert_berth_error(berth_tcp_accept(listener, &server, NULL), BERTH_ERR_AGAIN);
    assert_berth_ok(berth_tcp_connect(&address, &client));
    wait_for(client, POLLOUT);
    assert_berth_ok(berth_tcp_connect_result(client));
    wait_for(listener, POLLIN);
    assert_berth_ok(berth_tcp_accept(listener, &server, &peer));
    assert_berth_ok(berth_tcp_get_local(client, &local));
    assert_int_equal(berth_address_get_port(&local), berth_address_get_port(&peer));
    assert_berth_ok(berth_tcp_get_peer(client, &peer));
    assert_int_equal(berth_address_get_port(&peer), berth_address_get_port(&address));
    berth_address_format_ip(&peer, text);
    assert_string_equal(text, "127.0.0.1");
    close(client);
    close(server);
    close(listener);
}

static void
a_refused_connection_is_an_error(void **state)
{
    BerthAddress address;
    int listener, client;
    assert_berth_ok(berth_address_parse("127.0.0.1:0", &address));
    assert_berth_ok(berth_tcp_listen(&address, &listener));
    assert_berth_ok(berth_tcp_get_local(listener, &address));
    close(listener);
    int r = berth_tcp_connect(&address, &client);
    if (r == BERTH_OK) {
        wait_for(client, POLLOUT);
        r = berth_tcp_connect_result(client);
        close(client);
    }
    assert_true(r < 0 && r != BERTH_ERR_AGAIN);
}

static void
session_names_come_back(void **state)
{
    BerthId session, host, got_session, got_host;
    char name[BERTH_SESSION_NAME_CHARS + 1];
    berth_id_random(&session);
    berth_id_random(&host);
    berth_session_name_format(&session, &host, name);
    assert_int_equal(strlen(name), BERTH_SESSION_NAME_CHARS);
    assert_berth_ok(berth_session_name_parse(name, &got_session, &got_host));
    assert_true(berth_id_equal(&session, &got_session) && berth_id_equal(&host, &got_host));
    assert_berth_ok(berth_session_name_parse(name, NULL, NULL));
}

#define HEX32 "0123456789abcdef0123456789abcdef"

static void
other_names_are_told_from_broken_ones(void **state)
{
    static const char *const foreign[] = { "", "gateway.example", "session.berth",
                                           HEX32 "." HEX32 };
    static const char *const broken[] = {
        ".session.berth",
        HEX32 ".session.berth",
        HEX32 "-" HEX32 ".session.berth",
        "0123456789ABCDEF0123456789abcdef." HEX32 ".session.berth",
        HEX32 "." HEX32 ".x.session.berth",
        HEX32 ".0123456789abcdef0123456789abcdeg.session.berth",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
        assert_berth_error(berth_session_name_parse(foreign[i], NULL, NULL), BERTH_ERR_NOT_FOUND);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
        assert_berth_error(berth_session_name_parse(broken[i], NULL, NULL), BERTH_ERR_INVALID);
    }
}

/* A ClientHello as OpenSSL makes it; name may be NULL. */
static size_t
make_hello(const char *name, uint8_t *buffer, size_t cap)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, in, out);
    if (name != NULL) {
        SSL_set_tlsext_host_name(ssl, name);
    }
    SSL_connect(ssl);
    int n = BIO_read(out, buffer, (int)cap);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    assert_true(n > 0 && (size_t)n < cap);
    return (size_t)n;
}

static int
find_sni(const uint8_t *data, size_t len, char name[BERTH_SERVER_NAME_CHARS])
{
    /* A block of its exact size shows over-reads to a sanitizer. */
    uint8_t *copy = g_memdup2(data, len);
    int r = berth_client_hello_sni(copy, len, name, BERTH_SERVER_NAME_CHARS);
    g_free(copy);
    return r;
}

static void
server_name_is_found_at_every_cut(void **state)
{
    uint8_t hello[4096];
    char name[BERTH_SERVER_NAME_CHARS] = "untouched";
    size_t n = make_hello("Some-Host.Example", hello, sizeof hello);
    for (size_t cut = 0; cut < n; cut++) {
        assert_berth_error(find_sni(hello, cut, name), BERTH_ERR_AGAIN);
        assert_string_equal(name, "untouched");
    }
    assert_berth_ok(find_sni(hello, n, name));
    assert_string_equal(name, "some-host.example");
    hello[n] = 0xff; /* what follows the message is nobody's business here */
    assert_berth_ok(find_sni(hello, n + 1, name));
}

static void
server_name_is_found_in_many_records(void **state)
{
    uint8_t hello[4096], cut[8192];
    char name[BERTH_SERVER_NAME_CHARS];
    size_t n = make_hello("a.example", hello, sizeof hello);
    for (size_t piece = 5; piece < n; piece += 37) {
        size_t len = 0;
        for (size_t pos = 5; pos < n; pos += piece) {
            size_t bytes = MIN(piece, n - pos);
            const uint8_t header[5] = { 22, 3, 1, (uint8_t)(bytes >> 8), (uint8_t)bytes };
            memcpy(cut + len, header, 5);
            memcpy(cut + len + 5, hello + pos, bytes);
            len += 5 + bytes;
        }
        assert_berth_ok(find_sni(cut, len, name));
        assert_string_equal(name, "a.example");
    }
}

static void
no_server_name_is_an_empty_one(void **state)
{
    uint8_t hello[4096];
    char name[BERTH_SERVER_NAME_CHARS];
    size_t n = make_hello(NULL, hello, sizeof hello);
    assert_berth_ok(find_sni(hello, n, name));
    assert_string_equal(name, "");
}

static void
what_is_no_client_hello_is_refused_early(void **state)
{
    static const char *const bad[] = { "GET / HTTP/1.1\r\n", "\x16\x02", "\x15\x03\x01\x00\x02",
                                       "\x16\x03\x01\x00\x05\x02" };
    static const size_t sizes[] = { 1, 2, 5, 6 };
    char name[BERTH_SERVER_NAME_CHARS];
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_berth_error(find_sni((const uint8_t *)bad[i], sizes[i], name), BERTH_ERR_PROTOCOL);
    }
}

static void
a_hello_over_the_limit_is_refused_from_its_header(void **state)
{
    static const uint8_t huge[] = { 22, 3, 1, 0x40, 0x00, 1, 0x00, 0x0f, 0xf8 };
    uint8_t endless[BERTH_LIMIT_CLIENT_HELLO_BYTES];
    char name[BERTH_SERVER_NAME_CHARS];
    assert_berth_error(find_sni(huge, sizeof huge, name), BERTH_ERR_TOO_LARGE);
    /* One byte a record costs six: the message fits, its records do not. */
    for (size_t i = 0; i + 6 <= sizeof endless; i += 6) {
        const uint8_t record[6] = { 22, 3, 1, 0, 1, i == 0 ? 1 : (i == 12 ? 0x0c : 0) };
        memcpy(endless + i, record, 6);
    }
    memcpy(endless + sizeof endless - 4, endless, 4);
    assert_berth_error(find_sni(endless, sizeof endless, name), BERTH_ERR_TOO_LARGE);
}

static void
any_changed_byte_is_survived(void **state)
{
    uint8_t hello[4096];
    char name[BERTH_SERVER_NAME_CHARS];
    size_t n = make_hello("a.example", hello, sizeof hello);
    for (size_t i = 0; i < n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            hello[i] ^= (uint8_t)(1u << bit);
            int r = find_sni(hello, n, name);
            assert_true(r == BERTH_OK || r == BERTH_ERR_AGAIN || r == BERTH_ERR_PROTOCOL ||
                        r == BERTH_ERR_TOO_LARGE);
            hello[i] ^= (uint8_t)(1u << bit);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written_alike),
        cmocka_unit_test(bad_addresses_are_refused),
        cmocka_unit_test(a_connection_is_made_and_accepted),
        cmocka_unit_test(a_refused_connection_is_an_error),
        cmocka_unit_test(session_names_come_back),
        cmocka_unit_test(other_names_are_told_from_broken_ones),
        cmocka_unit_test(server_name_is_found_at_every_cut),
        cmocka_unit_test(server_name_is_found_in_many_records),
        cmocka_unit_test(no_server_name_is_an_empty_one),
        cmocka_unit_test(what_is_no_client_hello_is_refused_early),
        cmocka_unit_test(a_hello_over_the_limit_is_refused_from_its_header),
        cmocka_unit_test(any_changed_byte_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
