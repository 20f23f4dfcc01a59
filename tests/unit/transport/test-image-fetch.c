/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of images over real TLS on loopback: what is good arrives, what is not is refused, and what
 * was cut off goes on.
 */
#include "display/transport/image-fetch.h"

#include "authority.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/depot/chunk-maker.h"
#include "base/kill-point.h"
#include "display/transport/image-channel.h"
#include "display/transport/image-server.h"
#include "display/transport/image-source.h"
#include "display/transport/image-wire.h"
#include "testing.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST_SAN "URI:berth:host:0123456789abcdef0123456789abcdef"
#define BROKER_SAN "DNS:broker.example"
#define CHUNK ((uint64_t)BERTH_CHUNK_BYTES)
/* Data, a hole, data, and a short chunk at the end. */
#define FILE_BYTES (3 * CHUNK + 100000)
#define DATA_BYTES (2 * (int64_t)CHUNK + 100000)

typedef struct {
    char *base;
    Authority site;
    BerthStoreFolder *source, *target;
    BerthTlsKey *key;
    BerthTlsContext *tls;
    BerthDigest root;
    BerthImageServer *server;
    BerthAddress address;
    BerthImageProgress progress;
    int stop_fd;
} Fixture;

/* ---- files ---- */

static void
fill(int fd, uint64_t index, size_t n, uint8_t seed)
{
    g_autofree uint8_t *bytes = g_malloc(n);
    uint32_t state = seed + 1u;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(state >> 24);
    }
    assert_int_equal(pwrite(fd, bytes, n, (off_t)(index * CHUNK)), n);
}

/* A file of the source's folder; seed makes the bytes of its first chunk. */
static BerthDigest
make_file(Fixture *self, uint8_t seed)
{
    BerthDigest root;
    g_autofree char *path = berth_store_folder_tmp_file(self->source, "new");
    berth_autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, FILE_BYTES), 0);
    fill(fd, 0, CHUNK, seed);
    fill(fd, 2, CHUNK, 77);
    fill(fd, 3, 100000, 78);
    g_autoptr(BerthChunkList) list = berth_chunk_list_make(fd, NULL, NULL);
    assert_non_null(list);
    assert_true(berth_store_folder_take(self->source, path, list, NULL));
    berth_chunk_list_root(list, &root);
    return root;
}

static void
remove_all(const char *path)
{
    const char *name;
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        if (g_file_test(child, G_FILE_TEST_IS_DIR)) {
            remove_all(child);
        }
        g_remove(child);
    }
}

/* Whether exactly the file and its list are there, and good. */
static void
assert_complete(const Fixture *self)
{
    struct stat info;
    int n_files = 0;
    BerthDigest root;
    g_autofree char *path = berth_store_folder_file(self->target, &self->root, "img");
    g_autoptr(GDir) dir = g_dir_open(berth_store_folder_path(self->target), 0, NULL);
    while (g_dir_read_name(dir) != NULL) {
        n_files++;
    }
    assert_int_equal(n_files, 3); /* and tmp/ */
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0444);
    assert_true((uint64_t)info.st_blocks * 512 < 3 * CHUNK);
    g_autoptr(BerthChunkList) list = berth_chunk_list_make(fd, NULL, NULL);
    assert_non_null(list);
    berth_chunk_list_root(list, &root);
    assert_true(berth_digest_equal(&root, &self->root));
}

static void
assert_not_there(const Fixture *self)
{
    assert_false(berth_store_folder_has(self->target, &self->root));
}

/* ---- fixture ---- */

static int
open_file(const BerthDigest *root, int *ret_fd, BerthChunkList **ret_list, void *user_data)
{
    const Fixture *self = user_data;
    g_autofree char *list_path = berth_store_folder_file(self->source, root, "chunks");
    g_autofree char *path = berth_store_folder_file(self->source, root, "img");
    g_autoptr(BerthChunkList) list = berth_chunk_list_load(list_path, root, NULL);
    int fd = list != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return BERTH_ERR_NOT_FOUND;
    }
    *ret_fd = fd;
    *ret_list = g_steal_pointer(&list);
    return BERTH_OK;
}

static BerthImageServer *
start_server(Fixture *self, const char *allowed_name, BerthAddress *ret_address)
{
    g_autoptr(GError) error = NULL;
    BerthImageServerConfig config = {
        .key = self->key,
        .ca_file = self->site.ca,
        .allowed_name = allowed_name,
        .max_connections = 8,
        .open_file = open_file,
        .user_data = self,
    };
    assert_berth_ok(berth_address_parse("127.0.0.1:0", &config.listen));
    BerthImageServer *server = berth_image_server_new(&config, &error);
    assert_null(error);
    berth_image_server_get_address(server, ret_address);
    return server;
}

static void
use_certificate(Fixture *self, const char *san)
{
    g_clear_pointer(&self->key, berth_tls_key_unref);
    g_clear_pointer(&self->tls, berth_tls_context_unref);
    authority_issue(&self->site, san);
    self->key = berth_tls_key_load(self->site.cert, self->site.key, NULL);
    assert_non_null(self->key);
    self->tls = berth_image_source_tls_new(self->key, self->site.ca, NULL);
    assert_non_null(self->tls);
}

static int
setup(void **state)
{
    Fixture *self = g_new0(Fixture, 1);
    self->base = g_dir_make_tmp("berth-fetch-XXXXXX", NULL);
    g_autofree char *source = g_build_filename(self->base, "source", NULL);
    g_autofree char *target = g_build_filename(self->base, "target", NULL);
    self->source = berth_store_folder_open(source, 0, NULL);
    self->target = berth_store_folder_open(target, 0, NULL);
    self->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    authority_init(&self->site, NULL);
    use_certificate(self, HOST_SAN);
    self->root = make_file(self, 1);
    self->server = start_server(self, NULL, &self->address);
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    Fixture *self = *state;
    berth_image_server_free(self->server);
    berth_store_folder_free(self->source);
    berth_store_folder_free(self->target);
    berth_tls_context_unref(self->tls);
    berth_tls_key_unref(self->key);
    authority_clear(&self->site);
    berth_clear_fd(&self->stop_fd);
    remove_all(self->base);
    g_rmdir(self->base);
    g_free(self->base);
    g_free(self);
    return 0;
}

static int
fetch_with(Fixture *self, const BerthAddress *sources, size_t n_sources, const BerthDigest *older,
           char **ret_text)
{
    GError *error = NULL;
    memset(&self->progress, 0, sizeof self->progress);
    const BerthImageFetchConfig config = {
        .folder = self->target,
        .root = self->root,
        .size_bytes = FILE_BYTES,
        .sources = sources,
        .n_sources = n_sources,
        .tls = self->tls,
        .older = older,
        .n_older = older != NULL ? 1 : 0,
        .n_threads = 2,
        .stop_fd = self->stop_fd,
        .progress = &self->progress,
    };
    if (berth_image_fetch(&config, &error)) {
        assert_null(error);
        return BERTH_OK;
    }
    int code = error->code;
    if (ret_text != NULL) {
        *ret_text = g_strdup(error->message);
    }
    g_error_free(error);
    return code;
}

static int
fetch(Fixture *self, char **ret_text)
{
    return fetch_with(self, &self->address, 1, NULL, ret_text);
}

/* ---- a relay that cuts ---- */

typedef struct {
    BerthAddress listen, to;
    int listen_fd, stop_fd;
    int64_t left_bytes; /* until it is cut, in the direction of the client */
    GThread *thread;
} Relay;

static void
wait_connected(int fd)
{
    struct pollfd item = { .fd = fd, .events = POLLOUT };
    while (berth_tcp_connect_result(fd) == BERTH_ERR_AGAIN) {
        poll(&item, 1, -1);
    }
}

/* Moves what is there; false at the end of either side. */
static bool
pump(int from, int to, int64_t *left_bytes)
{
    char buffer[65536];
    size_t cap =
        left_bytes != NULL ? (size_t)MIN(*left_bytes, (int64_t)sizeof buffer) : sizeof buffer;
    ssize_t n = cap > 0 ? recv(from, buffer, cap, 0) : 0;
    if (n <= 0) {
        return n < 0 && errno == EAGAIN;
    }
    if (left_bytes != NULL) {
        *left_bytes -= n;
    }
    for (ssize_t done = 0; done < n;) {
        struct pollfd item = { .fd = to, .events = POLLOUT };
        poll(&item, 1, -1);
        ssize_t sent = send(to, buffer + done, (size_t)(n - done), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            return false;
        }
        done += MAX(sent, 0);
    }
    return true;
}

static void
relay_connection(Relay *self, int client)
{
    berth_autofd int server = -1;
    bool is_open = berth_tcp_connect(&self->to, &server) == BERTH_OK;
    if (is_open) {
        wait_connected(server);
    }
    while (is_open) {
        struct pollfd fds[3] = { { .fd = client, .events = POLLIN },
                                 { .fd = server, .events = POLLIN },
                                 { .fd = self->stop_fd, .events = POLLIN } };
        poll(fds, G_N_ELEMENTS(fds), -1);
        is_open = fds[2].revents == 0 && (fds[0].revents == 0 || pump(client, server, NULL)) &&
                  (fds[1].revents == 0 || pump(server, client, &self->left_bytes));
    }
}

static gpointer
run_relay(gpointer data)
{
    Relay *self = data;
    struct pollfd fds[2] = { { .fd = self->listen_fd, .events = POLLIN },
                             { .fd = self->stop_fd, .events = POLLIN } };
    while (fds[1].revents == 0) {
        berth_autofd int client = -1;
        poll(fds, G_N_ELEMENTS(fds), -1);
        if (fds[0].revents != 0 && berth_tcp_accept(self->listen_fd, &client, NULL) == BERTH_OK &&
            self->left_bytes > 0) {
            relay_connection(self, client);
        }
    }
    return NULL;
}

/* Lets n bytes of the server through, then cuts, and then takes nobody in any more. */
static void
relay_start(Relay *self, const BerthAddress *to, int64_t n)
{
    self->to = *to;
    self->left_bytes = n;
    self->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_berth_ok(berth_address_parse("127.0.0.1:0", &self->listen));
    assert_berth_ok(berth_tcp_listen(&self->listen, &self->listen_fd));
    assert_berth_ok(berth_tcp_get_local(self->listen_fd, &self->listen));
    self->thread = g_thread_new("relay", run_relay, self);
}

static void
relay_stop(Relay *self)
{
    eventfd_write(self->stop_fd, 1);
    g_thread_join(self->thread);
    close(self->listen_fd);
    close(self->stop_fd);
}

/* ---- a server that lies ---- */

typedef enum {
    LIE_LENGTH,       /* the list is said to have another length */
    LIE_ENDLESS,      /* a length that nobody can mean */
    LIE_OTHER_ROOT,   /* the good list of another file */
    LIE_CHUNK_LENGTH, /* the list is good, the chunks are said to be longer */
    LIE_BYTES,        /* random bytes of the right length */
    LIE_SILENCE,      /* hangs up after the list */
} Lie;

typedef struct {
    Fixture *fixture;
    Lie lie;
    int listen_fd;
    BerthAddress address;
    BerthDigest other_root;
    GThread *thread;
} Liar;

static int
answer(BerthImageChannel *channel, uint64_t length, const void *bytes, size_t n)
{
    uint8_t header[BERTH_IMAGE_ANSWER_BYTES];
    const BerthImageAnswer message = { .length = length };
    int64_t deadline_us = berth_monotonic_us() + 60 * G_USEC_PER_SEC;
    berth_image_answer_encode(&message, header);
    int error = berth_image_channel_write(channel, header, sizeof header, false, deadline_us);
    return error == BERTH_OK && n > 0
               ? berth_image_channel_write(channel, bytes, n, false, deadline_us)
               : error;
}

static void
lie_once(const Liar *self, BerthImageChannel *channel, const BerthImageRequest *request)
{
    const Fixture *fixture = self->fixture;
    const BerthDigest *root = self->lie == LIE_OTHER_ROOT ? &self->other_root : &fixture->root;
    g_autofree char *path = berth_store_folder_file(fixture->source, root, "chunks");
    g_autoptr(BerthChunkList) list = berth_chunk_list_load(path, root, NULL);
    g_autoptr(GBytes) bytes = berth_chunk_list_format(list);
    size_t n = g_bytes_get_size(bytes);
    if (request->op == BERTH_IMAGE_OP_CHUNKS) {
        uint64_t right = berth_image_range_bytes(list, request->first_chunk, request->n_chunks);
        g_autofree uint8_t *junk = g_malloc0(right);
        if (self->lie == LIE_CHUNK_LENGTH) {
            answer(channel, right + 1, junk, right);
        } else if (self->lie == LIE_BYTES) {
            answer(channel, right, junk, right);
        }
        return;
    }
    uint64_t said = self->lie == LIE_LENGTH ? n + 1 : self->lie == LIE_ENDLESS ? UINT64_MAX : n;
    answer(channel, said, g_bytes_get_data(bytes, NULL), n);
}

static void
serve_liar(const Liar *self, BerthTlsContext *tls, int fd)
{
    uint8_t bytes[BERTH_IMAGE_REQUEST_BYTES];
    BerthImageRequest request;
    int64_t deadline_us = berth_monotonic_us() + 60 * G_USEC_PER_SEC;
    g_autoptr(BerthImageChannel) channel =
        berth_image_channel_new(berth_tls_stream_new(tls, fd, NULL, NULL), -1);
    if (berth_image_channel_handshake(channel, deadline_us) != BERTH_OK) {
        return;
    }
    while (berth_image_channel_read(channel, bytes, sizeof bytes, deadline_us) == BERTH_OK &&
           berth_image_request_decode(bytes, sizeof bytes, &request) == BERTH_OK) {
        lie_once(self, channel, &request);
        if (request.op == BERTH_IMAGE_OP_CHUNKS) {
            return;
        }
    }
}

static gpointer
run_liar(gpointer data)
{
    Liar *self = data;
    const BerthTlsConfig config = {
        .key = self->fixture->key,
        .peer_check = BERTH_TLS_PEER_CA_MEMBER,
        .ca_file = self->fixture->site.ca,
        .alpn = BERTH_IMAGE_ALPN,
        .is_bulk = true,
    };
    g_autoptr(BerthTlsContext) tls = berth_tls_context_new_server(&config, NULL);
    struct pollfd fds[2] = { { .fd = self->listen_fd, .events = POLLIN },
                             { .fd = self->fixture->stop_fd, .events = POLLIN } };
    while (fds[1].revents == 0) {
        int fd = -1;
        poll(fds, G_N_ELEMENTS(fds), -1);
        if (fds[0].revents != 0 && berth_tcp_accept(self->listen_fd, &fd, NULL) == BERTH_OK) {
            serve_liar(self, tls, fd);
        }
    }
    return NULL;
}

static void
liar_start(Liar *self, Fixture *fixture, Lie lie)
{
    self->fixture = fixture;
    self->lie = lie;
    self->other_root = make_file(fixture, 200);
    assert_berth_ok(berth_address_parse("127.0.0.1:0", &self->address));
    assert_berth_ok(berth_tcp_listen(&self->address, &self->listen_fd));
    assert_berth_ok(berth_tcp_get_local(self->listen_fd, &self->address));
    self->thread = g_thread_new("liar", run_liar, self);
}

static void
liar_stop(Liar *self)
{
    eventfd_t value;
    eventfd_write(self->fixture->stop_fd, 1);
    g_thread_join(self->thread);
    eventfd_read(self->fixture->stop_fd, &value);
    close(self->listen_fd);
}

/* ---- tests ---- */

static void
a_file_arrives_with_its_holes(void **state)
{
    Fixture *self = *state;
    assert_berth_ok(fetch(self, NULL));
    assert_complete(self);
    assert_int_equal(self->progress.total_bytes, DATA_BYTES);
    assert_int_equal(self->progress.done_bytes, DATA_BYTES);
    assert_int_equal(self->progress.wire_bytes, DATA_BYTES);
}

static void
what_a_source_does_not_have_is_said(void **state)
{
    Fixture *self = *state;
    g_autofree char *text = NULL;
    self->root.bytes[0] ^= 1;
    assert_berth_error(fetch(self, &text), BERTH_ERR_NOT_FOUND);
    assert_non_null(strstr(text, "refuses: there is no such thing"));
}

/* Changes the complete file of the source behind its back. */
static void
damage(const Fixture *self, uint64_t offset, bool is_cut)
{
    char byte;
    g_autofree char *path = berth_store_folder_file(self->source, &self->root, "img");
    assert_int_equal(chmod(path, 0600), 0);
    berth_autofd int fd = open(path, O_RDWR | O_CLOEXEC);
    if (is_cut) {
        assert_int_equal(ftruncate(fd, (off_t)offset), 0);
        return;
    }
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte = (char)(byte ^ 0x10);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
}

static void
a_flipped_bit_is_refused(void **state)
{
    Fixture *self = *state;
    g_autofree char *text = NULL;
    damage(self, 2 * CHUNK + 12345, false);
    assert_berth_error(fetch(self, &text), BERTH_ERR_CORRUPT);
    assert_non_null(strstr(text, "sent chunk 2 with other bytes than its digest says"));
    assert_not_there(self);
}

static void
a_truncated_file_is_refused(void **state)
{
    Fixture *self = *state;
    damage(self, 2 * CHUNK + 10, true);
    assert_int_not_equal(fetch(self, NULL), BERTH_OK);
    assert_not_there(self);
}

static void
lies_are_refused_and_another_source_is_asked(void **state)
{
    static const struct {
        Lie lie;
        int error;
        const char *text;
    } rows[] = {
        { LIE_LENGTH, BERTH_ERR_CORRUPT, "bytes where" },
        { LIE_ENDLESS, BERTH_ERR_CORRUPT, "offers 18446744073709551615 bytes" },
        { LIE_OTHER_ROOT, BERTH_ERR_CORRUPT, "the list of another file" },
        { LIE_CHUNK_LENGTH, BERTH_ERR_CORRUPT, "bytes where" },
        { LIE_BYTES, BERTH_ERR_CORRUPT, "other bytes than its digest says" },
        { LIE_SILENCE, BERTH_ERR_CLOSED, "does not answer" },
    };

    Fixture *self = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Liar liar;
        g_autofree char *text = NULL;
        liar_start(&liar, self, rows[i].lie);
        const BerthAddress both[] = { liar.address, self->address };
        assert_berth_error(fetch_with(self, &liar.address, 1, NULL, &text), rows[i].error);
        assert_non_null(strstr(text, rows[i].text));
        assert_not_there(self);
        assert_berth_ok(fetch_with(self, both, 2, NULL, NULL));
        assert_complete(self);
        assert_true(berth_store_folder_remove(self->target, &self->root, NULL));
        liar_stop(&liar);
    }
}

static void
only_hosts_of_the_site_may_fetch_and_serve(void **state)
{
    Fixture *self = *state;
    Authority other;
    g_autofree char *text = NULL;
    /* A certificate of the site that is no host's: a kiosk's, say. */
    use_certificate(self, "DNS:kiosk.example");
    assert_int_not_equal(fetch(self, NULL), BERTH_OK);
    assert_not_there(self);
    BerthAddress address;
    g_autoptr(BerthImageServer) kiosk = start_server(self, NULL, &address);
    use_certificate(self, HOST_SAN);
    assert_berth_error(fetch_with(self, &address, 1, NULL, &text), BERTH_ERR_UNTRUSTED);
    assert_non_null(strstr(text, "neither a host's nor the broker's"));
    /* Another authority. */
    authority_init(&other, HOST_SAN);
    BerthTlsContext *own = self->tls;
    g_autoptr(BerthTlsKey) key = berth_tls_key_load(other.cert, other.key, NULL);
    self->tls = berth_image_source_tls_new(key, other.ca, NULL);
    assert_berth_error(fetch(self, NULL), BERTH_ERR_UNTRUSTED);
    berth_tls_context_unref(self->tls);
    self->tls = berth_image_source_tls_new(key, self->site.ca, NULL);
    assert_int_not_equal(fetch(self, NULL), BERTH_OK);
    berth_tls_context_unref(self->tls);
    /* No certificate at all. */
    self->tls = berth_image_source_tls_new(NULL, self->site.ca, NULL);
    assert_berth_error(fetch(self, NULL), BERTH_ERR_UNTRUSTED);
    berth_tls_context_unref(self->tls);
    self->tls = own;
    assert_not_there(self);
    assert_berth_ok(fetch(self, NULL));
    authority_clear(&other);
}

static void
the_broker_may_fetch_where_it_is_named(void **state)
{
    Fixture *self = *state;
    BerthAddress address;
    g_autoptr(BerthImageServer) host = start_server(self, "broker.example", &address);
    use_certificate(self, BROKER_SAN);
    assert_int_not_equal(fetch(self, NULL), BERTH_OK);
    assert_berth_ok(fetch_with(self, &address, 1, NULL, NULL));
    assert_complete(self);
}

static void
what_is_cut_anywhere_goes_on(void **state)
{
    Fixture *self = *state;
    /* Around everything that has a border, and somewhere in each chunk. */
    const int64_t c = (int64_t)CHUNK;
    const int64_t cuts[] = { 1, 500,       2500,    16000, 2000000,
                             c, c + 20000, 6000000, 2 * c, 2 * c + 60000 };
    for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++) {
        Relay relay;
        relay_start(&relay, &self->address, cuts[i]);
        assert_int_not_equal(fetch_with(self, &relay.listen, 1, NULL, NULL), BERTH_OK);
        int64_t n_before = self->progress.done_bytes;
        relay_stop(&relay);
        assert_not_there(self);
        assert_berth_ok(fetch(self, NULL));
        assert_complete(self);
        assert_int_equal(self->progress.wire_bytes, DATA_BYTES - n_before);
        assert_int_equal(n_before > 0, cuts[i] > c + 10000);
        assert_true(berth_store_folder_remove(self->target, &self->root, NULL));
    }
}

static void
another_source_takes_over_when_one_dies(void **state)
{
    Fixture *self = *state;
    Relay relay;
    relay_start(&relay, &self->address, (int64_t)CHUNK + 50000);
    const BerthAddress both[] = { relay.listen, self->address };
    assert_berth_ok(fetch_with(self, both, 2, NULL, NULL));
    relay_stop(&relay);
    assert_complete(self);
    assert_int_equal(self->progress.wire_bytes, DATA_BYTES);
}

static void
only_what_changed_is_fetched_beside_an_older_version(void **state)
{
    Fixture *self = *state;
    const BerthDigest older = self->root;
    assert_berth_ok(fetch(self, NULL));
    self->root = make_file(self, 2);
    assert_berth_ok(fetch_with(self, &self->address, 1, &older, NULL));
    assert_int_equal(self->progress.wire_bytes, CHUNK);
    assert_int_equal(self->progress.done_bytes, DATA_BYTES);
    assert_true(berth_store_folder_remove(self->target, &older, NULL));
    assert_complete(self);
}

static void
a_damaged_older_version_is_not_copied(void **state)
{
    Fixture *self = *state;
    const BerthDigest older = self->root;
    assert_berth_ok(fetch(self, NULL));
    BerthStoreFolder *source = self->source;
    self->source = self->target;
    damage(self, 2 * CHUNK + 5, false);
    self->source = source;
    self->root = make_file(self, 2);
    assert_berth_ok(fetch_with(self, &self->address, 1, &older, NULL));
    assert_int_equal(self->progress.wire_bytes, 2 * CHUNK);
    assert_true(berth_store_folder_remove(self->target, &older, NULL));
    assert_complete(self);
}

static void
an_earlier_attempt_is_not_believed(void **state)
{
    Fixture *self = *state;
    const uint8_t all[] = { 1, 1, 1, 1 };
    g_autofree char *part = berth_store_folder_file(self->target, &self->root, "part");
    g_autofree char *have = berth_store_folder_file(self->target, &self->root, "part.have");
    berth_autofd int part_fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    berth_autofd int have_fd = open(have, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    /* Chunk 0 is good, chunk 1 is to be zeros, the others are wrong. */
    fill(part_fd, 0, CHUNK, 1);
    fill(part_fd, 1, CHUNK, 9);
    fill(part_fd, 2, CHUNK, 9);
    assert_int_equal(write(have_fd, all, sizeof all), sizeof all);
    assert_berth_ok(fetch(self, NULL));
    assert_int_equal(self->progress.wire_bytes, CHUNK + 100000);
    assert_complete(self);
}

static void
a_full_disk_is_said_before_anything_is_sent(void **state)
{
    Fixture *self = *state;
    g_autofree char *text = NULL;
    g_autofree char *path = g_strdup(berth_store_folder_path(self->target));
    berth_store_folder_free(self->target);
    self->target = berth_store_folder_open(path, UINT64_MAX, NULL);
    assert_berth_error(fetch(self, &text), BERTH_ERR_DISK_FULL);
    assert_non_null(strstr(text, "has room for 0 MiB"));
    assert_int_equal(self->progress.wire_bytes, 0);
}

static void
a_fetch_ends_when_it_is_told_to(void **state)
{
    Fixture *self = *state;
    eventfd_write(self->stop_fd, 1);
    assert_berth_error(fetch(self, NULL), BERTH_ERR_CLOSED);
    assert_not_there(self);
}

/* ---- death at each point ---- */

/* Runs a server as a process of its own, so that a process with threads need not fork. */
static pid_t
fork_server(Fixture *self)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        BerthImageServer *server = start_server(self, NULL, &self->address);
        ssize_t n = write(fds[1], &self->address, sizeof self->address);
        while (server != NULL && n > 0) {
            pause();
        }
        _exit(1);
    }
    assert_int_equal(read(fds[0], &self->address, sizeof self->address), sizeof self->address);
    close(fds[0]);
    close(fds[1]);
    return pid;
}

static void
a_fetch_that_is_killed_anywhere_goes_on(void **state)
{
    static const BerthKillPoint points[] = {
        BERTH_KILL_REPLICATE_LISTED,   BERTH_KILL_REPLICATE_WRITTEN, BERTH_KILL_REPLICATE_NOTED,
        BERTH_KILL_REPLICATE_COMPLETE, BERTH_KILL_STORE_SYNCED,      BERTH_KILL_STORE_LISTED,
        BERTH_KILL_STORE_RENAMED,      BERTH_KILL_REPLICATE_SETTLED,
    };
    Fixture *self = *state;
    g_autofree char *path = g_strdup(berth_store_folder_path(self->target));
    g_clear_pointer(&self->server, berth_image_server_free);
    pid_t server = fork_server(self);
    for (size_t i = 0; i < G_N_ELEMENTS(points); i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            g_setenv("BERTH_KILL_AT", berth_kill_point_name(points[i]), TRUE);
            _exit(fetch(self, NULL) == BERTH_OK ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        /* As the next start would: the folder is opened anew. */
        berth_store_folder_free(self->target);
        self->target = berth_store_folder_open(path, 0, NULL);
        pid = fork();
        if (pid == 0) {
            _exit(fetch(self, NULL) == BERTH_OK ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_complete(self);
        assert_true(berth_store_folder_remove(self->target, &self->root, NULL));
    }
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
}

int
main(void)
{
#define FETCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        FETCH_TEST(a_file_arrives_with_its_holes),
        FETCH_TEST(what_a_source_does_not_have_is_said),
        FETCH_TEST(a_flipped_bit_is_refused),
        FETCH_TEST(a_truncated_file_is_refused),
        FETCH_TEST(lies_are_refused_and_another_source_is_asked),
        FETCH_TEST(only_hosts_of_the_site_may_fetch_and_serve),
        FETCH_TEST(the_broker_may_fetch_where_it_is_named),
        FETCH_TEST(what_is_cut_anywhere_goes_on),
        FETCH_TEST(another_source_takes_over_when_one_dies),
        FETCH_TEST(only_what_changed_is_fetched_beside_an_older_version),
        FETCH_TEST(a_damaged_older_version_is_not_copied),
        FETCH_TEST(an_earlier_attempt_is_not_believed),
        FETCH_TEST(a_full_disk_is_said_before_anything_is_sent),
        FETCH_TEST(a_fetch_ends_when_it_is_told_to),
        FETCH_TEST(a_fetch_that_is_killed_anywhere_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
