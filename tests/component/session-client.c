/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client (and a broker's signing hand) driven by commands on stdin, for test_session.py.
 * Every command has one line of answer.
 *
 *   broker-key                          -> public half of the ticket key
 *   client-key                          -> makes a new client key; its hash
 *   ticket SESSION MACHINE HOST USER MACHINE_EPOCH CONNECTION_EPOCH LIFE_S SESSION_KEY [KEY
 * [RIGHTS]]
 *                                       -> 496 hexadecimal digits for the client key KEY or ours
 *   connect PORT SNI SESSION_KEY TICKET | resume PORT SNI SESSION_KEY SESSION TOKEN
 *   share PORT SNI SESSION_KEY SESSION TOKEN
 *   lie none|future|twice|slow|early    -> how frames are acknowledged from now on
 *   boast 0|1                           -> whether HELLO offers more than there is
 *   state                               -> key=value words
 *   key CODE DOWN | move X Y [HEAD] | motion X Y | button N DOWN | wheel X Y | release
 *   text HEX | layout LAYOUT [VARIANT]
 *   resize W H [HEAD] | refresh | wrong | ack 0|1 | drop | bye | answer ID ALLOWED
 *   echo CODE COUNT                     -> min p50 p90 max of microseconds from key to frame
 *   ppm PATH [HEAD]                     writes the picture
 *   and the commands of session-shares.h
 */
#include "session-shares.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "display/decode/cursor-decoder.h"
#include "display/decode/frame-decoder.h"
#include "display/transport/link.h"
#include "display/transport/tcp.h"
#include "display/transport/ticket.h"
#include "display/wire/msg-display.h"
#include "display/wire/msg-input.h"
#include "display/wire/msg-notice.h"
#include "display/wire/msg-viewers.h"

#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CURSOR_SHAPES 16
#define WINDOW_LOG 20
#define CACHE_TILES 256
#define VIDEO_MASK (BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_420) | BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_444))
#define MAX_ECHOES 1000

typedef struct {
    GMainLoop *loop;
    BerthSigningKey *broker;
    BerthTlsKey *key;
    BerthLink *link;
    BerthFrameDecoder *frames;
    BerthCursorDecoder *cursors;
    BerthMsgWelcome welcome;
    const char *phase;
    int code;
    bool is_bye;
    bool is_silent;  /* acknowledges nothing */
    bool is_boaster; /* offers what it cannot do */
    const char *lie; /* static: a word of the table lies[] */
    unsigned n_frames;
    unsigned n_cursors;
    uint64_t n_bytes;
    uint32_t serial;
    uint32_t seen_serial;
    uint8_t leds;
    bool is_absolute;
    unsigned n_checks;
    unsigned n_wrong; /* picture checks that failed */
    BerthMsgShadowAsk ask;
    BerthMsgViewers viewers;
    BerthMsgNotice notice;
    unsigned n_notices;
    Shares *shares;
    /* echo */
    uint16_t echo_code;
    unsigned n_echoes, n_echoes_wanted;
    int64_t echo_sent_us;
    int64_t echoes[MAX_ECHOES];
} Client;

static void
send_input(Client *client, uint8_t type, BerthMsgInput *input)
{
    BerthWriter writer;
    int r;

    input->serial = ++client->serial;
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    r = berth_msg_input_encode(&writer, type, input);
    if (r == BERTH_OK && client->link) {
        r = berth_link_send(client->link, BERTH_CHANNEL_INPUT, type, writer.data, writer.len);
        berth_link_flush(client->link);
    }
    berth_writer_clear(&writer);
    if (client->n_echoes_wanted == 0) {
        printf("%s\n", berth_error_name(r));
    }
}

static void
send_key(Client *client, uint16_t code, bool is_down)
{
    BerthMsgInput input = { .key = { code, is_down } };

    send_input(client, BERTH_MSG_KEY, &input);
}

static void
send_echo(Client *client)
{
    client->echo_sent_us = berth_monotonic_us();
    send_key(client, client->echo_code, true);
}

static int
compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static gboolean
on_next_echo(gpointer user_data)
{
    Client *client = user_data;

    send_echo(client);
    return G_SOURCE_REMOVE;
}

/* A frame came that shows the key of the echo. */
static void
note_echo(Client *client, int64_t now_us)
{
    unsigned n = client->n_echoes_wanted;

    client->echoes[client->n_echoes++] = now_us - client->echo_sent_us;
    client->echo_sent_us = 0;
    send_key(client, client->echo_code, false);
    if (client->n_echoes < n) {
        g_timeout_add(40, on_next_echo, client); /* let the desktop come to rest, as in typing */
        return;
    }
    qsort(client->echoes, n, sizeof(client->echoes[0]), compare_times);
    client->n_echoes_wanted = 0;
    printf("%lld %lld %lld %lld\n", (long long)client->echoes[0], (long long)client->echoes[n / 2],
           (long long)client->echoes[n * 9 / 10], (long long)client->echoes[n - 1]);
    fflush(stdout);
}

static int
send_ack(Client *client, uint32_t frame, uint32_t decode_us)
{
    BerthMsgFrameAck ack = { .frame = frame, .decode_us = decode_us };
    BerthWriter writer;
    int r;

    berth_writer_init(&writer, 64);
    r = berth_msg_frame_ack_encode(&writer, &ack);
    if (r == BERTH_OK) {
        r = berth_link_send(client->link, BERTH_CHANNEL_DISPLAY, BERTH_MSG_FRAME_ACK, writer.data,
                            writer.len);
    }
    berth_writer_clear(&writer);
    return r;
}

static const char *const lies[] = { "none", "future", "twice", "slow", "early" };

static bool
is_lie(const Client *client, const char *lie)
{
    return client->lie && strcmp(client->lie, lie) == 0;
}

static int
acknowledge(Client *client, uint32_t frame)
{
    int r;

    if (client->is_silent || is_lie(client, "early")) {
        return BERTH_OK;
    }
    r = send_ack(client, is_lie(client, "future") ? frame + 1 : frame,
                 is_lie(client, "slow") ? UINT32_MAX : 0);
    return r == BERTH_OK && is_lie(client, "twice") ? send_ack(client, frame, 0) : r;
}

/* The beginning of a frame came; a liar says that it has all of it. */
static int
acknowledge_early(Client *client, const uint8_t *payload, size_t len)
{
    BerthMsgFrameBegin begin;
    int r = berth_msg_frame_begin_decode(payload, len, &begin);

    return r == BERTH_OK && is_lie(client, "early") ? send_ack(client, begin.frame, 0) : r;
}

static int
handle_display(Client *client, uint8_t type, const uint8_t *payload, size_t len)
{
    BerthDecodedEvent event;
    int r = berth_frame_decoder_handle(client->frames, type, payload, len, &event);

    client->n_bytes += len;
    client->n_checks += type == BERTH_MSG_PICTURE_CHECK;
    client->n_wrong += event.kind == BERTH_DECODED_WRONG;
    if (r == BERTH_OK && type == BERTH_MSG_FRAME_BEGIN) {
        r = acknowledge_early(client, payload, len);
    }
    if (r < 0 || event.kind != BERTH_DECODED_FRAME) {
        return r;
    }
    client->n_frames++;
    client->seen_serial = event.input_serial;
    r = acknowledge(client, event.frame_id);
    if (client->echo_sent_us && event.input_serial >= client->serial && event.n_rects > 0) {
        note_echo(client, berth_monotonic_us());
    }
    return r;
}

static int
handle_input(Client *client, uint8_t type, const uint8_t *payload, size_t len)
{
    if (type == BERTH_MSG_LEDS) {
        return berth_msg_leds_decode(payload, len, &client->leds);
    }
    return berth_msg_pointer_mode_decode(payload, len, &client->is_absolute);
}

static int
on_message(BerthLink *link, BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
           void *user_data)
{
    Client *client = user_data;
    BerthCursorEvent event;

    if (channel == BERTH_CHANNEL_CONTROL && type == BERTH_MSG_NOTICE) {
        int r = berth_msg_notice_decode(payload, len, &client->notice);

        client->n_notices++;
        client->welcome.rights = client->notice.rights;
        return r;
    }
    if (channel == BERTH_CHANNEL_CONTROL) {
        return type == BERTH_MSG_SHADOW_ASK
                   ? berth_msg_shadow_ask_decode(payload, len, &client->ask)
                   : berth_msg_viewers_decode(payload, len, &client->viewers);
    }
    if (channel == BERTH_CHANNEL_CLIPBOARD || channel == BERTH_CHANNEL_FILES) {
        return shares_handle(client->shares, link, channel, type, payload, len);
    }
    if (channel == BERTH_CHANNEL_DISPLAY) {
        return handle_display(client, type, payload, len);
    }
    if (channel == BERTH_CHANNEL_CURSOR) {
        client->n_cursors++;
        return berth_cursor_decoder_handle(client->cursors, type, payload, len, &event);
    }
    return handle_input(client, type, payload, len);
}

static void
on_open(BerthLink *link, const BerthMsgWelcome *welcome, void *user_data)
{
    Client *client = user_data;

    client->welcome = *welcome;
    client->phase = "open";
}

static void
on_closed(BerthLink *link, int code, const char *text, bool is_bye, void *user_data)
{
    Client *client = user_data;

    client->phase = "closed";
    client->code = code;
    client->is_bye = is_bye;
    client->link = NULL;
    berth_link_free(link);
}

static const BerthLinkCallbacks link_callbacks = {
    .open = on_open,
    .message = on_message,
    .closed = on_closed,
};

static void
forget_connection(Client *client)
{
    berth_link_free(client->link);
    berth_frame_decoder_free(client->frames);
    berth_cursor_decoder_free(client->cursors);
    client->link = NULL;
    client->frames = berth_frame_decoder_new(
        &(BerthFrameDecoderCaps){ .max_width = 4096,
                                  .max_height = 4096,
                                  .window_log = WINDOW_LOG,
                                  .gradient_window_log = WINDOW_LOG,
                                  .n_cache_tiles = CACHE_TILES,
                                  .photo_mask = BERTH_PHOTO_BIT(BERTH_PHOTO_JPEG),
                                  .video_mask = VIDEO_MASK });
    client->cursors = berth_cursor_decoder_new(CURSOR_SHAPES);
    client->n_frames = 0;
    client->n_cursors = 0;
    client->n_bytes = 0;
    client->serial = 0;
    client->seen_serial = 0;
    client->n_checks = 0;
    client->n_wrong = 0;
    client->ask = (BerthMsgShadowAsk){ 0 };
    shares_reset(client->shares);
    client->viewers = (BerthMsgViewers){ 0 };
    client->code = 0;
    client->is_bye = false;
    client->phase = "connecting";
}

static bool
open_link(Client *client, char **words, const BerthMsgAuth *auth)
{
    uint8_t pin[BERTH_KEY_HASH_BYTES];
    BerthTlsConfig config = {
        .key = client->key,
        .peer_check = BERTH_TLS_PEER_PINNED,
        .pin = pin,
        .alpn = BERTH_PROTOCOL_ALPN,
        .is_alpn_needed = true,
    };
    g_autofree char *address_text = g_strdup_printf("127.0.0.1:%s", words[1]);
    g_autoptr(BerthTlsContext) tls = NULL;
    BerthTlsStream *stream;
    BerthAddress address;
    BerthMsgHello hello;
    int fd;

    forget_connection(client);
    if (berth_hex_parse(words[3], pin, sizeof(pin)) < 0 ||
        berth_address_parse(address_text, &address) < 0 || berth_tcp_connect(&address, &fd) < 0) {
        return false;
    }
    tls = berth_tls_context_new_client(&config, NULL);
    stream = tls ? berth_tls_stream_new(tls, fd, words[2], NULL) : NULL;
    if (!stream) {
        return false;
    }
    berth_msg_hello_init(&hello);
    hello.exact_window_log = WINDOW_LOG;
    hello.gradient_window_log = WINDOW_LOG;
    hello.cache_tiles = CACHE_TILES;
    hello.photo_mask = BERTH_PHOTO_BIT(BERTH_PHOTO_JPEG);
    hello.video_mask = VIDEO_MASK;
    hello.takes_notices = 1;
    hello.clipboard_mask = (1u << BERTH_N_CLIPBOARD_TYPES) - 1;
    hello.sends_files = 1;
    hello.takes_files = 1;
    hello.cursor_shapes = CURSOR_SHAPES;
    if (client->is_boaster) {
        hello.exact_window_log = 31;
        hello.gradient_window_log = 31;
        hello.cache_tiles = UINT16_MAX;
        hello.photo_mask = hello.video_mask = UINT8_MAX;
        hello.cursor_shapes = UINT16_MAX;
    }
    client->link =
        berth_link_new(NULL, stream, BERTH_WIRE_CLIENT, &hello, auth, &link_callbacks, client);
    return true;
}

static bool
run_connect(Client *client, char **words)
{
    BerthMsgAuth auth = { .kind = BERTH_AUTH_TICKET };

    return g_strv_length(words) == 5 &&
           berth_hex_parse(words[4], auth.ticket, sizeof(auth.ticket)) == BERTH_OK &&
           open_link(client, words, &auth) && printf("ok\n");
}

static bool
run_resume(Client *client, char **words)
{
    bool is_share = strcmp(words[0], "share") == 0;
    BerthMsgAuth auth = { .kind = is_share ? BERTH_AUTH_SHARE : BERTH_AUTH_RECONNECT };

    return g_strv_length(words) == 6 && berth_id_parse(words[4], &auth.session) == BERTH_OK &&
           berth_hex_parse(words[5], auth.token, sizeof(auth.token)) == BERTH_OK &&
           open_link(client, words, &auth) && printf("ok\n");
}

static void
print_hex(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        printf("%02x", bytes[i]);
    }
}

static bool
run_ticket(Client *client, char **words)
{
    BerthTicket ticket = { .rights = BERTH_RIGHT_INPUT | BERTH_RIGHT_RESIZE };
    uint8_t bytes[BERTH_TICKET_BYTES];
    int64_t now_us = berth_wall_us();
    int64_t life_us;

    berth_tls_key_get_hash(client->key, ticket.client_key_hash);
    if (g_strv_length(words) > 10) {
        ticket.rights = (uint32_t)g_ascii_strtoull(words[10], NULL, 10);
    }
    if (g_strv_length(words) < 9 ||
        (words[9] && berth_hex_parse(words[9], ticket.client_key_hash, BERTH_KEY_HASH_BYTES) < 0) ||
        berth_id_parse(words[1], &ticket.session) < 0 ||
        berth_id_parse(words[2], &ticket.machine) < 0 ||
        berth_id_parse(words[3], &ticket.host) < 0 || berth_id_parse(words[4], &ticket.user) < 0 ||
        berth_hex_parse(words[8], ticket.session_key_hash, BERTH_KEY_HASH_BYTES) < 0) {
        return false;
    }
    life_us = g_ascii_strtoll(words[7], NULL, 10) * G_USEC_PER_SEC;
    berth_id_random(&ticket.ticket);
    ticket.machine_epoch = g_ascii_strtoull(words[5], NULL, 10);
    ticket.connection_epoch = g_ascii_strtoull(words[6], NULL, 10);
    /* A life below zero is a ticket that ended so long ago. */
    ticket.not_before_us = now_us + (life_us < 0 ? life_us - 60 * G_USEC_PER_SEC : 0);
    ticket.expires_us = now_us + life_us;
    if (berth_ticket_sign(&ticket, client->broker, bytes) < 0) {
        return false;
    }
    print_hex(bytes, sizeof(bytes));
    printf("\n");
    return true;
}

static bool
run_client_key(Client *client, char **words)
{
    uint8_t hash[BERTH_KEY_HASH_BYTES];

    berth_tls_key_unref(client->key);
    client->key = berth_tls_key_new_self_signed("test client", NULL);
    berth_tls_key_get_hash(client->key, hash);
    print_hex(hash, sizeof(hash));
    printf("\n");
    return true;
}

static bool
run_broker_key(Client *client, char **words)
{
    BerthTicketKey key;

    berth_signing_key_get_public(client->broker, &key);
    print_hex(key.bytes, sizeof(key.bytes));
    printf("\n");
    return true;
}

static bool
run_state(Client *client, char **words)
{
    BerthFrame *canvas = berth_frame_decoder_get_canvas(client->frames, 0);
    const BerthCursorImage *cursor = berth_cursor_decoder_get_image(client->cursors);

    printf("phase=%s code=%s bye=%d frames=%u bytes=%llu mode=%dx%d cursors=%u cursor=%dx%d "
           "serial=%u seen=%u leds=%u absolute=%d rights=%u epoch=%llu window=%u checks=%u "
           "wrong=%u asked=%u ask_mode=%u observers=%u recorded=%d notices=%u notice=%u token=",
           client->phase, berth_error_name(client->code), client->is_bye, client->n_frames,
           (unsigned long long)client->n_bytes, canvas ? canvas->width : 0,
           canvas ? canvas->height : 0, client->n_cursors, cursor ? cursor->width : 0,
           cursor ? cursor->height : 0, client->serial, client->seen_serial, client->leds,
           client->is_absolute, client->welcome.rights,
           (unsigned long long)client->welcome.connection_epoch, client->welcome.resume_window_s,
           client->n_checks, client->n_wrong, client->ask.id, client->ask.mode,
           client->viewers.n_observers, client->viewers.is_recorded, client->n_notices,
           client->notice.number);
    print_hex(client->welcome.token, sizeof(client->welcome.token));
    printf(" ");
    shares_print(client->shares);
    printf("\n");
    return true;
}

static bool
run_share_command(Client *client, char **words)
{
    return shares_run(client->shares, client->link, words);
}

static int
get_number(char **words, unsigned i)
{
    return i < g_strv_length(words) ? (int)g_ascii_strtoll(words[i], NULL, 10) : 0;
}

static bool
run_ppm(Client *client, char **words)
{
    BerthFrame *canvas =
        berth_frame_decoder_get_canvas(client->frames, (uint16_t)get_number(words, 2));
    FILE *file = canvas && words[1] ? fopen(words[1], "wb") : NULL;

    if (!file) {
        return false;
    }
    fprintf(file, "P6\n%d %d\n255\n", canvas->width, canvas->height);
    for (int y = 0; y < canvas->height; y++) {
        for (int x = 0; x < canvas->width; x++) {
            const uint8_t *pixel = berth_frame_pixel(canvas, x, y);
            uint8_t rgb[3] = { pixel[2], pixel[1], pixel[0] };

            fwrite(rgb, 1, sizeof(rgb), file);
        }
    }
    fclose(file);
    printf("ok\n");
    return true;
}

static bool
run_key(Client *client, char **words)
{
    send_key(client, (uint16_t)get_number(words, 1), get_number(words, 2));
    return true;
}

static bool
run_text(Client *client, char **words)
{
    BerthMsgInput input = { 0 };
    size_t len = strlen(words[1]) / 2;

    if (len >= sizeof(input.text) || berth_hex_parse(words[1], (uint8_t *)input.text, len) < 0) {
        return false;
    }
    send_input(client, BERTH_MSG_TEXT, &input);
    return true;
}

static bool
run_layout(Client *client, char **words)
{
    BerthMsgInput input = { 0 };

    g_strlcpy(input.layout.layout, words[1], sizeof(input.layout.layout));
    g_strlcpy(input.layout.variant, words[2] ? words[2] : "", sizeof(input.layout.variant));
    send_input(client, BERTH_MSG_LAYOUT, &input);
    return true;
}

static bool
run_move(Client *client, char **words)
{
    BerthMsgInput input = { .abs = { (uint16_t)get_number(words, 3), (uint16_t)get_number(words, 1),
                                     (uint16_t)get_number(words, 2) } };

    send_input(client, BERTH_MSG_POINTER_ABS, &input);
    return true;
}

static bool
run_button(Client *client, char **words)
{
    BerthMsgInput input = { .button = { (uint8_t)get_number(words, 1), get_number(words, 2) } };

    send_input(client, BERTH_MSG_BUTTON, &input);
    return true;
}

static bool
run_wheel(Client *client, char **words)
{
    BerthMsgInput input = { .wheel = { (int16_t)get_number(words, 1),
                                       (int16_t)get_number(words, 2) } };

    send_input(client, BERTH_MSG_WHEEL, &input);
    return true;
}

static bool
run_release(Client *client, char **words)
{
    BerthMsgInput input = { 0 };

    send_input(client, BERTH_MSG_RELEASE_ALL, &input);
    return true;
}

static bool
run_resize(Client *client, char **words)
{
    BerthMsgHeadRequest request = { .head = (uint16_t)get_number(words, 3),
                                    .w = (uint16_t)get_number(words, 1),
                                    .h = (uint16_t)get_number(words, 2),
                                    .mm_w = 300,
                                    .mm_h = 200 };
    BerthWriter writer;
    int r;

    berth_writer_init(&writer, 64);
    r = berth_msg_head_request_encode(&writer, &request);
    if (r == BERTH_OK) {
        r = berth_link_send(client->link, BERTH_CHANNEL_DISPLAY, BERTH_MSG_HEAD_REQUEST,
                            writer.data, writer.len);
    }
    berth_writer_clear(&writer);
    printf("%s\n", berth_error_name(r));
    return true;
}

static bool
run_refresh(Client *client, char **words)
{
    uint8_t refresh[4] = { 0, 0, words[0][0] == 'w' ? BERTH_REFRESH_CHECK_FAILED : 0, 0 };

    printf("%s\n", berth_error_name(berth_link_send(client->link, BERTH_CHANNEL_DISPLAY,
                                                    BERTH_MSG_REFRESH, refresh, sizeof(refresh))));
    return true;
}

static bool
run_answer(Client *client, char **words)
{
    BerthMsgShadowAnswer answer = { (uint32_t)get_number(words, 1), get_number(words, 2) };
    BerthWriter writer;
    int r;

    berth_writer_init(&writer, 64);
    r = berth_msg_shadow_answer_encode(&writer, &answer);
    if (r == BERTH_OK) {
        r = berth_link_send(client->link, BERTH_CHANNEL_CONTROL, BERTH_MSG_SHADOW_ANSWER,
                            writer.data, writer.len);
    }
    berth_writer_clear(&writer);
    printf("%s\n", berth_error_name(r));
    return true;
}

static bool
run_ack(Client *client, char **words)
{
    client->is_silent = get_number(words, 1) == 0;
    printf("ok\n");
    return true;
}

static bool
run_lie(Client *client, char **words)
{
    for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
        if (g_strv_length(words) == 2 && strcmp(words[1], lies[i]) == 0) {
            client->lie = lies[i];
            printf("ok\n");
            return true;
        }
    }
    return false;
}

static bool
run_boast(Client *client, char **words)
{
    client->is_boaster = get_number(words, 1) != 0;
    printf("ok\n");
    return true;
}

static bool
run_drop(Client *client, char **words)
{
    berth_link_free(client->link);
    client->link = NULL;
    client->phase = "dropped";
    printf("ok\n");
    return true;
}

static bool
run_bye(Client *client, char **words)
{
    berth_link_close(client->link, 0, NULL);
    printf("ok\n");
    return true;
}

static bool
run_echo(Client *client, char **words)
{
    client->echo_code = (uint16_t)get_number(words, 1);
    client->n_echoes = 0;
    client->n_echoes_wanted = (unsigned)CLAMP(get_number(words, 2), 1, MAX_ECHOES);
    send_echo(client);
    return true;
}

static const struct {
    const char *name;
    bool needs_link;
    bool (*run)(Client *client, char **words);
} commands[] = {
    { "broker-key", false, run_broker_key },
    { "client-key", false, run_client_key },
    { "ticket", false, run_ticket },
    { "connect", false, run_connect },
    { "resume", false, run_resume },
    { "share", false, run_resume },
    { "state", false, run_state },
    { "ppm", false, run_ppm },
    { "ack", false, run_ack },
    { "lie", false, run_lie },
    { "boast", false, run_boast },
    { "key", true, run_key },
    { "text", true, run_text },
    { "layout", true, run_layout },
    { "move", true, run_move },
    { "button", true, run_button },
    { "wheel", true, run_wheel },
    { "release", true, run_release },
    { "resize", true, run_resize },
    { "refresh", true, run_refresh },
    { "wrong", true, run_refresh },
    { "answer", true, run_answer },
    { "drop", true, run_drop },
    { "bye", true, run_bye },
    { "echo", true, run_echo },
    { "clip-grab", true, run_share_command },
    { "clip-get", true, run_share_command },
    { "file-send", true, run_share_command },
    { "file-cancel", true, run_share_command },
    { "file-take", true, run_share_command },
};

static void
run_command(Client *client, char *line)
{
    g_auto(GStrv) words = g_strsplit(g_strstrip(line), " ", 0);

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_strcmp0(words[0], commands[i].name) != 0) {
            continue;
        }
        if ((commands[i].needs_link && !client->link) || !commands[i].run(client, words)) {
            printf("error\n");
        }
        fflush(stdout);
        return;
    }
    printf("error\n");
    fflush(stdout);
}

static gboolean
on_stdin(GIOChannel *channel, GIOCondition condition, gpointer user_data)
{
    Client *client = user_data;
    g_autofree char *line = NULL;

    if (g_io_channel_read_line(channel, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
        g_main_loop_quit(client->loop);
        return G_SOURCE_REMOVE;
    }
    run_command(client, line);
    return G_SOURCE_CONTINUE;
}

int
main(void)
{
    Client client = { .phase = "idle" };
    GIOChannel *input = g_io_channel_unix_new(0);

    berth_log_init("session-client");
    client.loop = g_main_loop_new(NULL, FALSE);
    client.broker = berth_signing_key_generate(NULL);
    client.key = berth_tls_key_new_self_signed("test client", NULL);
    client.shares = shares_new();
    forget_connection(&client);
    client.phase = "idle";
    g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_stdin, &client);
    g_main_loop_run(client.loop);
    berth_link_free(client.link);
    berth_frame_decoder_free(client.frames);
    berth_cursor_decoder_free(client.cursors);
    shares_free(client.shares);
    berth_tls_key_unref(client.key);
    berth_signing_key_free(client.broker);
    g_io_channel_unref(input);
    g_main_loop_unref(client.loop);
    return 0;
}
