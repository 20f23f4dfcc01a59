/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/image-source.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "berth/limits.h"
#include "display/transport/image-channel.h"
#include "display/transport/image-wire.h"

#include <poll.h>

struct BerthImageSource {
    BerthImageChannel *channel;
    BerthDigest root;
    uint64_t size_bytes;
    char name[BERTH_ADDRESS_CHARS];
};

BerthTlsContext *
berth_image_source_tls_new(BerthTlsKey *key, const char *ca_file, GError **error)
{
    const BerthTlsConfig config = {
        .key = key,
        .peer_check = BERTH_TLS_PEER_CA_MEMBER,
        .ca_file = ca_file,
        .alpn = BERTH_IMAGE_ALPN,
        .is_alpn_needed = true,
        .is_bulk = true,
    };
    return berth_tls_context_new_client(&config, error);
}

static bool
fail(const BerthImageSource *self, int code, const char *what, GError **error)
{
    const char *text = "";
    if (self->channel != NULL) {
        text = berth_tls_stream_get_error_text(berth_image_channel_get_stream(self->channel));
    }
    return berth_set_error(error, code, "%s %s: %s", self->name, what,
                           text[0] != '\0' ? text : berth_error_sentence(code));
}

static int64_t
stall_deadline(void)
{
    return berth_monotonic_us() + BERTH_LIMIT_IMAGE_STALL_US;
}

/* Waits for a connect that is under way. */
static int
wait_for_connect(int fd, int stop_fd, int64_t deadline_us)
{
    struct pollfd fds[2] = { { .fd = fd, .events = POLLOUT }, { .fd = stop_fd, .events = POLLIN } };
    int result = berth_tcp_connect_result(fd);
    while (result == BERTH_ERR_AGAIN) {
        int64_t left_us = deadline_us - berth_monotonic_us();
        if (left_us <= 0) {
            return BERTH_ERR_TIMEOUT;
        }
        poll(fds, G_N_ELEMENTS(fds), (int)(left_us / 1000 + 1));
        if ((fds[1].revents & POLLIN) != 0) {
            return BERTH_ERR_CLOSED;
        }
        result = berth_tcp_connect_result(fd);
    }
    return result;
}

static bool
dial(BerthImageSource *self, const BerthImageSourceConfig *config, int64_t deadline_us,
     GError **error)
{
    berth_autofd int fd = -1;
    int code = berth_tcp_connect(&config->address, &fd);
    if (code == BERTH_OK) {
        code = wait_for_connect(fd, config->stop_fd, deadline_us);
    }
    if (code != BERTH_OK) {
        return fail(self, code, "cannot be reached", error);
    }
    BerthTlsStream *stream = berth_tls_stream_new(config->tls, berth_steal_fd(&fd), NULL, error);
    if (stream == NULL) {
        return false;
    }
    self->channel = berth_image_channel_new(stream, config->stop_fd);
    code = berth_image_channel_handshake(self->channel, deadline_us);
    return code == BERTH_OK || fail(self, code, "does not greet", error);
}

/* Any member of the site could offer bytes, but only hosts and the broker have any business to. */
static bool
check_peer(const BerthImageSource *self, const char *allowed_name, GError **error)
{
    BerthId host;
    const BerthTlsStream *stream = berth_image_channel_get_stream(self->channel);
    if (berth_tls_stream_get_peer_host_id(stream, &host) == BERTH_OK ||
        (allowed_name != NULL && berth_tls_stream_is_peer_named(stream, allowed_name))) {
        return true;
    }
    return berth_set_error(error, BERTH_ERR_UNTRUSTED,
                           "%s shows a certificate that is neither a host's nor the broker's",
                           self->name);
}

BerthImageSource *
berth_image_source_new(const BerthImageSourceConfig *config, GError **error)
{
    g_autoptr(BerthImageSource) self = g_new0(BerthImageSource, 1);
    self->root = config->root;
    self->size_bytes = config->size_bytes;
    berth_address_format(&config->address, self->name);
    int64_t deadline_us = berth_monotonic_us() + BERTH_LIMIT_IMAGE_HANDSHAKE_US;
    if (!dial(self, config, deadline_us, error) || !check_peer(self, config->allowed_name, error)) {
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
berth_image_source_free(BerthImageSource *self)
{
    if (self != NULL) {
        berth_image_channel_free(self->channel);
        g_free(self);
    }
}

static bool
ask(BerthImageSource *self, const BerthImageRequest *request, GError **error)
{
    uint8_t bytes[BERTH_IMAGE_REQUEST_BYTES];
    berth_image_request_encode(request, bytes);
    int code =
        berth_image_channel_write(self->channel, bytes, sizeof bytes, false, stall_deadline());
    return code == BERTH_OK || fail(self, code, "takes no request", error);
}

bool
berth_image_source_ask(BerthImageSource *self, uint64_t first_chunk, uint64_t n_chunks,
                       GError **error)
{
    const BerthImageRequest request = {
        .op = BERTH_IMAGE_OP_CHUNKS,
        .root = self->root,
        .first_chunk = first_chunk,
        .n_chunks = n_chunks,
    };
    return ask(self, &request, error);
}

bool
berth_image_source_begin(BerthImageSource *self, uint64_t length, GError **error)
{
    uint8_t bytes[BERTH_IMAGE_ANSWER_BYTES];
    BerthImageAnswer answer;
    int code = berth_image_channel_read(self->channel, bytes, sizeof bytes, stall_deadline());
    if (code != BERTH_OK) {
        return fail(self, code, "does not answer", error);
    }
    code = berth_image_answer_decode(bytes, sizeof bytes, &answer);
    if (code != BERTH_OK) {
        return fail(self, code, "does not speak berth-image/1", error);
    }
    if (answer.status != BERTH_OK) {
        return berth_set_error(error, answer.status, "%s refuses: %s", self->name,
                               berth_error_sentence(answer.status));
    }
    if (answer.length != length) {
        return berth_set_error(error, BERTH_ERR_CORRUPT,
                               "%s offers %" G_GUINT64_FORMAT " bytes where %" G_GUINT64_FORMAT
                               " belong",
                               self->name, answer.length, length);
    }
    return true;
}

bool
berth_image_source_read(BerthImageSource *self, void *buffer, size_t n, int64_t deadline_us,
                        GError **error)
{
    int code =
        berth_image_channel_read(self->channel, buffer, n, MIN(deadline_us, stall_deadline()));
    return code == BERTH_OK || fail(self, code, "stopped in the middle", error);
}

/* The list of exactly the file that is wanted, out of what came. */
static BerthChunkList *
read_list(const BerthImageSource *self, const uint8_t *bytes, size_t n, GError **error)
{
    g_autoptr(BerthChunkList) list = NULL;
    BerthDigest root;
    int code = berth_chunk_list_parse(bytes, n, &list);
    if (code != BERTH_OK) {
        berth_set_error(error, BERTH_ERR_CORRUPT, "%s sent no list of chunks: %s", self->name,
                        berth_error_sentence(code));
        return NULL;
    }
    berth_chunk_list_root(list, &root);
    if (!berth_digest_equal(&root, &self->root) ||
        berth_chunk_list_size_bytes(list) != self->size_bytes) {
        berth_set_error(error, BERTH_ERR_CORRUPT, "%s sent the list of another file", self->name);
        return NULL;
    }
    return g_steal_pointer(&list);
}

BerthChunkList *
berth_image_source_fetch_list(BerthImageSource *self, GError **error)
{
    const BerthImageRequest request = { .op = BERTH_IMAGE_OP_LIST, .root = self->root };
    uint64_t n = berth_image_list_bytes(self->size_bytes);
    if (self->size_bytes == 0 || self->size_bytes > BERTH_LIMIT_IMAGE_BYTES) {
        berth_set_error(error, BERTH_ERR_TOO_LARGE, "a file of %" G_GUINT64_FORMAT " bytes",
                        self->size_bytes);
        return NULL;
    }
    if (!ask(self, &request, error) || !berth_image_source_begin(self, n, error)) {
        return NULL;
    }
    g_autofree uint8_t *bytes = g_malloc(n);
    if (!berth_image_source_read(self, bytes, n, stall_deadline(), error)) {
        return NULL;
    }
    return read_list(self, bytes, n, error);
}

const char *
berth_image_source_get_name(const BerthImageSource *self)
{
    return self->name;
}
