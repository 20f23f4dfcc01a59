/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session that does what it is told on stdin, for test_direct.py: the far end of a hostile day.
 *
 *   scripted-session CONNECTION_FILE
 *
 * Writes the file that `berth --direct` reads and serves one client after the other.  Every command
 * has one line of answer:
 *
 *   wait open | wait closed       -> "open" / "closed CODE", when it is so
 *   send CHANNEL TYPE HEX [N]     -> sends a message N times; the sum of what waits in bytes
 *   zeros CHANNEL TYPE LEN HEX    -> HEX and zeros up to LEN bytes
 *   raw HEX                       -> sends bytes that no message table allows, as they are: "sent"
 *   greet hello|auth HEX          -> sends these bytes as they are to the next client, before the
 *                                    session's HELLO or WELCOME
 *   greeted                       -> "no", or how that went, as for raw
 *   rows                          -> CHANNEL:TYPE:SENDERS:STATES:MIN:MAX:NAME of the message table
 *   take CHANNEL TYPE             -> HEX of the next message of the client of that kind
 *   all CHANNEL                   -> TYPE:HEX of all messages of the client on it so far, in order
 *   is-open                       -> "yes" or "no", at once
 *   forget                        -> drops what clients said so far
 *   drop                          -> closes the connection without a word
 *   quit
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "display/transport/link.h"
#include "display/transport/tcp.h"
#include "display/transport/tls-key.h"
#include "display/wire/message-table.h"
#include "display/wire/msg-input.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MAX_PAYLOAD_BYTES (1u << 20)
#define SNI "scripted.session.berth"

typedef struct {
    uint8_t channel, type;
    char *hex;
} Message;

typedef struct {
    GMainLoop *loop;
    GIOChannel *input;
    BerthTlsKey *key;
    BerthTlsContext *tls;
    BerthLink *link;
    BerthTlsStream *stream; /* of the link */
    int listener;
    BerthId session;
    uint8_t token[BERTH_RECONNECT_TOKEN_BYTES];
    GQueue received; /* Message */
    int close_code;
    /* What the next client is sent in place of its handshake, when ('h' or 'a'), and how it went.
     */
    uint8_t *greeting;
    size_t greeting_len;
    char greets_at;
    const char *greeted;
    /* What the present command waits for; 0: none waits. */
    char waits_for; /* 'o'pen, 'c'losed, 'm'essage */
    uint8_t wanted_channel, wanted_type;
} Server;

static void
answer(Server *server, const char *text)
{
    server->waits_for = 0;
    printf("%s\n", text);
    fflush(stdout);
}

static void
free_message(gpointer data)
{
    Message *message = data;

    g_free(message->hex);
    g_free(message);
}

static Message *
find_message(Server *server)
{
    for (GList *at = server->received.head; at != NULL; at = at->next) {
        Message *message = at->data;

        if (message->channel == server->wanted_channel && message->type == server->wanted_type) {
            g_queue_delete_link(&server->received, at);
            return message;
        }
    }
    return NULL;
}

/* Answers the command that waits, if it has what it wants. */
static void
look(Server *server)
{
    g_autofree char *text = NULL;
    Message *message;

    if (server->waits_for == 'o' && server->link != NULL && berth_link_is_open(server->link)) {
        answer(server, "open");
    } else if (server->waits_for == 'c' && server->link == NULL) {
        text = g_strdup_printf("closed %s", berth_error_name(server->close_code));
        answer(server, text);
    } else if (server->waits_for == 'm') {
        message = find_message(server);
        if (message != NULL) {
            answer(server, message->hex);
            free_message(message);
        } else if (server->link == NULL) {
            answer(server, "closed");
        }
    }
}

/* Past the wire engine, which would refuse to send it.  Returns "sent" or what went wrong. */
static const char *
write_raw(Server *server, const uint8_t *bytes, size_t len)
{
    size_t n_sent = 0;
    int code = BERTH_ERR_STATE;

    if (bytes != NULL && server->link != NULL) {
        code = berth_tls_stream_write(server->stream, bytes, len, &n_sent);
    }
    if (code != BERTH_OK) {
        return berth_error_name(code);
    }
    return n_sent == len ? "sent" : "partial";
}

static void
maybe_greet(Server *server, char at)
{
    if (server->greeting != NULL && server->greets_at == at) {
        server->greeted = write_raw(server, server->greeting, server->greeting_len);
        g_clear_pointer(&server->greeting, g_free);
    }
}

static void
on_secured(BerthLink *link, const uint8_t peer_key_hash[BERTH_KEY_HASH_BYTES], void *user_data)
{
    maybe_greet(user_data, 'h');
}

static int
on_authorize(BerthLink *link, const BerthMsgHello *client, const BerthMsgAuth *auth,
             BerthMsgWelcome *ret_welcome, void *user_data)
{
    Server *server = user_data;

    if (auth->kind != BERTH_AUTH_SHARE || !berth_id_equal(&auth->session, &server->session) ||
        memcmp(auth->token, server->token, sizeof server->token) != 0) {
        return BERTH_ERR_UNTRUSTED;
    }
    berth_link_flush(link); /* its HELLO */
    maybe_greet(server, 'a');
    ret_welcome->session = server->session;
    ret_welcome->connection_epoch = 1;
    ret_welcome->rights = BERTH_RIGHT_INPUT | BERTH_RIGHT_RESIZE | BERTH_RIGHT_SCREENSHOT;
    ret_welcome->resume_window_s = 60;
    ret_welcome->n_heads = 1;
    ret_welcome->heads[0] = (BerthWireHead){ 0, 64, 64 };
    return BERTH_OK;
}

static void
on_open(BerthLink *link, const BerthMsgWelcome *welcome, void *user_data)
{
    look(user_data);
}

static int
on_message(BerthLink *link, BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
           void *user_data)
{
    Server *server = user_data;
    Message *message = g_new0(Message, 1);

    message->channel = (uint8_t)channel;
    message->type = type;
    message->hex = g_malloc(2 * len + 1);
    berth_hex_format(payload, len, message->hex);
    g_queue_push_tail(&server->received, message);
    look(server);
    return BERTH_OK;
}

static void
on_closed(BerthLink *link, int code, const char *text, bool is_bye, void *user_data)
{
    Server *server = user_data;

    server->link = NULL;
    server->close_code = code;
    berth_link_free(link);
    look(server);
}

static const BerthLinkCallbacks link_callbacks = {
    .secured = on_secured,
    .authorize = on_authorize,
    .open = on_open,
    .message = on_message,
    .closed = on_closed,
};

static gboolean
on_accept(int fd, GIOCondition condition, gpointer user_data)
{
    Server *server = user_data;
    BerthMsgHello hello;
    BerthTlsStream *stream;
    int client;

    if (berth_tcp_accept(fd, &client, NULL) != BERTH_OK) {
        return G_SOURCE_CONTINUE;
    }
    berth_link_free(server->link);
    stream = berth_tls_stream_new(server->tls, client, NULL, NULL);
    berth_msg_hello_init(&hello);
    hello.input_mask = BERTH_INPUT_BIT(BERTH_MSG_TEXT) | BERTH_INPUT_BIT(BERTH_MSG_LOCKS) |
                       BERTH_INPUT_BIT(BERTH_MSG_LAYOUT) | BERTH_INPUT_BIT(BERTH_MSG_TOUCH);
    server->stream = stream;
    server->link =
        berth_link_new(NULL, stream, BERTH_WIRE_SESSION, &hello, NULL, &link_callbacks, server);
    return G_SOURCE_CONTINUE;
}

static uint64_t
number(const char *text)
{
    return text != NULL ? g_ascii_strtoull(text, NULL, 10) : 0;
}

/* Reads hexadecimal digits into a block of at least len bytes; NULL if they are wrong. */
static uint8_t *
read_hex(const char *hex, size_t *len)
{
    size_t n = hex != NULL ? strlen(hex) / 2 : 0;
    uint8_t *bytes;

    if (n > MAX_PAYLOAD_BYTES || *len > MAX_PAYLOAD_BYTES) {
        return NULL;
    }
    bytes = g_malloc0(MAX(n, *len) + 1);
    if (n > 0 && berth_hex_parse(hex, bytes, n) != BERTH_OK) {
        g_free(bytes);
        return NULL;
    }
    *len = MAX(n, *len);
    return bytes;
}

static void
send_message(Server *server, char **words, const char *hex, size_t len, uint64_t n_times)
{
    g_autofree uint8_t *payload = read_hex(hex, &len);
    g_autofree char *text = NULL;
    int code = payload != NULL && server->link != NULL ? BERTH_OK : BERTH_ERR_STATE;

    for (uint64_t i = 0; i < n_times && code == BERTH_OK; i++) {
        code = berth_link_send(server->link, (BerthChannel)number(words[1]),
                               (uint8_t)number(words[2]), payload, len);
    }
    text =
        code == BERTH_OK
            ? g_strdup_printf("%zu", berth_link_get_queued_bytes(server->link, BERTH_ALL_CHANNELS))
            : g_strdup(berth_error_name(code));
    answer(server, text);
}

/* Takes all messages of a channel. */
static void
list_messages(Server *server, uint8_t channel)
{
    g_autoptr(GString) text = g_string_new("");
    GList *next;

    for (GList *at = server->received.head; at != NULL; at = next) {
        Message *message = at->data;

        next = at->next;
        if (message->channel == channel) {
            g_string_append_printf(text, "%s%u:%s", text->len > 0 ? " " : "", message->type,
                                   message->hex);
            g_queue_delete_link(&server->received, at);
            free_message(message);
        }
    }
    answer(server, text->str);
}

static void
send_raw(Server *server, const char *hex)
{
    size_t len = 0;
    g_autofree uint8_t *bytes = read_hex(hex, &len);

    if (server->link != NULL) {
        berth_link_flush(server->link);
    }
    answer(server, write_raw(server, bytes, len));
}

static void
set_greeting(Server *server, const char *state, const char *hex)
{
    g_free(server->greeting);
    server->greeting_len = 0;
    server->greeting = read_hex(hex, &server->greeting_len);
    server->greets_at = state[0];
    server->greeted = "no";
    answer(server, server->greeting != NULL ? "kept" : "wrong");
}

static void
list_rows(Server *server)
{
    g_autoptr(GString) text = g_string_new(NULL);
    size_t n_rows;
    const BerthMessageRow *rows = berth_message_table_get_rows(&n_rows);

    for (size_t i = 0; i < n_rows; i++) {
        g_string_append_printf(text, "%s%u:%u:%u:%u:%u:%u:%s", i > 0 ? " " : "", rows[i].channel,
                               rows[i].type, rows[i].senders, rows[i].states, rows[i].min_bytes,
                               rows[i].max_bytes, rows[i].name);
    }
    answer(server, text->str);
}

/* What is asked of the client's messages; returns false for other commands. */
static bool
run_question(Server *server, char **words, const char *name, guint n)
{
    if (strcmp(name, "wait") == 0 && n == 2) {
        server->waits_for = words[1][0];
        look(server);
    } else if (strcmp(name, "take") == 0 && n == 3) {
        server->waits_for = 'm';
        server->wanted_channel = (uint8_t)number(words[1]);
        server->wanted_type = (uint8_t)number(words[2]);
        look(server);
    } else if (strcmp(name, "all") == 0 && n == 2) {
        list_messages(server, (uint8_t)number(words[1]));
    } else {
        return false;
    }
    return true;
}

/* What is answered at once and asks nothing of the client. */
static bool
run_look(Server *server, const char *name)
{
    if (strcmp(name, "is-open") == 0) {
        bool is_open = server->link != NULL && berth_link_is_open(server->link);
        answer(server, is_open ? "yes" : "no");
    } else if (strcmp(name, "forget") == 0) {
        g_queue_clear_full(&server->received, free_message);
        answer(server, "forgotten");
    } else if (strcmp(name, "greeted") == 0) {
        answer(server, server->greeted);
    } else if (strcmp(name, "rows") == 0) {
        list_rows(server);
    } else {
        return false;
    }
    return true;
}

/* What the wire engine would not do. */
static bool
run_lie(Server *server, char **words, const char *name, guint n)
{
    if (strcmp(name, "raw") == 0 && n == 2) {
        send_raw(server, words[1]);
    } else if (strcmp(name, "greet") == 0 && n == 3) {
        set_greeting(server, words[1], words[2]);
    } else {
        return false;
    }
    return true;
}

static void
run_command(Server *server, char **words)
{
    const char *name = words[0] != NULL ? words[0] : "";
    guint n = g_strv_length(words);

    if (run_question(server, words, name, n) || run_look(server, name) ||
        run_lie(server, words, name, n)) {
        return;
    }
    if (strcmp(name, "send") == 0 && n >= 3) {
        send_message(server, words, words[3], 0, n > 4 ? number(words[4]) : 1);
    } else if (strcmp(name, "zeros") == 0 && n >= 4) {
        send_message(server, words, words[4], number(words[3]), 1);
    } else if (strcmp(name, "drop") == 0) {
        g_clear_pointer(&server->link, berth_link_free);
        answer(server, "dropped");
    } else {
        g_main_loop_quit(server->loop);
    }
}

static gboolean
on_input(GIOChannel *input, GIOCondition condition, gpointer user_data)
{
    Server *server = user_data;
    g_autofree char *line = NULL;

    if (g_io_channel_read_line(input, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
        g_main_loop_quit(server->loop);
        return G_SOURCE_REMOVE;
    }
    g_auto(GStrv) words = g_strsplit(g_strstrip(line), " ", 0);
    run_command(server, words);
    return G_SOURCE_CONTINUE;
}

static void
put_hex(json_t *object, const char *key, const uint8_t *bytes, size_t n)
{
    g_autofree char *hex = g_malloc(2 * n + 1);

    berth_hex_format(bytes, n, hex);
    json_object_set_new(object, key, json_string(hex));
}

static bool
write_file(Server *server, const char *path)
{
    uint8_t hash[BERTH_KEY_HASH_BYTES];
    BerthAddress address = { .len = sizeof address.storage };
    json_t *object = json_object();
    bool is_good;

    getsockname(server->listener, (struct sockaddr *)&address.storage, &address.len);
    berth_tls_key_get_hash(server->key, hash);
    json_object_set_new(object, "version", json_integer(1));
    json_object_set_new(object, "address", json_string("127.0.0.1"));
    json_object_set_new(object, "port", json_integer(berth_address_get_port(&address)));
    json_object_set_new(object, "sni", json_string(SNI));
    put_hex(object, "session", server->session.bytes, BERTH_ID_BYTES);
    put_hex(object, "session_key", hash, sizeof hash);
    put_hex(object, "token", server->token, sizeof server->token);
    is_good = json_dump_file(object, path, 0) == 0;
    json_decref(object);
    return is_good;
}

static bool
start(Server *server, const char *path)
{
    BerthTlsConfig config = {
        .peer_check = BERTH_TLS_PEER_ANY_KEY,
        .alpn = BERTH_PROTOCOL_ALPN,
        .is_alpn_needed = true,
    };
    BerthAddress address;

    server->key = berth_tls_key_new_self_signed("scripted session", NULL);
    config.key = server->key;
    server->tls = server->key != NULL ? berth_tls_context_new_server(&config, NULL) : NULL;
    berth_id_random(&server->session);
    for (size_t i = 0; i < sizeof server->token; i++) {
        server->token[i] = (uint8_t)g_random_int_range(0, 256);
    }
    g_queue_init(&server->received);
    return server->tls != NULL && berth_address_parse("127.0.0.1:0", &address) == BERTH_OK &&
           berth_tcp_listen(&address, &server->listener) == BERTH_OK && write_file(server, path);
}

int
main(int argc, char **argv)
{
    Server server = { .listener = -1, .greeted = "no" };

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc != 2 || !start(&server, argv[1])) {
        fprintf(stderr, "scripted-session: cannot start\n");
        return 1;
    }
    server.loop = g_main_loop_new(NULL, FALSE);
    server.input = g_io_channel_unix_new(STDIN_FILENO);
    g_io_channel_set_encoding(server.input, NULL, NULL);
    g_io_add_watch(server.input, G_IO_IN | G_IO_HUP, on_input, &server);
    g_unix_fd_add(server.listener, G_IO_IN, on_accept, &server);
    answer(&server, "ready");
    g_main_loop_run(server.loop);
    berth_link_free(server.link);
    g_free(server.greeting);
    g_queue_clear_full(&server.received, free_message);
    berth_tls_context_unref(server.tls);
    berth_tls_key_unref(server.key);
    g_io_channel_unref(server.input);
    g_main_loop_unref(server.loop);
    close(server.listener);
    return 0;
}
