/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session-shares.h"

#include "base/error.h"
#include "berth/limits.h"
#include "display/wire/msg-clipboard.h"
#include "display/wire/msg-files.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#define NOTHING 255

struct Shares {
    BerthMsgClipboardState clipboard;
    BerthMsgFileState files;
    /* what we have to copy */
    uint32_t serial;
    uint8_t own_type;
    char *own_path;
    unsigned n_given;
    /* what the guest has */
    BerthMsgClipboardGrab guest;
    unsigned n_grabs, n_releases;
    char *wanted_path;
    GByteArray *wanted;
    unsigned got; /* status of the last content; NOTHING: none has come */
    size_t got_bytes;
    /* the file */
    FILE *file;
    uint32_t file_id;
    uint64_t file_size, n_sent, n_acked;
    unsigned file_status; /* of the last answer; NOTHING: none has come */
    /* files of the guest, one at a time */
    char *folder; /* NULL: they are refused */
    FILE *taken;
    BerthMsgFileOffer given;
    uint64_t n_taken;
    unsigned n_gives, n_saved, give_end;
};

Shares *
shares_new(void)
{
    Shares *self = g_new0(Shares, 1);

    self->wanted = g_byte_array_new();
    shares_reset(self);
    return self;
}

void
shares_free(Shares *self)
{
    shares_reset(self);
    g_free(self->own_path);
    g_free(self->folder);
    g_free(self->wanted_path);
    g_byte_array_unref(self->wanted);
    g_free(self);
}

void
shares_reset(Shares *self)
{
    self->clipboard = (BerthMsgClipboardState){ 0 };
    self->files = (BerthMsgFileState){ 0 };
    self->guest = (BerthMsgClipboardGrab){ 0 };
    self->n_grabs = self->n_releases = self->n_given = 0;
    self->got = self->file_status = self->give_end = NOTHING;
    self->n_gives = self->n_saved = 0;
    g_clear_pointer(&self->taken, fclose);
    self->n_acked = 0;
    g_clear_pointer(&self->file, fclose);
}

static int
send_written(BerthLink *link, BerthChannel channel, uint8_t type, int r, BerthWriter *writer)
{
    if (r == BERTH_OK) {
        r = berth_link_send(link, channel, type, writer->data, writer->len);
    }
    berth_writer_clear(writer);
    return r;
}

/* ---- clipboard ---- */

/* Answers with the whole content, or with what is wrong. */
static int
give_content(Shares *self, BerthLink *link, const BerthMsgClipboardRequest *request)
{
    g_autofree char *bytes = NULL;
    gsize len = 0;
    BerthMsgClipboardData data = {
        request->serial, request->selection, request->type, BERTH_CLIPBOARD_GONE, true, NULL, 0
    };
    size_t pos = 0;
    int r = BERTH_OK;

    self->n_given++;
    if (request->serial == self->serial && request->type == self->own_type &&
        g_file_get_contents(self->own_path, &bytes, &len, NULL)) {
        data.status = BERTH_CLIPBOARD_OK;
    }
    do {
        BerthWriter writer;

        data.data_len = MIN(len - pos, BERTH_LIMIT_SHARE_DATA_BYTES);
        data.data = data.data_len > 0 ? (const uint8_t *)bytes + pos : NULL;
        pos += data.data_len;
        data.is_last = pos == len;
        berth_writer_init(&writer, BERTH_LIMIT_SHARE_DATA_BYTES + 64);
        r = berth_msg_clipboard_data_encode(&writer, &data);
        r = send_written(link, BERTH_CHANNEL_CLIPBOARD, BERTH_MSG_CLIPBOARD_DATA, r, &writer);
    } while (r == BERTH_OK && !data.is_last);
    return r;
}

static void
take_content(Shares *self, const BerthMsgClipboardData *data)
{
    if (!self->wanted_path) {
        return;
    }
    g_byte_array_append(self->wanted, data->data, (guint)data->data_len);
    if (!data->is_last) {
        return;
    }
    self->got = data->status;
    self->got_bytes = self->wanted->len;
    if (data->status == BERTH_CLIPBOARD_OK) {
        g_file_set_contents(self->wanted_path, (const char *)self->wanted->data,
                            (gssize)self->wanted->len, NULL);
    }
    g_clear_pointer(&self->wanted_path, g_free);
}

static int
handle_clipboard(Shares *self, BerthLink *link, uint8_t type, const uint8_t *payload, size_t len)
{
    BerthMsgClipboardRequest request;
    BerthMsgClipboardRelease release;
    BerthMsgClipboardData data;
    int r;

    switch (type) {
    case BERTH_MSG_CLIPBOARD_STATE:
        return berth_msg_clipboard_state_decode(payload, len, &self->clipboard);
    case BERTH_MSG_CLIPBOARD_GRAB:
        self->n_grabs++;
        return berth_msg_clipboard_grab_decode(payload, len, &self->guest);
    case BERTH_MSG_CLIPBOARD_RELEASE:
        self->n_releases++;
        return berth_msg_clipboard_release_decode(payload, len, &release);
    case BERTH_MSG_CLIPBOARD_REQUEST:
        r = berth_msg_clipboard_request_decode(payload, len, &request);
        return r == BERTH_OK ? give_content(self, link, &request) : r;
    default:
        r = berth_msg_clipboard_data_decode(payload, len, &data);
        if (r == BERTH_OK) {
            take_content(self, &data);
        }
        return r;
    }
}

static int
grab(Shares *self, BerthLink *link, char **words)
{
    BerthMsgClipboardGrab message = {
        .serial = ++self->serial,
        .selection = (uint8_t)g_ascii_strtoull(words[1], NULL, 10),
        .n_types = 1,
        .types = { (uint8_t)g_ascii_strtoull(words[2], NULL, 10) },
    };
    BerthWriter writer;

    self->own_type = message.types[0];
    g_free(self->own_path);
    self->own_path = g_strdup(words[3]);
    berth_writer_init(&writer, 64);
    return send_written(link, BERTH_CHANNEL_CLIPBOARD, BERTH_MSG_CLIPBOARD_GRAB,
                        berth_msg_clipboard_grab_encode(&writer, &message), &writer);
}

static int
get(Shares *self, BerthLink *link, char **words)
{
    BerthMsgClipboardRequest message = { MAX(self->guest.serial, 1),
                                         (uint8_t)g_ascii_strtoull(words[1], NULL, 10),
                                         (uint8_t)g_ascii_strtoull(words[2], NULL, 10) };
    BerthWriter writer;

    self->got = NOTHING;
    g_byte_array_set_size(self->wanted, 0);
    g_free(self->wanted_path);
    self->wanted_path = g_strdup(words[3]);
    berth_writer_init(&writer, 64);
    return send_written(link, BERTH_CHANNEL_CLIPBOARD, BERTH_MSG_CLIPBOARD_REQUEST,
                        berth_msg_clipboard_request_encode(&writer, &message), &writer);
}

/* ---- files ---- */

/* Sends what the window has room for. */
static int
send_file(Shares *self, BerthLink *link)
{
    uint8_t bytes[BERTH_LIMIT_SHARE_DATA_BYTES];
    int r = BERTH_OK;

    while (r == BERTH_OK && self->n_sent < self->file_size &&
           self->n_sent + sizeof(bytes) <= self->n_acked + BERTH_LIMIT_FILE_WINDOW_BYTES) {
        BerthMsgFileData data = { self->file_id, bytes,
                                  fread(bytes, 1, sizeof(bytes), self->file) };
        BerthWriter writer;

        if (data.data_len == 0) {
            return BERTH_ERR_IO;
        }
        self->n_sent += data.data_len;
        berth_writer_init(&writer, sizeof(bytes) + 64);
        r = berth_msg_file_data_encode(&writer, &data);
        r = send_written(link, BERTH_CHANNEL_FILES, BERTH_MSG_FILE_DATA, r, &writer);
    }
    return r;
}

/* ---- files of the guest ---- */

static int
answer_give(Shares *self, BerthLink *link, BerthFileStatus status)
{
    BerthMsgFileAnswer take = { self->given.id, (uint8_t)status };
    BerthWriter writer;

    berth_writer_init(&writer, 64);
    return send_written(link, BERTH_CHANNEL_FILES, BERTH_MSG_FILE_TAKE,
                        berth_msg_file_answer_encode(&writer, &take), &writer);
}

static int
maybe_save(Shares *self, BerthLink *link)
{
    if (self->n_taken < self->given.size_bytes) {
        return BERTH_OK;
    }
    g_clear_pointer(&self->taken, fclose);
    self->n_saved++;
    return answer_give(self, link, BERTH_FILE_DONE);
}

static int
take_give(Shares *self, BerthLink *link)
{
    g_autofree char *path = NULL;
    int r;

    self->n_gives++;
    self->n_taken = 0;
    if (!self->folder) {
        return answer_give(self, link, BERTH_FILE_CANCELLED);
    }
    path = g_build_filename(self->folder, self->given.name, NULL);
    g_clear_pointer(&self->taken, fclose);
    self->taken = fopen(path, "wb");
    r = answer_give(self, link, self->taken ? BERTH_FILE_SEND : BERTH_FILE_FAILED);
    return r == BERTH_OK && self->taken ? maybe_save(self, link) : r;
}

static int
take_bytes(Shares *self, BerthLink *link, const BerthMsgFileData *data)
{
    BerthMsgFileAck ack = { .id = data->id };
    BerthWriter writer;
    int r;

    if (!self->taken || fwrite(data->data, 1, data->data_len, self->taken) != data->data_len) {
        return BERTH_OK;
    }
    self->n_taken += data->data_len;
    ack.n_bytes = self->n_taken;
    berth_writer_init(&writer, 64);
    r = berth_msg_file_ack_encode(&writer, &ack);
    r = send_written(link, BERTH_CHANNEL_FILES, BERTH_MSG_FILE_TAKE_ACK, r, &writer);
    return r == BERTH_OK ? maybe_save(self, link) : r;
}

static int
handle_gives(Shares *self, BerthLink *link, uint8_t type, const uint8_t *payload, size_t len)
{
    BerthMsgFileAnswer end;
    BerthMsgFileData data;
    int r;

    if (type == BERTH_MSG_FILE_GIVE) {
        r = berth_msg_file_offer_decode(payload, len, &self->given);
        return r == BERTH_OK ? take_give(self, link) : r;
    }
    if (type == BERTH_MSG_FILE_GIVE_DATA) {
        r = berth_msg_file_data_decode(payload, len, &data);
        return r == BERTH_OK ? take_bytes(self, link, &data) : r;
    }
    r = berth_msg_file_answer_decode(payload, len, &end);
    self->give_end = r == BERTH_OK ? end.status : self->give_end;
    return r;
}

static int
handle_files(Shares *self, BerthLink *link, uint8_t type, const uint8_t *payload, size_t len)
{
    BerthMsgFileAnswer answer;
    BerthMsgFileAck ack;
    int r;

    if (type >= BERTH_MSG_FILE_GIVE) {
        return handle_gives(self, link, type, payload, len);
    }
    if (type == BERTH_MSG_FILE_STATE) {
        return berth_msg_file_state_decode(payload, len, &self->files);
    }
    if (type == BERTH_MSG_FILE_ACK) {
        r = berth_msg_file_ack_decode(payload, len, &ack);
        self->n_acked = r == BERTH_OK ? ack.n_bytes : self->n_acked;
    } else {
        r = berth_msg_file_answer_decode(payload, len, &answer);
        self->file_status = r == BERTH_OK ? answer.status : self->file_status;
    }
    if (r < 0 || !self->file) {
        return r;
    }
    if (self->file_status == BERTH_FILE_SEND) {
        return send_file(self, link);
    }
    g_clear_pointer(&self->file, fclose);
    return BERTH_OK;
}

static int
offer(Shares *self, BerthLink *link, char **words)
{
    BerthMsgFileOffer message = { .id = ++self->file_id };
    BerthWriter writer;

    g_clear_pointer(&self->file, fclose);
    self->file = fopen(words[1], "rb");
    if (!self->file || fseek(self->file, 0, SEEK_END) < 0) {
        return BERTH_ERR_NOT_FOUND;
    }
    self->file_size = (uint64_t)ftell(self->file);
    rewind(self->file);
    self->n_sent = self->n_acked = 0;
    self->file_status = NOTHING;
    message.size_bytes = self->file_size;
    g_strlcpy(message.name, words[2], sizeof(message.name));
    berth_writer_init(&writer, 512);
    return send_written(link, BERTH_CHANNEL_FILES, BERTH_MSG_FILE_OFFER,
                        berth_msg_file_offer_encode(&writer, &message), &writer);
}

static int
cancel(Shares *self, BerthLink *link)
{
    BerthWriter writer;

    berth_writer_init(&writer, 16);
    return send_written(link, BERTH_CHANNEL_FILES, BERTH_MSG_FILE_CANCEL,
                        berth_msg_file_cancel_encode(&writer, self->file_id), &writer);
}

/* ---- for session-client ---- */

int
shares_handle(Shares *self, BerthLink *link, BerthChannel channel, uint8_t type,
              const uint8_t *payload, size_t len)
{
    return channel == BERTH_CHANNEL_CLIPBOARD ? handle_clipboard(self, link, type, payload, len)
                                              : handle_files(self, link, type, payload, len);
}

bool
shares_run(Shares *self, BerthLink *link, char **words)
{
    guint n = g_strv_length(words);
    int r;

    if (n == 4 && strcmp(words[0], "clip-grab") == 0) {
        r = grab(self, link, words);
    } else if (n == 4 && strcmp(words[0], "clip-get") == 0) {
        r = get(self, link, words);
    } else if (n == 3 && strcmp(words[0], "file-send") == 0) {
        r = offer(self, link, words);
    } else if (n == 1 && strcmp(words[0], "file-cancel") == 0) {
        r = cancel(self, link);
    } else if (n == 2 && strcmp(words[0], "file-take") == 0) {
        g_free(self->folder);
        self->folder = strcmp(words[1], "-") == 0 ? NULL : g_strdup(words[1]);
        r = BERTH_OK;
    } else {
        return false;
    }
    printf("%s\n", berth_error_name(r));
    return true;
}

void
shares_print(const Shares *self)
{
    printf("clip_flags=%u clip_types=%u clip_kib=%u given=%u grabs=%u grab=%u/%u:%u releases=%u "
           "got=%u got_bytes=%zu file_flags=%u file=%u acked=%llu gives=%u saved=%u give_end=%u ",
           self->clipboard.flags, self->clipboard.types, self->clipboard.max_kib, self->n_given,
           self->n_grabs, self->guest.selection, self->guest.n_types, self->guest.types[0],
           self->n_releases, self->got, self->got_bytes, self->files.flags, self->file_status,
           (unsigned long long)self->n_acked, self->n_gives, self->n_saved, self->give_end);
}
