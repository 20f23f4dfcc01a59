/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/session-news.h"

#include "berth/errors.h"

void
berth_session_news_set_rights(const BerthSessionNews *self, uint32_t rights)
{
    *self->rights = rights;
    self->stats->may_save_pictures = (rights & BERTH_RIGHT_SCREENSHOT) != 0;
}

static int
take_shadow_ask(const BerthSessionNews *self, const uint8_t *payload, size_t len)
{
    BerthMsgShadowAsk ask;
    int code = berth_msg_shadow_ask_decode(payload, len, &ask);

    if (code == BERTH_OK) {
        self->callbacks->shadow_ask(&ask, self->user_data);
    }
    return code;
}

static int
take_viewers(const BerthSessionNews *self, const uint8_t *payload, size_t len)
{
    BerthMsgViewers viewers;
    int code = berth_msg_viewers_decode(payload, len, &viewers);

    if (code == BERTH_OK) {
        self->callbacks->viewers(&viewers, self->user_data);
    }
    return code;
}

static int
take_notice(const BerthSessionNews *self, const uint8_t *payload, size_t len)
{
    BerthMsgNotice notice;
    int code = berth_msg_notice_decode(payload, len, &notice);

    if (code == BERTH_OK) {
        berth_session_news_set_rights(self, notice.rights);
        self->callbacks->notice(&notice, self->user_data);
    }
    return code;
}

static int
take_input_times(const BerthSessionNews *self, const uint8_t *payload, size_t len)
{
    BerthMsgInputTimes times;
    int code = berth_msg_input_times_decode(payload, len, &times);

    if (code == BERTH_OK) {
        berth_input_split_told(&self->stats->split, &times);
    }
    return code;
}

static int
take_host_state(const BerthSessionNews *self, const uint8_t *payload, size_t len)
{
    int code = berth_msg_host_state_decode(payload, len, &self->stats->host);

    self->stats->has_host |= code == BERTH_OK;
    return code;
}

static int
take_pointer_mode(const BerthSessionNews *self, const uint8_t *payload, size_t len)
{
    bool is_absolute = true;
    int code = berth_msg_pointer_mode_decode(payload, len, &is_absolute);

    if (code == BERTH_OK) {
        self->callbacks->pointer_mode(is_absolute, self->user_data);
    }
    return code;
}

static int
take_leds(const BerthSessionNews *self, const uint8_t *payload, size_t len)
{
    uint8_t leds = 0;
    int code = berth_msg_leds_decode(payload, len, &leds);

    if (code == BERTH_OK) {
        self->callbacks->leds(leds, self->user_data);
    }
    return code;
}

static const struct {
    BerthChannel channel;
    uint8_t type;
    int (*take)(const BerthSessionNews *self, const uint8_t *payload, size_t len);
} rows[] = {
    { BERTH_CHANNEL_CONTROL, BERTH_MSG_SHADOW_ASK, take_shadow_ask },
    { BERTH_CHANNEL_CONTROL, BERTH_MSG_VIEWERS, take_viewers },
    { BERTH_CHANNEL_CONTROL, BERTH_MSG_NOTICE, take_notice },
    { BERTH_CHANNEL_CONTROL, BERTH_MSG_INPUT_TIMES, take_input_times },
    { BERTH_CHANNEL_CONTROL, BERTH_MSG_HOST_STATE, take_host_state },
    { BERTH_CHANNEL_INPUT, BERTH_MSG_POINTER_MODE, take_pointer_mode },
    { BERTH_CHANNEL_INPUT, BERTH_MSG_LEDS, take_leds },
};

int
berth_session_news_take(const BerthSessionNews *self, BerthChannel channel, uint8_t type,
                        const uint8_t *payload, size_t len)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].channel == channel && rows[i].type == type) {
            return rows[i].take(self, payload, len);
        }
    }
    return BERTH_ERR_UNSUPPORTED;
}
