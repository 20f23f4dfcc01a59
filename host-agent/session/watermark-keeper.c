/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/watermark-keeper.h"

#include "host-agent/session/watermark-text.h"

#include "base/id.h"
#include "base/log.h"

#include <string.h>

struct BerthWatermarkKeeper {
    BerthWatermarkFont *font;
    BerthFrameRoom *room;
    char session[BERTH_ID_HEX_CHARS + 1];
    char *user;
    char *wanted; /* by the policy */
    char *shown;  /* that, filled in, as the room shows it */
};

BerthWatermarkKeeper *
berth_watermark_keeper_new(void)
{
    BerthWatermarkKeeper *self = g_new0(BerthWatermarkKeeper, 1);

    self->font = berth_watermark_font_new(BERTH_WATERMARK_FONT);
    self->wanted = g_strdup("");
    self->shown = g_strdup("");
    return self;
}

void
berth_watermark_keeper_free(BerthWatermarkKeeper *self)
{
    if (self != NULL) {
        berth_watermark_font_free(self->font);
        g_free(self->user);
        g_free(self->wanted);
        g_free(self->shown);
        g_free(self);
    }
}

void
berth_watermark_keeper_attach(BerthWatermarkKeeper *self, BerthFrameRoom *room,
                              const BerthId *session, const char *user)
{
    self->room = room;
    berth_id_format(session, self->session);
    g_free(self->user);
    self->user = g_strdup(user);
}

bool
berth_watermark_keeper_tick(BerthWatermarkKeeper *self, int64_t wall_us, GError **error)
{
    const BerthWatermarkFacts facts = { self->user, self->session, wall_us };
    g_autofree char *text = berth_watermark_text(self->wanted, &facts);
    BerthWatermark *mark = NULL;

    if (strcmp(text, self->shown) == 0) {
        return true;
    }
    if (text[0] != '\0') {
        mark = berth_watermark_new(self->font, text, error);
        if (mark == NULL) {
            return false;
        }
    }
    berth_log_info("watermark", "%s",
                   mark != NULL ? "pictures are marked from now on"
                                : "pictures are not marked any more");
    berth_frame_room_set_watermark(self->room, mark);
    berth_watermark_unref(mark);
    g_free(self->shown);
    self->shown = g_steal_pointer(&text);
    return true;
}

bool
berth_watermark_keeper_set(BerthWatermarkKeeper *self, const char *text, int64_t wall_us,
                           GError **error)
{
    g_free(self->wanted);
    self->wanted = g_strdup(text);
    return berth_watermark_keeper_tick(self, wall_us, error);
}
