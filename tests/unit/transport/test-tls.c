/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Real handshakes between two streams over a socket pair, both driven by one thread.
 */
#include "authority.h"
#include "testing.h"

#include "base/id.h"
#include "display/transport/tls-context.h"
#include "display/transport/tls.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    BerthTlsStream *client, *server;
    int client_result, server_result;
} Pair;

static void
make_sockets(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static void
pair_clear(Pair *pair)
{
    berth_tls_stream_free(pair->client);
    berth_tls_stream_free(pair->server);
    memset(pair, 0, sizeof *pair);
}

/*
 * One step of a side that is not done.  In TLS 1.3 a client is through before the server has judged
 * its certificate, so a side that is through goes on to read.
 */
static void
step(BerthTlsStream *stream, int *result)
{
    char byte;
    size_t n;
    if (*result != BERTH_ERR_AGAIN) {
        return;
    }
    *result = berth_tls_stream_handshake(stream);
    if (*result == BERTH_OK) {
        int r = berth_tls_stream_read(stream, &byte, 1, &n);
        *result = r == BERTH_ERR_AGAIN ? BERTH_OK : r;
    }
}

static void
drive(Pair *pair)
{
    pair->client_result = pair->server_result = BERTH_ERR_AGAIN;
    for (int i = 0; i < 20; i++) {
        step(pair->client, &pair->client_result);
        step(pair->server, &pair->server_result);
        /* The verdict of the other side may arrive after we were through. */
        if (pair->client_result == BERTH_OK && pair->server_result != BERTH_ERR_AGAIN) {
            pair->client_result = BERTH_ERR_AGAIN;
            step(pair->client, &pair->client_result);
            break;
        }
    }
}

static void
connect_pair(Pair *pair, BerthTlsConfig *server, BerthTlsConfig *client, const char *name)
{
    int fds[2];
    g_autoptr(GError) error = NULL;
    g_autoptr(BerthTlsContext) server_context = berth_tls_context_new_server(server, &error);
    assert_null(error);
    g_autoptr(BerthTlsContext) client_context = berth_tls_context_new_client(client, &error);
    assert_null(error);
    make_sockets(fds);
    pair->server = berth_tls_stream_new(server_context, fds[0], NULL, &error);
    assert_null(error);
    pair->client = berth_tls_stream_new(client_context, fds[1], name, &error);
    assert_null(error);
    drive(pair);
}

static BerthTlsKey *
make_key(const char *name, uint8_t hash[BERTH_KEY_HASH_BYTES])
{
    g_autoptr(GError) error = NULL;
    BerthTlsKey *key = berth_tls_key_new_self_signed(name, &error);
    assert_null(error);
    berth_tls_key_get_hash(key, hash);
    return key;
}

static void
pinned_client_and_any_key_server_agree(void **state)
{
    Pair pair = { 0 };
    uint8_t server_hash[BERTH_KEY_HASH_BYTES], client_hash[BERTH_KEY_HASH_BYTES];
    uint8_t seen[BERTH_KEY_HASH_BYTES];
    g_autoptr(BerthTlsKey) server_key = make_key("session", server_hash);
    g_autoptr(BerthTlsKey) client_key = make_key("client", client_hash);
    BerthTlsConfig server = { .key = server_key,
                              .peer_check = BERTH_TLS_PEER_ANY_KEY,
                              .alpn = "berth/1",
                              .is_alpn_needed = true };
    BerthTlsConfig client = { .key = client_key,
                              .peer_check = BERTH_TLS_PEER_PINNED,
                              .pin = server_hash,
                              .alpn = "berth/1",
                              .is_alpn_needed = true };
    connect_pair(&pair, &server, &client, "abc.def.session.berth");
    assert_berth_ok(pair.client_result);
    assert_berth_ok(pair.server_result);
    assert_berth_ok(berth_tls_stream_get_peer_key_hash(pair.server, seen));
    assert_memory_equal(seen, client_hash, sizeof seen);
    assert_berth_ok(berth_tls_stream_get_peer_key_hash(pair.client, seen));
    assert_memory_equal(seen, server_hash, sizeof seen);
    assert_string_equal(berth_tls_stream_get_server_name(pair.server), "abc.def.session.berth");
    assert_string_equal(berth_tls_stream_get_alpn(pair.server), "berth/1");
    assert_string_equal(berth_tls_stream_get_alpn(pair.client), "berth/1");
    pair_clear(&pair);
}

static void
wrong_pin_is_refused(void **state)
{
    Pair pair = { 0 };
    uint8_t hash[BERTH_KEY_HASH_BYTES];
    g_autoptr(BerthTlsKey) key = make_key("session", hash);
    BerthTlsConfig server = { .key = key, .peer_check = BERTH_TLS_PEER_NONE };
    hash[31] ^= 1;
    BerthTlsConfig client = { .peer_check = BERTH_TLS_PEER_PINNED, .pin = hash };
    connect_pair(&pair, &server, &client, NULL);
    assert_berth_error(pair.client_result, BERTH_ERR_UNTRUSTED);
    assert_berth_error(pair.server_result, BERTH_ERR_UNTRUSTED);
    assert_non_null(strstr(berth_tls_stream_get_error_text(pair.client), "not the expected one"));
    pair_clear(&pair);
}

static void
missing_client_certificate_is_refused(void **state)
{
    Pair pair = { 0 };
    uint8_t hash[BERTH_KEY_HASH_BYTES];
    g_autoptr(BerthTlsKey) key = make_key("session", hash);
    BerthTlsConfig server = { .key = key, .peer_check = BERTH_TLS_PEER_ANY_KEY };
    BerthTlsConfig client = { .peer_check = BERTH_TLS_PEER_PINNED, .pin = hash };
    connect_pair(&pair, &server, &client, NULL);
    assert_berth_error(pair.server_result, BERTH_ERR_UNTRUSTED);
    assert_string_equal(berth_tls_stream_get_error_text(pair.server),
                        "the peer showed no certificate");
    assert_berth_error(pair.client_result, BERTH_ERR_UNTRUSTED);
    pair_clear(&pair);
}

static void
missing_alpn_is_refused(void **state)
{
    static const char *const offers[] = { NULL, "http/1.1", "berth/10", "berth/" };
    uint8_t hash[BERTH_KEY_HASH_BYTES];
    g_autoptr(BerthTlsKey) key = make_key("session", hash);
    for (size_t i = 0; i < G_N_ELEMENTS(offers); i++) {
        Pair pair = { 0 };
        BerthTlsConfig server = {
            .key = key, .peer_check = BERTH_TLS_PEER_NONE, .alpn = "berth/1", .is_alpn_needed = true
        };
        BerthTlsConfig client = { .peer_check = BERTH_TLS_PEER_PINNED,
                                  .pin = hash,
                                  .alpn = offers[i] };
        connect_pair(&pair, &server, &client, NULL);
        assert_berth_error(pair.server_result, BERTH_ERR_TLS);
        pair_clear(&pair);
    }
}

static void
tls_1_2_client_is_refused(void **state)
{
    int fds[2];
    uint8_t hash[BERTH_KEY_HASH_BYTES];
    g_autoptr(BerthTlsKey) key = make_key("session", hash);
    BerthTlsConfig config = { .key = key, .peer_check = BERTH_TLS_PEER_NONE };
    g_autoptr(BerthTlsContext) context = berth_tls_context_new_server(&config, NULL);
    make_sockets(fds);
    g_autoptr(BerthTlsStream) server = berth_tls_stream_new(context, fds[0], NULL, NULL);
    SSL_CTX *old = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
    SSL *ssl = SSL_new(old);
    SSL_set_fd(ssl, fds[1]);
    assert_int_equal(SSL_connect(ssl), -1);
    assert_berth_error(berth_tls_stream_handshake(server), BERTH_ERR_TLS);
    assert_int_equal(SSL_connect(ssl), -1);
    assert_int_equal(SSL_get_error(ssl, -1), SSL_ERROR_SSL);
    SSL_free(ssl);
    SSL_CTX_free(old);
    close(fds[1]);
}

static void
bytes_pass_both_ways_and_end_properly(void **state)
{
    Pair pair = { 0 };
    uint8_t hash[BERTH_KEY_HASH_BYTES];
    char buffer[64];
    size_t n = 0;
    g_autoptr(BerthTlsKey) key = make_key("session", hash);
    BerthTlsConfig server = { .key = key, .peer_check = BERTH_TLS_PEER_NONE };
    BerthTlsConfig client = { .peer_check = BERTH_TLS_PEER_PINNED, .pin = hash };
    connect_pair(&pair, &server, &client, NULL);
    assert_berth_error(berth_tls_stream_read(pair.server, buffer, sizeof buffer, &n),
                       BERTH_ERR_AGAIN);
    assert_berth_ok(berth_tls_stream_write(pair.client, "hello", 5, &n));
    assert_int_equal(n, 5);
    assert_berth_ok(berth_tls_stream_read(pair.server, buffer, 2, &n));
    assert_int_equal(n, 2);
    assert_true(berth_tls_stream_has_pending(pair.server));
    assert_berth_ok(berth_tls_stream_read(pair.server, buffer + 2, sizeof buffer - 2, &n));
    assert_memory_equal(buffer, "hello", 5);
    assert_berth_ok(berth_tls_stream_write(pair.server, "bye", 3, &n));
    berth_tls_stream_shutdown(pair.server);
    assert_berth_error(berth_tls_stream_write(pair.server, "x", 1, &n), BERTH_ERR_CLOSED);
    assert_berth_ok(berth_tls_stream_read(pair.client, buffer, sizeof buffer, &n));
    assert_berth_error(berth_tls_stream_read(pair.client, buffer, sizeof buffer, &n),
                       BERTH_ERR_CLOSED);
    pair_clear(&pair);
}

static void
a_full_socket_says_again_and_wants_write(void **state)
{
    Pair pair = { 0 };
    uint8_t hash[BERTH_KEY_HASH_BYTES];
    static uint8_t block[16384];
    size_t n = 0;
    size_t sent = 0, received = 0;
    int r = BERTH_OK;
    g_autoptr(BerthTlsKey) key = make_key("session", hash);
    BerthTlsConfig server = { .key = key, .peer_check = BERTH_TLS_PEER_NONE };
    BerthTlsConfig client = { .peer_check = BERTH_TLS_PEER_PINNED, .pin = hash };
    connect_pair(&pair, &server, &client, NULL);
    while (r == BERTH_OK && sent < 100u * 1024 * 1024) {
        r = berth_tls_stream_write(pair.server, block, sizeof block, &n);
        sent += r == BERTH_OK ? n : 0;
    }
    assert_berth_error(r, BERTH_ERR_AGAIN);
    assert_true(berth_tls_stream_wants_write(pair.server));
    while (berth_tls_stream_read(pair.client, block, sizeof block, &n) == BERTH_OK) {
        received += n;
    }
    assert_berth_ok(berth_tls_stream_write(pair.server, block, sizeof block, &n));
    assert_int_equal(received, sent);
    pair_clear(&pair);
}

static void
a_dead_peer_is_an_error_and_no_signal(void **state)
{
    Pair pair = { 0 };
    uint8_t hash[BERTH_KEY_HASH_BYTES];
    char buffer[16];
    size_t n;
    g_autoptr(BerthTlsKey) key = make_key("session", hash);
    BerthTlsConfig server = { .key = key, .peer_check = BERTH_TLS_PEER_NONE };
    BerthTlsConfig client = { .peer_check = BERTH_TLS_PEER_PINNED, .pin = hash };
    connect_pair(&pair, &server, &client, NULL);
    g_clear_pointer(&pair.client, berth_tls_stream_free);
    assert_berth_error(berth_tls_stream_write(pair.server, "x", 1, &n), BERTH_ERR_IO);
    pair_clear(&pair);
    connect_pair(&pair, &server, &client, NULL);
    g_clear_pointer(&pair.client, berth_tls_stream_free);
    assert_berth_error(berth_tls_stream_read(pair.server, buffer, sizeof buffer, &n), BERTH_ERR_IO);
    pair_clear(&pair);
}

#define HOST_HEX "0123456789abcdef0123456789abcdef"

static void
mutual_ca_trust_names_the_host(void **state)
{
    Pair pair = { 0 };
    Authority site;
    BerthId host;
    char hex[BERTH_ID_HEX_CHARS + 1];
    authority_init(&site, "DNS:broker.example,IP:127.0.0.1,URI:berth:host:" HOST_HEX);
    g_autoptr(BerthTlsKey) key = berth_tls_key_load(site.cert, site.key, NULL);
    assert_non_null(key);
    BerthTlsConfig both = { .key = key, .peer_check = BERTH_TLS_PEER_CA, .ca_file = site.ca };
    connect_pair(&pair, &both, &both, "broker.example");
    assert_berth_ok(pair.client_result);
    assert_berth_ok(pair.server_result);
    assert_berth_ok(berth_tls_stream_get_peer_host_id(pair.server, &host));
    berth_id_format(&host, hex);
    assert_string_equal(hex, HOST_HEX);
    pair_clear(&pair);
    connect_pair(&pair, &both, &both, "127.0.0.1");
    assert_berth_ok(pair.client_result);
    pair_clear(&pair);
    connect_pair(&pair, &both, &both, "other.example");
    assert_berth_error(pair.client_result, BERTH_ERR_UNTRUSTED);
    pair_clear(&pair);
    authority_clear(&site);
}

static void
a_key_of_another_authority_is_refused(void **state)
{
    Pair pair = { 0 };
    Authority site, other;
    BerthId host;
    uint8_t hash[BERTH_KEY_HASH_BYTES];
    authority_init(&site, "DNS:broker.example");
    authority_init(&other, "DNS:broker.example,URI:berth:host:" HOST_HEX);
    g_autoptr(BerthTlsKey) site_key = berth_tls_key_load(site.cert, site.key, NULL);
    g_autoptr(BerthTlsKey) other_key = berth_tls_key_load(other.cert, other.key, NULL);
    g_autoptr(BerthTlsKey) own_key = make_key("nobody", hash);
    BerthTlsKey *const bad_keys[] = { other_key, own_key, NULL };
    BerthTlsConfig server = { .key = site_key,
                              .peer_check = BERTH_TLS_PEER_CA,
                              .ca_file = site.ca };
    for (size_t i = 0; i < G_N_ELEMENTS(bad_keys); i++) {
        BerthTlsConfig client = { .key = bad_keys[i],
                                  .peer_check = BERTH_TLS_PEER_CA,
                                  .ca_file = site.ca };
        connect_pair(&pair, &server, &client, "broker.example");
        assert_berth_error(pair.server_result, BERTH_ERR_UNTRUSTED);
        assert_berth_error(berth_tls_stream_get_peer_host_id(pair.server, &host),
                           BERTH_ERR_NOT_FOUND);
        pair_clear(&pair);
    }
    BerthTlsConfig client = { .key = site_key,
                              .peer_check = BERTH_TLS_PEER_CA,
                              .ca_file = other.ca };
    connect_pair(&pair, &server, &client, "broker.example");
    assert_berth_error(pair.client_result, BERTH_ERR_UNTRUSTED);
    pair_clear(&pair);
    authority_clear(&site);
    authority_clear(&other);
}

static void
a_certificate_without_one_good_host_uri_names_no_host(void **state)
{
    static const char *const bad[] = {
        "DNS:a.example",
        "URI:berth:host:" HOST_HEX "0",
        "URI:berth:host:0123456789ABCDEF0123456789ABCDEF",
        "URI:berth:host:" HOST_HEX ",URI:berth:host:" HOST_HEX,
        "URI:berth:host:" HOST_HEX ",URI:berth:host:x",
        "URI:berth:hos",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        Pair pair = { 0 };
        Authority site;
        BerthId host;
        uint8_t hash[BERTH_KEY_HASH_BYTES];
        authority_init(&site, bad[i]);
        g_autoptr(BerthTlsKey) key = berth_tls_key_load(site.cert, site.key, NULL);
        g_autoptr(BerthTlsKey) server_key = make_key("server", hash);
        BerthTlsConfig server = { .key = server_key,
                                  .peer_check = BERTH_TLS_PEER_CA,
                                  .ca_file = site.ca };
        BerthTlsConfig client = { .key = key, .peer_check = BERTH_TLS_PEER_PINNED, .pin = hash };
        connect_pair(&pair, &server, &client, NULL);
        assert_berth_ok(pair.server_result);
        assert_berth_error(berth_tls_stream_get_peer_host_id(pair.server, &host),
                           BERTH_ERR_NOT_FOUND);
        pair_clear(&pair);
        authority_clear(&site);
    }
}

static void
bad_configurations_are_refused(void **state)
{
    g_autoptr(GError) error = NULL;
    Authority one, two;
    BerthTlsConfig nothing = { .peer_check = BERTH_TLS_PEER_NONE };
    assert_null(berth_tls_context_new_server(&nothing, &error));
    g_clear_error(&error);
    assert_null(berth_tls_context_new_client(&nothing, &error));
    g_clear_error(&error);
    BerthTlsConfig no_ca = { .peer_check = BERTH_TLS_PEER_CA, .ca_file = "/nonexistent/ca.pem" };
    assert_null(berth_tls_context_new_client(&no_ca, &error));
    assert_non_null(strstr(error->message, "/nonexistent/ca.pem"));
    g_clear_error(&error);
    authority_init(&one, NULL);
    authority_init(&two, NULL);
    assert_null(berth_tls_key_load(one.cert, two.key, &error));
    assert_non_null(strstr(error->message, two.key));
    g_clear_error(&error);
    assert_null(berth_tls_key_load("/nonexistent/a", two.key, &error));
    assert_int_equal(error->code, BERTH_ERR_IO);
    g_clear_error(&error);
    assert_int_equal(g_chmod(two.key, 0604), 0);
    assert_null(berth_tls_key_load(two.cert, two.key, &error));
    assert_int_equal(error->code, BERTH_ERR_FORBIDDEN);
    assert_non_null(strstr(error->message, "mode 0604"));
    authority_clear(&one);
    authority_clear(&two);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pinned_client_and_any_key_server_agree),
        cmocka_unit_test(wrong_pin_is_refused),
        cmocka_unit_test(missing_client_certificate_is_refused),
        cmocka_unit_test(missing_alpn_is_refused),
        cmocka_unit_test(tls_1_2_client_is_refused),
        cmocka_unit_test(bytes_pass_both_ways_and_end_properly),
        cmocka_unit_test(a_full_socket_says_again_and_wants_write),
        cmocka_unit_test(a_dead_peer_is_an_error_and_no_signal),
        cmocka_unit_test(mutual_ca_trust_names_the_host),
        cmocka_unit_test(a_key_of_another_authority_is_refused),
        cmocka_unit_test(a_certificate_without_one_good_host_uri_names_no_host),
        cmocka_unit_test(bad_configurations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
