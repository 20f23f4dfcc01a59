/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-control.h"

#include "base/error.h"
#include "display/wire/geometry.h"
#include "display/wire/text.h"

#include <glib.h>
#include <string.h>

/* Smallest window of the exact stream that makes sense: zstd's own minimum. */
#define MIN_WINDOW_LOG 10
/* Largest window that zstd knows on 64-bit machines. */
#define MAX_WINDOW_LOG 31

/* Capabilities of one byte, and where in the struct they are. */
static const struct {
    BerthCapability id;
    size_t offset;
} u8_capabilities[] = {
    { BERTH_CAP_EXACT_ZSTD, offsetof(BerthMsgHello, exact_window_log) },
    { BERTH_CAP_GRADIENT_ZSTD, offsetof(BerthMsgHello, gradient_window_log) },
    { BERTH_CAP_PHOTO, offsetof(BerthMsgHello, photo_mask) },
    { BERTH_CAP_VIDEO, offsetof(BerthMsgHello, video_mask) },
    { BERTH_CAP_NOTICE, offsetof(BerthMsgHello, takes_notices) },
    { BERTH_CAP_CLIPBOARD, offsetof(BerthMsgHello, clipboard_mask) },
    { BERTH_CAP_FILES, offsetof(BerthMsgHello, sends_files) },
    { BERTH_CAP_AUDIO, offsetof(BerthMsgHello, audio_mask) },
    { BERTH_CAP_INPUT, offsetof(BerthMsgHello, input_mask) },
    { BERTH_CAP_FILES_TAKEN, offsetof(BerthMsgHello, takes_files) },
    { BERTH_CAP_STATISTICS, offsetof(BerthMsgHello, shows_statistics) },
};

/* --- HELLO --- */

void
berth_msg_hello_init(BerthMsgHello *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->version_min = BERTH_PROTOCOL_VERSION_MIN;
    ret->version_max = BERTH_PROTOCOL_VERSION_MAX;
    ret->exact_window_log = BERTH_LIMIT_ZSTD_WINDOW_LOG;
    ret->cursor_shapes = BERTH_LIMIT_CURSOR_SHAPES;
}

static void
put_capability_head(BerthWriter *writer, BerthCapability id, size_t len)
{
    berth_writer_put_u16(writer, (uint16_t)id);
    berth_writer_put_u16(writer, (uint16_t)len);
}

/* Writes the capabilities of one byte that are offered: not 0. */
static void
put_u8_capabilities(BerthWriter *writer, const BerthMsgHello *hello)
{
    for (size_t i = 0; i < G_N_ELEMENTS(u8_capabilities); i++) {
        uint8_t value = *((const uint8_t *)hello + u8_capabilities[i].offset);
        if (value != 0) {
            put_capability_head(writer, u8_capabilities[i].id, 1);
            berth_writer_put_u8(writer, value);
        }
    }
}

static void
put_capabilities(BerthWriter *writer, const BerthMsgHello *hello)
{
    size_t name_len = strlen(hello->client_name);
    put_u8_capabilities(writer, hello);
    if (hello->cursor_shapes != 0) {
        put_capability_head(writer, BERTH_CAP_CURSOR_SHAPES, 2);
        berth_writer_put_u16(writer, hello->cursor_shapes);
    }
    if (name_len != 0) {
        put_capability_head(writer, BERTH_CAP_CLIENT_NAME, name_len);
        berth_writer_put_bytes(writer, hello->client_name, name_len);
    }
    if (hello->max_head_w != 0) {
        put_capability_head(writer, BERTH_CAP_MAX_HEAD, 4);
        berth_writer_put_u16(writer, hello->max_head_w);
        berth_writer_put_u16(writer, hello->max_head_h);
    }
    if (hello->cache_tiles != 0) {
        put_capability_head(writer, BERTH_CAP_TILE_CACHE, 2);
        berth_writer_put_u16(writer, hello->cache_tiles);
    }
}

static unsigned
count_capabilities(const BerthMsgHello *hello)
{
    unsigned n = (hello->cursor_shapes != 0) + (hello->client_name[0] != '\0') +
                 (hello->max_head_w != 0) + (hello->cache_tiles != 0);
    for (size_t i = 0; i < G_N_ELEMENTS(u8_capabilities); i++) {
        n += *((const uint8_t *)hello + u8_capabilities[i].offset) != 0;
    }
    return n;
}

/* Returns true for a window log that zstd knows, or none. */
static bool
is_window_log(uint8_t log)
{
    return log == 0 || (log >= MIN_WINDOW_LOG && log <= MAX_WINDOW_LOG);
}

/* Returns true if the values of the capabilities that are there are allowed. */
static bool
is_hello_good(const BerthMsgHello *hello)
{
    bool is_head_good = (hello->max_head_w == 0) == (hello->max_head_h == 0);
    return hello->version_min >= 1 && hello->version_min <= hello->version_max &&
           is_window_log(hello->exact_window_log) && is_window_log(hello->gradient_window_log) &&
           is_head_good && hello->takes_notices <= 1 && hello->sends_files <= 1 &&
           hello->takes_files <= 1 && hello->shows_statistics <= 1 &&
           (hello->audio_mask & ~BERTH_AUDIO_ALL) == 0;
}

int
berth_msg_hello_encode(BerthWriter *writer, const BerthMsgHello *hello)
{
    size_t name_len = strnlen(hello->client_name, sizeof hello->client_name);
    if (!is_hello_good(hello) || name_len == sizeof hello->client_name ||
        !berth_wire_text_is_clean((const uint8_t *)hello->client_name, name_len)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u32(writer, BERTH_PROTOCOL_MAGIC);
    berth_writer_put_u16(writer, hello->version_min);
    berth_writer_put_u16(writer, hello->version_max);
    berth_writer_put_u16(writer, (uint16_t)count_capabilities(hello));
    put_capabilities(writer, hello);
    return writer->error;
}

/* Reads a client name of len bytes. */
static void
get_client_name(BerthReader *reader, size_t len, BerthMsgHello *ret)
{
    const uint8_t *name = berth_reader_get_bytes_direct(reader, len);
    if (name == NULL || len == 0 || !berth_wire_text_is_clean(name, len)) {
        berth_reader_fail(reader, BERTH_ERR_PROTOCOL);
        return;
    }
    memcpy(ret->client_name, name, len);
    ret->client_name[len] = '\0';
}

/* Marks a capability as bad that does not have its length. */
static void
check_length(BerthReader *reader, size_t len, size_t wanted)
{
    if (len != wanted) {
        berth_reader_fail(reader, BERTH_ERR_PROTOCOL);
    }
}

static bool
get_u8_capability(BerthReader *reader, uint16_t id, size_t len, BerthMsgHello *ret)
{
    for (size_t i = 0; i < G_N_ELEMENTS(u8_capabilities); i++) {
        if (u8_capabilities[i].id == id) {
            check_length(reader, len, 1);
            *((uint8_t *)ret + u8_capabilities[i].offset) = berth_reader_get_u8(reader);
            return true;
        }
    }
    return false;
}

/* Reads the value of a known capability; returns false if it is not known. */
static bool
get_capability(BerthReader *reader, uint16_t id, size_t len, BerthMsgHello *ret)
{
    switch (id) {
    case BERTH_CAP_CURSOR_SHAPES:
        check_length(reader, len, 2);
        ret->cursor_shapes = berth_reader_get_u16(reader);
        return true;
    case BERTH_CAP_CLIENT_NAME:
        get_client_name(reader, len, ret);
        return true;
    case BERTH_CAP_MAX_HEAD:
        check_length(reader, len, 4);
        ret->max_head_w = berth_reader_get_u16(reader);
        ret->max_head_h = berth_reader_get_u16(reader);
        return true;
    case BERTH_CAP_TILE_CACHE:
        check_length(reader, len, 2);
        ret->cache_tiles = berth_reader_get_u16(reader);
        return true;
    default:
        return get_u8_capability(reader, id, len, ret);
    }
}

static void
get_capabilities(BerthReader *reader, BerthMsgHello *ret)
{
    uint32_t seen = 0;
    unsigned n = berth_reader_get_u16(reader);
    if (n > BERTH_LIMIT_CAPABILITIES) {
        berth_reader_fail(reader, BERTH_ERR_PROTOCOL);
    }
    for (unsigned i = 0; i < n && reader->error == BERTH_OK; i++) {
        uint16_t id = berth_reader_get_u16(reader);
        uint16_t len = berth_reader_get_u16(reader);
        if (len > BERTH_LIMIT_CAPABILITY_BYTES) {
            berth_reader_fail(reader, BERTH_ERR_PROTOCOL);
        }
        if (!get_capability(reader, id, len, ret)) {
            berth_reader_get_bytes_direct(reader, len);
            ret->n_unknown++;
        } else if ((seen & (1u << id)) != 0) {
            berth_reader_fail(reader, BERTH_ERR_PROTOCOL);
        } else {
            seen |= 1u << id;
        }
    }
}

int
berth_msg_hello_decode(const uint8_t *payload, size_t len, BerthMsgHello *ret)
{
    BerthReader reader;
    BerthMsgHello hello = { 0 };
    berth_reader_init(&reader, payload, len);
    if (berth_reader_get_u32(&reader) != BERTH_PROTOCOL_MAGIC) {
        berth_reader_fail(&reader, BERTH_ERR_PROTOCOL);
    }
    hello.version_min = berth_reader_get_u16(&reader);
    hello.version_max = berth_reader_get_u16(&reader);
    get_capabilities(&reader, &hello);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_hello_good(&hello)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = hello;
    return BERTH_OK;
}

/* --- AUTH --- */

int
berth_msg_auth_encode(BerthWriter *writer, const BerthMsgAuth *auth)
{
    berth_writer_put_u8(writer, (uint8_t)auth->kind);
    switch (auth->kind) {
    case BERTH_AUTH_TICKET:
        berth_writer_put_bytes(writer, auth->ticket, sizeof auth->ticket);
        return writer->error;
    case BERTH_AUTH_RECONNECT:
    case BERTH_AUTH_SHARE:
        berth_writer_put_bytes(writer, auth->session.bytes, BERTH_ID_BYTES);
        berth_writer_put_bytes(writer, auth->token, sizeof auth->token);
        return writer->error;
    }
    return BERTH_ERR_INVALID;
}

int
berth_msg_auth_decode(const uint8_t *payload, size_t len, BerthMsgAuth *ret)
{
    BerthReader reader;
    BerthMsgAuth auth;
    memset(&auth, 0, sizeof auth);
    berth_reader_init(&reader, payload, len);
    uint8_t kind = berth_reader_get_u8(&reader);
    switch (kind) {
    case BERTH_AUTH_TICKET:
        berth_reader_get_bytes(&reader, auth.ticket, sizeof auth.ticket);
        break;
    case BERTH_AUTH_RECONNECT:
    case BERTH_AUTH_SHARE:
        berth_reader_get_bytes(&reader, auth.session.bytes, BERTH_ID_BYTES);
        berth_reader_get_bytes(&reader, auth.token, sizeof auth.token);
        break;
    default:
        berth_reader_fail(&reader, BERTH_ERR_PROTOCOL);
        break;
    }
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    auth.kind = (BerthAuthKind)kind;
    *ret = auth;
    return BERTH_OK;
}

/* --- WELCOME --- */

static bool
is_wire_head_good(const BerthWireHead *head)
{
    return berth_wire_head_is_allowed(head->head) && berth_wire_size_is_allowed(head->w, head->h);
}

static bool
is_welcome_good(const BerthMsgWelcome *welcome)
{
    if (welcome->version < 1 || welcome->n_heads > BERTH_LIMIT_HEADS ||
        (welcome->rights & ~BERTH_RIGHTS_ALL) != 0) {
        return false;
    }
    for (unsigned i = 0; i < welcome->n_heads; i++) {
        if (!is_wire_head_good(&welcome->heads[i])) {
            return false;
        }
    }
    return true;
}

int
berth_msg_welcome_encode(BerthWriter *writer, const BerthMsgWelcome *welcome)
{
    if (!is_welcome_good(welcome)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u16(writer, welcome->version);
    berth_writer_put_bytes(writer, welcome->session.bytes, BERTH_ID_BYTES);
    berth_writer_put_u64(writer, welcome->connection_epoch);
    berth_writer_put_bytes(writer, welcome->token, sizeof welcome->token);
    berth_writer_put_u32(writer, welcome->resume_window_s);
    berth_writer_put_u32(writer, welcome->rights);
    berth_writer_put_u16(writer, welcome->n_heads);
    for (unsigned i = 0; i < welcome->n_heads; i++) {
        berth_writer_put_u16(writer, welcome->heads[i].head);
        berth_writer_put_u16(writer, welcome->heads[i].w);
        berth_writer_put_u16(writer, welcome->heads[i].h);
    }
    return writer->error;
}

int
berth_msg_welcome_decode(const uint8_t *payload, size_t len, BerthMsgWelcome *ret)
{
    BerthReader reader;
    BerthMsgWelcome welcome = { 0 };
    berth_reader_init(&reader, payload, len);
    welcome.version = berth_reader_get_u16(&reader);
    berth_reader_get_bytes(&reader, welcome.session.bytes, BERTH_ID_BYTES);
    welcome.connection_epoch = berth_reader_get_u64(&reader);
    berth_reader_get_bytes(&reader, welcome.token, sizeof welcome.token);
    welcome.resume_window_s = berth_reader_get_u32(&reader);
    welcome.rights = berth_reader_get_u32(&reader);
    welcome.n_heads = berth_reader_get_u16(&reader);
    if (welcome.n_heads > BERTH_LIMIT_HEADS) {
        return BERTH_ERR_PROTOCOL;
    }
    for (unsigned i = 0; i < welcome.n_heads; i++) {
        welcome.heads[i].head = berth_reader_get_u16(&reader);
        welcome.heads[i].w = berth_reader_get_u16(&reader);
        welcome.heads[i].h = berth_reader_get_u16(&reader);
    }
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_welcome_good(&welcome)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = welcome;
    return BERTH_OK;
}

/* --- PING and PONG --- */

int
berth_msg_ping_encode(BerthWriter *writer, const BerthMsgPing *ping)
{
    berth_writer_put_u64(writer, ping->sent_us);
    return writer->error;
}

int
berth_msg_ping_decode(const uint8_t *payload, size_t len, BerthMsgPing *ret)
{
    BerthReader reader;
    BerthMsgPing ping;
    berth_reader_init(&reader, payload, len);
    ping.sent_us = berth_reader_get_u64(&reader);
    int r = berth_reader_finish(&reader);
    if (r == BERTH_OK) {
        *ret = ping;
    }
    return r;
}

/* --- BYE --- */

void
berth_msg_bye_set(BerthMsgBye *ret, int code, const char *text)
{
    g_autofree char *valid =
        g_utf8_make_valid(text != NULL ? text : berth_error_sentence(code), -1);
    memset(ret, 0, sizeof *ret);
    ret->code = code;
    size_t len = MIN(strlen(valid), BERTH_LIMIT_REASON_BYTES);
    /* Not in the middle of a character. */
    while (len > 0 && ((uint8_t)valid[len] & 0xc0) == 0x80) {
        len--;
    }
    memcpy(ret->text, valid, len);
    for (size_t i = 0; i < len; i++) {
        if ((uint8_t)ret->text[i] < 0x20 || ret->text[i] == 0x7f) {
            ret->text[i] = ' ';
        } else if ((uint8_t)ret->text[i] == 0xc2 && (uint8_t)ret->text[i + 1] < 0xa0) {
            memset(ret->text + i, ' ', 2);
        }
    }
}

int
berth_msg_bye_encode(BerthWriter *writer, const BerthMsgBye *bye)
{
    size_t len = strnlen(bye->text, sizeof bye->text);
    if (bye->code > 0 || len == sizeof bye->text ||
        !berth_wire_text_is_clean((const uint8_t *)bye->text, len)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_i32(writer, bye->code);
    berth_writer_put_u16(writer, (uint16_t)len);
    berth_writer_put_bytes(writer, bye->text, len);
    return writer->error;
}

int
berth_msg_bye_decode(const uint8_t *payload, size_t len, BerthMsgBye *ret)
{
    BerthReader reader;
    berth_reader_init(&reader, payload, len);
    int32_t code = berth_reader_get_i32(&reader);
    uint16_t n = berth_reader_get_u16(&reader);
    const uint8_t *text = berth_reader_get_bytes_direct(&reader, n);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (code > 0 || n > BERTH_LIMIT_REASON_BYTES || !berth_wire_text_is_clean(text, n)) {
        return BERTH_ERR_PROTOCOL;
    }
    memset(ret, 0, sizeof *ret);
    ret->code = code;
    memcpy(ret->text, text, n);
    return BERTH_OK;
}
