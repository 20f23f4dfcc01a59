/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/guest-files.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "display/wire/msg-files.h"

#include <glib.h>
#include <spice/vd_agent.h>
#include <string.h>

#define MIB (1024ULL * 1024)
/* An acknowledgement is due after so many bytes, an eighth of the window. */
#define ACK_BYTES (BERTH_LIMIT_FILE_WINDOW_BYTES / 8)
/* An agent answers at once, and a desktop that takes nothing for so long is stuck. */
#define ANSWER_US (30LL * 1000 * 1000)
/* A client that sends nothing of what it offered. */
#define SILENCE_US (300LL * 1000 * 1000)

typedef enum {
    TRANSFER_FREE = 0,
    TRANSFER_ASKED,   /* the agent */
    TRANSFER_SENDING, /* the client */
    TRANSFER_ENDING,  /* all is with the guest, its word is missing */
} TransferState;

typedef struct {
    TransferState state;
    uint32_t client_id, guest_id;
    uint64_t size_bytes;
    uint64_t n_received, n_sent, n_acked;
    int64_t moved_us; /* when something happened last */
} Transfer;

struct BerthGuestFiles {
    const BerthGuestFilesCallbacks *callbacks;
    void *user_data;
    BerthFilesPolicy policy;
    uint32_t caps; /* of the agent; 0: it is not there */
    bool sends_files;
    uint32_t last_id;
    Transfer transfers[BERTH_LIMIT_TRANSFERS];
};

BerthGuestFiles *
berth_guest_files_new(const BerthGuestFilesCallbacks *callbacks, void *user_data)
{
    BerthGuestFiles *self = g_new0(BerthGuestFiles, 1);

    self->callbacks = callbacks;
    self->user_data = user_data;
    return self;
}

void
berth_guest_files_free(BerthGuestFiles *self)
{
    g_free(self);
}

/* ---- what is said ---- */

static void
tell_client(BerthGuestFiles *self, uint8_t type, BerthWriter *writer)
{
    if (self->sends_files) {
        self->callbacks->to_client(type, writer->data, writer->len, self->user_data);
    }
    berth_writer_clear(writer);
}

static void
tell_guest(BerthGuestFiles *self, BerthWriter *writer, uint32_t id, size_t n_content_bytes)
{
    size_t len = 0;
    uint8_t *data = berth_writer_steal(writer, &len);

    if (self->caps != 0 && data) {
        self->callbacks->to_guest(data, len, id, n_content_bytes, self->user_data);
    } else {
        g_free(data);
    }
    berth_writer_clear(writer);
}

static void
tell_state(BerthGuestFiles *self)
{
    BerthMsgFileState state = {
        .flags = (uint8_t)((self->policy.to_guest ? BERTH_SHARE_TO_GUEST : 0) |
                           (self->caps != 0 ? BERTH_SHARE_AGENT : 0)),
        .max_mib = self->policy.max_mib,
    };
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_file_state_encode(&writer, &state);
    tell_client(self, BERTH_MSG_FILE_STATE, &writer);
}

static void
answer(BerthGuestFiles *self, uint32_t client_id, BerthFileStatus status)
{
    BerthMsgFileAnswer message = { .id = client_id, .status = (uint8_t)status };
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_file_answer_encode(&writer, &message);
    tell_client(self, BERTH_MSG_FILE_ANSWER, &writer);
}

static void
end_transfer(BerthGuestFiles *self, Transfer *transfer, BerthFileStatus status)
{
    transfer->state = TRANSFER_FREE;
    answer(self, transfer->client_id, status);
}

/* The agent throws away what it has. */
static void
cancel_transfer(BerthGuestFiles *self, Transfer *transfer, BerthFileStatus status)
{
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_file_cancel(&writer, transfer->guest_id);
    tell_guest(self, &writer, transfer->guest_id, 0);
    end_transfer(self, transfer, status);
}

static void
cancel_all(BerthGuestFiles *self, BerthFileStatus status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->transfers); i++) {
        if (self->transfers[i].state != TRANSFER_FREE) {
            cancel_transfer(self, &self->transfers[i], status);
        }
    }
}

static void
give_data(BerthGuestFiles *self, const Transfer *transfer, const uint8_t *data, size_t len)
{
    BerthWriter writer;

    berth_writer_init(&writer, berth_vdagent_get_wire_bytes(len + BERTH_LIMIT_FRAGMENT_BYTES));
    berth_vdagent_write_file_data(&writer, transfer->guest_id, data, len);
    tell_guest(self, &writer, transfer->guest_id, len);
}

static void
acknowledge(BerthGuestFiles *self, Transfer *transfer)
{
    BerthMsgFileAck ack = { .id = transfer->client_id, .n_bytes = transfer->n_sent };
    BerthWriter writer;

    transfer->n_acked = transfer->n_sent;
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_file_ack_encode(&writer, &ack);
    tell_client(self, BERTH_MSG_FILE_ACK, &writer);
}

/* ---- the client ---- */

static Transfer *
find_by_client_id(BerthGuestFiles *self, uint32_t id)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->transfers); i++) {
        if (self->transfers[i].state != TRANSFER_FREE && self->transfers[i].client_id == id) {
            return &self->transfers[i];
        }
    }
    return NULL;
}

static Transfer *
find_by_guest_id(BerthGuestFiles *self, uint32_t id)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->transfers); i++) {
        if (self->transfers[i].state != TRANSFER_FREE && self->transfers[i].guest_id == id) {
            return &self->transfers[i];
        }
    }
    return NULL;
}

static Transfer *
find_free(BerthGuestFiles *self)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->transfers); i++) {
        if (self->transfers[i].state == TRANSFER_FREE) {
            return &self->transfers[i];
        }
    }
    return NULL;
}

/* A name that means nothing else to Windows than a file here. */
static void
make_name_safe(char *name, uint32_t caps)
{
    if (berth_vdagent_has(caps, VD_AGENT_CAP_GUEST_LINEEND_CRLF)) {
        g_strdelimit(name, "\\:*?\"<>|", '_');
    }
}

/* Why a file is not taken; BERTH_FILE_SEND if it may be. */
static BerthFileStatus
judge(const BerthGuestFiles *self, const BerthMsgFileOffer *offer, bool has_place)
{
    if (!self->policy.to_guest) {
        return BERTH_FILE_NOT_ALLOWED;
    }
    if (offer->size_bytes > self->policy.max_mib * MIB) {
        return BERTH_FILE_TOO_LARGE;
    }
    if (self->caps == 0) {
        return BERTH_FILE_NO_AGENT;
    }
    if (berth_vdagent_has(self->caps, VD_AGENT_CAP_FILE_XFER_DISABLED)) {
        return BERTH_FILE_NOT_ALLOWED;
    }
    return has_place ? BERTH_FILE_SEND : BERTH_FILE_BUSY;
}

static int
handle_offer(BerthGuestFiles *self, BerthMsgFileOffer *offer, int64_t now_us)
{
    Transfer *transfer = find_free(self);
    BerthFileStatus status = judge(self, offer, transfer != NULL);
    BerthWriter writer;

    if (find_by_client_id(self, offer->id)) {
        return BERTH_ERR_PROTOCOL;
    }
    if (status != BERTH_FILE_SEND || !transfer) {
        answer(self, offer->id, status);
        return BERTH_OK;
    }
    *transfer = (Transfer){
        .state = TRANSFER_ASKED,
        .client_id = offer->id,
        .guest_id = ++self->last_id,
        .size_bytes = offer->size_bytes,
        .moved_us = now_us,
    };
    make_name_safe(offer->name, self->caps);
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_file_start(&writer, transfer->guest_id, offer->name, offer->size_bytes);
    tell_guest(self, &writer, transfer->guest_id, 0);
    return BERTH_OK;
}

static int
handle_data(BerthGuestFiles *self, const BerthMsgFileData *data, int64_t now_us)
{
    Transfer *transfer = find_by_client_id(self, data->id);

    if (!transfer) {
        return BERTH_OK; /* it has ended, and the client does not know yet */
    }
    if (transfer->state != TRANSFER_SENDING ||
        data->data_len > transfer->size_bytes - transfer->n_received ||
        transfer->n_received + data->data_len > transfer->n_acked + BERTH_LIMIT_FILE_WINDOW_BYTES) {
        return BERTH_ERR_PROTOCOL;
    }
    transfer->n_received += data->data_len;
    transfer->moved_us = now_us;
    give_data(self, transfer, data->data, data->data_len);
    return BERTH_OK;
}

static int
handle_cancel(BerthGuestFiles *self, const uint8_t *payload, size_t len)
{
    uint32_t id = 0;
    int r = berth_msg_file_cancel_decode(payload, len, &id);
    Transfer *transfer = r == BERTH_OK ? find_by_client_id(self, id) : NULL;

    if (transfer) {
        cancel_transfer(self, transfer, BERTH_FILE_CANCELLED);
    }
    return r;
}

int
berth_guest_files_handle_client(BerthGuestFiles *self, uint8_t type, const uint8_t *payload,
                                size_t len, int64_t now_us)
{
    BerthMsgFileOffer offer;
    BerthMsgFileData data;
    int r;

    switch (type) {
    case BERTH_MSG_FILE_OFFER:
        r = berth_msg_file_offer_decode(payload, len, &offer);
        return r < 0 ? r : handle_offer(self, &offer, now_us);
    case BERTH_MSG_FILE_DATA:
        r = berth_msg_file_data_decode(payload, len, &data);
        return r < 0 ? r : handle_data(self, &data, now_us);
    case BERTH_MSG_FILE_CANCEL:
        return handle_cancel(self, payload, len);
    default:
        return BERTH_ERR_PROTOCOL;
    }
}

/* ---- the guest ---- */

static BerthFileStatus
translate(uint32_t result)
{
    switch (result) {
    case VD_AGENT_FILE_XFER_STATUS_CANCELLED:
        return BERTH_FILE_CANCELLED;
    case VD_AGENT_FILE_XFER_STATUS_NOT_ENOUGH_SPACE:
        return BERTH_FILE_NO_SPACE;
    case VD_AGENT_FILE_XFER_STATUS_SESSION_LOCKED:
        return BERTH_FILE_LOCKED;
    case VD_AGENT_FILE_XFER_STATUS_VDAGENT_NOT_CONNECTED:
        return BERTH_FILE_NO_AGENT;
    case VD_AGENT_FILE_XFER_STATUS_DISABLED:
        return BERTH_FILE_NOT_ALLOWED;
    default:
        return BERTH_FILE_FAILED;
    }
}

void
berth_guest_files_handle_guest(BerthGuestFiles *self, const BerthVdagentFileStatus *status,
                               int64_t now_us)
{
    Transfer *transfer = find_by_guest_id(self, status->id);

    if (!transfer) {
        return;
    }
    if (status->result == VD_AGENT_FILE_XFER_STATUS_CAN_SEND_DATA) {
        if (transfer->state != TRANSFER_ASKED) {
            return;
        }
        transfer->state = transfer->size_bytes > 0 ? TRANSFER_SENDING : TRANSFER_ENDING;
        transfer->moved_us = now_us;
        answer(self, transfer->client_id, BERTH_FILE_SEND);
        if (transfer->size_bytes == 0) {
            give_data(self, transfer, NULL, 0); /* the agent ends a file with its last data */
        }
    } else if (status->result == VD_AGENT_FILE_XFER_STATUS_SUCCESS) {
        bool is_whole = transfer->state == TRANSFER_ENDING;

        end_transfer(self, transfer, is_whole ? BERTH_FILE_DONE : BERTH_FILE_FAILED);
    } else {
        end_transfer(self, transfer, translate(status->result));
    }
}

void
berth_guest_files_note_sent(BerthGuestFiles *self, uint32_t id, size_t n_content_bytes,
                            int64_t now_us)
{
    Transfer *transfer = find_by_guest_id(self, id);

    if (!transfer || transfer->state != TRANSFER_SENDING) {
        return;
    }
    transfer->n_sent += n_content_bytes;
    transfer->moved_us = now_us;
    if (transfer->n_sent == transfer->size_bytes) {
        transfer->state = TRANSFER_ENDING;
    }
    if (transfer->state == TRANSFER_ENDING || transfer->n_sent - transfer->n_acked >= ACK_BYTES) {
        acknowledge(self, transfer);
    }
}

/* ---- what changes ---- */

void
berth_guest_files_set_policy(BerthGuestFiles *self, const BerthFilesPolicy *policy)
{
    self->policy = *policy;
    self->policy.to_guest = policy->to_guest && policy->max_mib > 0;
    tell_state(self);
    for (size_t i = 0; i < G_N_ELEMENTS(self->transfers); i++) {
        Transfer *transfer = &self->transfers[i];

        if (transfer->state != TRANSFER_FREE &&
            (!self->policy.to_guest || transfer->size_bytes > self->policy.max_mib * MIB)) {
            cancel_transfer(self, transfer, BERTH_FILE_NOT_ALLOWED);
        }
    }
}

void
berth_guest_files_set_agent(BerthGuestFiles *self, uint32_t caps)
{
    self->caps = 0; /* the old one hears no more */
    cancel_all(self, BERTH_FILE_NO_AGENT);
    self->caps = caps;
    tell_state(self);
}

void
berth_guest_files_set_client(BerthGuestFiles *self, bool sends_files)
{
    self->sends_files = false; /* the old one hears no more */
    cancel_all(self, BERTH_FILE_CANCELLED);
    self->sends_files = sends_files;
    tell_state(self);
}

void
berth_guest_files_tick(BerthGuestFiles *self, int64_t now_us)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->transfers); i++) {
        Transfer *transfer = &self->transfers[i];
        bool is_clients_turn =
            transfer->state == TRANSFER_SENDING && transfer->n_received == transfer->n_sent;
        int64_t silent_us = now_us - transfer->moved_us;

        if (transfer->state == TRANSFER_ASKED && silent_us > ANSWER_US) {
            cancel_transfer(self, transfer, BERTH_FILE_NO_AGENT);
        } else if (transfer->state != TRANSFER_FREE &&
                   silent_us > (is_clients_turn ? SILENCE_US : ANSWER_US)) {
            cancel_transfer(self, transfer, BERTH_FILE_FAILED);
        }
    }
}
