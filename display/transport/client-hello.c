/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A ClientHello is a handshake message (RFC 8446, 4.1.2) cut into one or more TLS records.  The
 * records are joined in a buffer of fixed size, then the message is walked once.
 */
#include "display/transport/client-hello.h"

#include "base/bytes-reader.h"
#include "base/error.h"
#include "berth/limits.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#define RECORD_HEADER_BYTES 5
#define RECORD_HANDSHAKE 22
#define RECORD_MAX_BYTES 16384
#define MESSAGE_HEADER_BYTES 4
#define MESSAGE_CLIENT_HELLO 1
#define RANDOM_BYTES 32
#define SESSION_ID_MAX_BYTES 32
#define EXTENSION_SERVER_NAME 0
#define NAME_TYPE_HOST 0
#define NAME_MAX_BYTES (BERTH_SERVER_NAME_CHARS - 1)

/* The message, joined from its records. */
typedef struct {
    uint8_t bytes[BERTH_LIMIT_CLIENT_HELLO_BYTES];
    size_t len;
} Message;

static uint16_t
get_be16(BerthReader *reader)
{
    uint16_t high = berth_reader_get_u8(reader);
    uint16_t low = berth_reader_get_u8(reader);
    return (uint16_t)((high << 8) | low);
}

/* Length of the whole message with its header; 0 while the header is not there. */
static size_t
message_total(const Message *message)
{
    if (message->len < MESSAGE_HEADER_BYTES) {
        return 0;
    }
    return MESSAGE_HEADER_BYTES + (((size_t)message->bytes[1] << 16) |
                                   ((size_t)message->bytes[2] << 8) | message->bytes[3]);
}

static bool
is_message_complete(const Message *message)
{
    size_t total = message_total(message);
    return total != 0 && message->len >= total;
}

/* Checks what is there of a record header; the first byte must be there. */
static int
check_record_header(const uint8_t *header, size_t n)
{
    if (header[0] != RECORD_HANDSHAKE || (n > 1 && header[1] != 3)) {
        return BERTH_ERR_PROTOCOL;
    }
    if (n < RECORD_HEADER_BYTES) {
        return BERTH_ERR_AGAIN;
    }
    size_t length = ((size_t)header[3] << 8) | header[4];
    return length >= 1 && length <= RECORD_MAX_BYTES ? BERTH_OK : BERTH_ERR_PROTOCOL;
}

static int
check_message_start(const Message *message)
{
    if (message->len > 0 && message->bytes[0] != MESSAGE_CLIENT_HELLO) {
        return BERTH_ERR_PROTOCOL;
    }
    if (message_total(message) + RECORD_HEADER_BYTES > BERTH_LIMIT_CLIENT_HELLO_BYTES) {
        return BERTH_ERR_TOO_LARGE;
    }
    return BERTH_OK;
}

/* Joins records until the message is complete. */
static int
join_records(const uint8_t *data, size_t len, Message *message)
{
    size_t pos = 0;
    message->len = 0;
    while (!is_message_complete(message)) {
        if (pos == len) {
            return BERTH_ERR_AGAIN;
        }
        int r = check_record_header(data + pos, len - pos);
        if (r < 0) {
            return r;
        }
        size_t length = ((size_t)data[pos + 3] << 8) | data[pos + 4];
        pos += RECORD_HEADER_BYTES;
        size_t n = MIN(length, len - pos);
        memcpy(message->bytes + message->len, data + pos, n);
        message->len += n;
        pos += n;
        r = check_message_start(message);
        if (r < 0) {
            return r;
        }
        if (n < length && !is_message_complete(message)) {
            return BERTH_ERR_AGAIN;
        }
    }
    return BERTH_OK;
}

static bool
is_name_char(uint8_t c)
{
    return g_ascii_isalnum(c) || c == '.' || c == '-' || c == '_';
}

/* Copies a host name in lower case. */
static int
take_host_name(const uint8_t *name, size_t n, char *ret_name)
{
    if (n < 1 || n > NAME_MAX_BYTES) {
        return BERTH_ERR_PROTOCOL;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_name_char(name[i])) {
            return BERTH_ERR_PROTOCOL;
        }
        ret_name[i] = g_ascii_tolower((char)name[i]);
    }
    ret_name[n] = '\0';
    return BERTH_OK;
}

/* Reads the server name extension (RFC 6066, 3): a list that has one entry, a host name. */
static int
read_server_name(const uint8_t *data, size_t len, char *ret_name)
{
    BerthReader reader;
    berth_reader_init(&reader, data, len);
    uint16_t list_bytes = get_be16(&reader);
    uint8_t type = berth_reader_get_u8(&reader);
    uint16_t n = get_be16(&reader);
    const uint8_t *name = berth_reader_get_bytes_direct(&reader, n);
    if (berth_reader_finish(&reader) != BERTH_OK || list_bytes != n + 3 || type != NAME_TYPE_HOST) {
        return BERTH_ERR_PROTOCOL;
    }
    return take_host_name(name, n, ret_name);
}

static int
read_extensions(BerthReader *reader, char *ret_name)
{
    bool has_name = false;
    size_t total = get_be16(reader);
    if (reader->error != BERTH_OK || total != berth_reader_remaining(reader)) {
        return BERTH_ERR_PROTOCOL;
    }
    while (berth_reader_remaining(reader) > 0) {
        uint16_t type = get_be16(reader);
        uint16_t n = get_be16(reader);
        const uint8_t *data = berth_reader_get_bytes_direct(reader, n);
        if (data == NULL) {
            return BERTH_ERR_PROTOCOL;
        }
        if (type == EXTENSION_SERVER_NAME) {
            if (has_name || read_server_name(data, n, ret_name) != BERTH_OK) {
                return BERTH_ERR_PROTOCOL;
            }
            has_name = true;
        }
    }
    return reader->error == BERTH_OK ? BERTH_OK : BERTH_ERR_PROTOCOL;
}

static int
read_client_hello(const Message *message, char *ret_name)
{
    BerthReader reader;
    berth_reader_init(&reader, message->bytes + MESSAGE_HEADER_BYTES,
                      message_total(message) - MESSAGE_HEADER_BYTES);
    ret_name[0] = '\0';
    get_be16(&reader); /* legacy version */
    berth_reader_get_bytes_direct(&reader, RANDOM_BYTES);
    uint8_t session_id_bytes = berth_reader_get_u8(&reader);
    berth_reader_get_bytes_direct(&reader, session_id_bytes);
    uint16_t suites_bytes = get_be16(&reader);
    berth_reader_get_bytes_direct(&reader, suites_bytes);
    uint8_t compressions = berth_reader_get_u8(&reader);
    berth_reader_get_bytes_direct(&reader, compressions);
    if (reader.error != BERTH_OK || session_id_bytes > SESSION_ID_MAX_BYTES || suites_bytes < 2 ||
        suites_bytes % 2 != 0 || compressions < 1) {
        return BERTH_ERR_PROTOCOL;
    }
    if (berth_reader_remaining(&reader) == 0) {
        return BERTH_OK; /* older than TLS 1.3: the handshake itself will refuse it */
    }
    return read_extensions(&reader, ret_name);
}

int
berth_client_hello_sni(const uint8_t *data, size_t len, char *ret_name, size_t cap)
{
    Message message;
    char name[BERTH_SERVER_NAME_CHARS];
    g_assert(cap >= sizeof name);
    bool is_full = len >= BERTH_LIMIT_CLIENT_HELLO_BYTES;
    int r = join_records(data, MIN(len, BERTH_LIMIT_CLIENT_HELLO_BYTES), &message);
    if (r == BERTH_ERR_AGAIN) {
        return is_full ? BERTH_ERR_TOO_LARGE : BERTH_ERR_AGAIN;
    }
    if (r == BERTH_OK) {
        r = read_client_hello(&message, name);
    }
    if (r == BERTH_OK) {
        memcpy(ret_name, name, strlen(name) + 1);
    }
    return r;
}
