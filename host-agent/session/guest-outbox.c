/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/guest-outbox.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "berth/protocol.h"
#include "display/wire/guest-message.h"
#include "display/wire/msg-files.h"
#include "display/wire/vdagent-message.h"

#include <glib.h>

#define MIB (1024ULL * 1024)
/* A user may be at lunch; a guest that reads a file is not. */
#define USER_US (300LL * 1000 * 1000)
#define GUEST_US (60LL * 1000 * 1000)

typedef enum {
    OUT_FREE = 0,
    OUT_ASKED,   /* the user */
    OUT_SENDING, /* the guest */
    OUT_ENDING,  /* all is with the client, its word is missing */
} OutState;

typedef struct {
    OutState state;
    uint32_t guest_id, client_id;
    uint64_t size_bytes, n_received, n_acked;
    int64_t moved_us; /* when something happened last */
} Transfer;

struct BerthGuestOutbox {
    BerthOutboxSendFunc to_client;
    BerthGuestSendFunc to_guest;
    void *user_data;
    bool is_allowed, has_agent, takes_files;
    uint32_t max_mib;
    uint32_t last_id;
    Transfer transfers[BERTH_LIMIT_TRANSFERS];
};

BerthGuestOutbox *
berth_guest_outbox_new(BerthOutboxSendFunc to_client, BerthGuestSendFunc to_guest, void *user_data)
{
    BerthGuestOutbox *self = g_new0(BerthGuestOutbox, 1);

    self->to_client = to_client;
    self->to_guest = to_guest;
    self->user_data = user_data;
    return self;
}

void
berth_guest_outbox_free(BerthGuestOutbox *self)
{
    g_free(self);
}

/* ---- what is said ---- */

static void
tell_client(BerthGuestOutbox *self, uint8_t type, BerthWriter *writer)
{
    if (self->takes_files && writer->error == BERTH_OK) {
        self->to_client(type, writer->data, writer->len, self->user_data);
    }
    berth_writer_clear(writer);
}

static void
tell_guest(BerthGuestOutbox *self, uint32_t type, BerthWriter *writer)
{
    if (self->has_agent && writer->error == BERTH_OK) {
        self->to_guest(type, writer->data, writer->len, self->user_data);
    }
    berth_writer_clear(writer);
}

static void
answer_guest(BerthGuestOutbox *self, uint32_t guest_id, BerthFileStatus status)
{
    const BerthMsgFileAnswer answer = { .id = guest_id, .status = (uint8_t)status };
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_file_answer_encode(&writer, &answer);
    tell_guest(self, BERTH_GUEST_FILE_ANSWER, &writer);
}

static void
end_at_client(BerthGuestOutbox *self, uint32_t client_id, BerthFileStatus status)
{
    const BerthMsgFileAnswer end = { .id = client_id, .status = (uint8_t)status };
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_file_answer_encode(&writer, &end);
    tell_client(self, BERTH_MSG_FILE_GIVE_END, &writer);
}

/* Ends it at both sides. */
static void
end_transfer(BerthGuestOutbox *self, Transfer *transfer, BerthFileStatus status)
{
    transfer->state = OUT_FREE;
    end_at_client(self, transfer->client_id, status);
    answer_guest(self, transfer->guest_id, status);
}

static void
end_all(BerthGuestOutbox *self, BerthFileStatus status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->transfers); i++) {
        if (self->transfers[i].state != OUT_FREE) {
            end_transfer(self, &self->transfers[i], status);
        }
    }
}

static Transfer *
find_by_guest_id(BerthGuestOutbox *self, uint32_t id)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->transfers); i++) {
        if (self->transfers[i].state != OUT_FREE && self->transfers[i].guest_id == id) {
            return &self->transfers[i];
        }
    }
    return NULL;
}

static Transfer *
find_by_client_id(BerthGuestOutbox *self, uint32_t id)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->transfers); i++) {
        if (self->transfers[i].state != OUT_FREE && self->transfers[i].client_id == id) {
            return &self->transfers[i];
        }
    }
    return NULL;
}

static Transfer *
find_free(BerthGuestOutbox *self)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->transfers); i++) {
        if (self->transfers[i].state == OUT_FREE) {
            return &self->transfers[i];
        }
    }
    return NULL;
}

/* ---- the guest ---- */

/* Why a file is not taken; BERTH_FILE_SEND if the user may be asked. */
static BerthFileStatus
judge(BerthGuestOutbox *self, const BerthMsgFileOffer *offer)
{
    if (!self->is_allowed) {
        return BERTH_FILE_NOT_ALLOWED;
    }
    if (offer->size_bytes > self->max_mib * MIB) {
        return BERTH_FILE_TOO_LARGE;
    }
    if (!self->takes_files) {
        return BERTH_FILE_NO_AGENT;
    }
    if (find_by_guest_id(self, offer->id)) {
        return BERTH_FILE_FAILED;
    }
    return find_free(self) ? BERTH_FILE_SEND : BERTH_FILE_BUSY;
}

static void
handle_offer(BerthGuestOutbox *self, BerthMsgFileOffer *offer, int64_t now_us)
{
    BerthFileStatus status = judge(self, offer);
    Transfer *transfer = find_free(self);
    BerthWriter writer;

    if (status != BERTH_FILE_SEND || !transfer) {
        answer_guest(self, offer->id, status);
        return;
    }
    *transfer = (Transfer){
        .state = OUT_ASKED,
        .guest_id = offer->id,
        .client_id = ++self->last_id,
        .size_bytes = offer->size_bytes,
        .moved_us = now_us,
    };
    offer->id = transfer->client_id;
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_file_offer_encode(&writer, offer);
    tell_client(self, BERTH_MSG_FILE_GIVE, &writer);
}

static void
handle_data(BerthGuestOutbox *self, BerthMsgFileData *data, int64_t now_us)
{
    Transfer *transfer = find_by_guest_id(self, data->id);
    BerthWriter writer;

    if (!transfer) {
        return; /* it has ended, and the guest does not know yet */
    }
    if (transfer->state != OUT_SENDING ||
        data->data_len > transfer->size_bytes - transfer->n_received ||
        transfer->n_received + data->data_len > transfer->n_acked + BERTH_LIMIT_FILE_WINDOW_BYTES) {
        end_transfer(self, transfer, BERTH_FILE_FAILED);
        return;
    }
    transfer->n_received += data->data_len;
    transfer->moved_us = now_us;
    if (transfer->n_received == transfer->size_bytes) {
        transfer->state = OUT_ENDING;
    }
    data->id = transfer->client_id;
    berth_writer_init(&writer, BERTH_LIMIT_SHARE_DATA_BYTES + BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_file_data_encode(&writer, data);
    tell_client(self, BERTH_MSG_FILE_GIVE_DATA, &writer);
}

/* The guest knows: only the client has to be told. */
static void
handle_cancel(BerthGuestOutbox *self, uint32_t guest_id)
{
    Transfer *transfer = find_by_guest_id(self, guest_id);

    if (transfer) {
        transfer->state = OUT_FREE;
        end_at_client(self, transfer->client_id, BERTH_FILE_CANCELLED);
    }
}

void
berth_guest_outbox_handle_guest(BerthGuestOutbox *self, uint32_t type, const uint8_t *body,
                                size_t len, int64_t now_us)
{
    BerthMsgFileOffer offer;
    BerthMsgFileData data;
    uint32_t id = 0;

    if (!self->has_agent) {
        return;
    }
    if (type == BERTH_GUEST_FILE_OFFER && berth_msg_file_offer_decode(body, len, &offer) == 0) {
        handle_offer(self, &offer, now_us);
    } else if (type == BERTH_GUEST_FILE_DATA && berth_msg_file_data_decode(body, len, &data) == 0) {
        handle_data(self, &data, now_us);
    } else if (type == BERTH_GUEST_FILE_CANCEL &&
               berth_msg_file_cancel_decode(body, len, &id) == 0) {
        handle_cancel(self, id);
    }
}

/* ---- the client ---- */

static int
handle_take(BerthGuestOutbox *self, const BerthMsgFileAnswer *take, int64_t now_us)
{
    Transfer *transfer = find_by_client_id(self, take->id);

    if (!transfer) {
        return BERTH_OK; /* it has ended, and the client does not know yet */
    }
    if (take->status == BERTH_FILE_SEND) {
        if (transfer->state != OUT_ASKED) {
            return BERTH_ERR_PROTOCOL;
        }
        transfer->state = transfer->size_bytes > 0 ? OUT_SENDING : OUT_ENDING;
        transfer->moved_us = now_us;
    } else if (take->status == BERTH_FILE_DONE && transfer->state != OUT_ENDING) {
        return BERTH_ERR_PROTOCOL;
    } else {
        transfer->state = OUT_FREE;
    }
    answer_guest(self, transfer->guest_id, (BerthFileStatus)take->status);
    return BERTH_OK;
}

static int
handle_ack(BerthGuestOutbox *self, const BerthMsgFileAck *ack, int64_t now_us)
{
    Transfer *transfer = find_by_client_id(self, ack->id);
    BerthMsgFileAck onwards;
    BerthWriter writer;

    if (!transfer) {
        return BERTH_OK;
    }
    if (ack->n_bytes < transfer->n_acked || ack->n_bytes > transfer->n_received) {
        return BERTH_ERR_PROTOCOL;
    }
    transfer->n_acked = ack->n_bytes;
    transfer->moved_us = now_us;
    onwards = (BerthMsgFileAck){ .id = transfer->guest_id, .n_bytes = ack->n_bytes };
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_file_ack_encode(&writer, &onwards);
    tell_guest(self, BERTH_GUEST_FILE_ACK, &writer);
    return BERTH_OK;
}

int
berth_guest_outbox_handle_client(BerthGuestOutbox *self, uint8_t type, const uint8_t *payload,
                                 size_t len, int64_t now_us)
{
    BerthMsgFileAnswer take;
    BerthMsgFileAck ack;
    int r;

    if (type == BERTH_MSG_FILE_TAKE) {
        r = berth_msg_file_answer_decode(payload, len, &take);
        return r < 0 ? r : handle_take(self, &take, now_us);
    }
    if (type == BERTH_MSG_FILE_TAKE_ACK) {
        r = berth_msg_file_ack_decode(payload, len, &ack);
        return r < 0 ? r : handle_ack(self, &ack, now_us);
    }
    return BERTH_ERR_PROTOCOL;
}

/* ---- what changes ---- */

void
berth_guest_outbox_set_policy(BerthGuestOutbox *self, bool is_allowed, uint32_t max_mib)
{
    self->is_allowed = is_allowed && max_mib > 0;
    self->max_mib = max_mib;
    for (size_t i = 0; i < G_N_ELEMENTS(self->transfers); i++) {
        Transfer *transfer = &self->transfers[i];

        if (transfer->state != OUT_FREE &&
            (!self->is_allowed || transfer->size_bytes > max_mib * MIB)) {
            end_transfer(self, transfer, BERTH_FILE_NOT_ALLOWED);
        }
    }
}

void
berth_guest_outbox_set_agent(BerthGuestOutbox *self, uint32_t caps)
{
    self->has_agent = false; /* the old one hears no more */
    end_all(self, BERTH_FILE_NO_AGENT);
    self->has_agent = berth_vdagent_has(caps, BERTH_GUEST_CAP_FILES);
}

void
berth_guest_outbox_set_client(BerthGuestOutbox *self, bool takes_files)
{
    self->takes_files = false; /* the old one hears no more */
    end_all(self, BERTH_FILE_CANCELLED);
    self->takes_files = takes_files;
}

void
berth_guest_outbox_tick(BerthGuestOutbox *self, int64_t now_us)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->transfers); i++) {
        Transfer *transfer = &self->transfers[i];
        bool is_guests_turn =
            transfer->state == OUT_SENDING && transfer->n_acked == transfer->n_received;

        if (transfer->state != OUT_FREE &&
            now_us - transfer->moved_us > (is_guests_turn ? GUEST_US : USER_US)) {
            end_transfer(self, transfer, BERTH_FILE_FAILED);
        }
    }
}
