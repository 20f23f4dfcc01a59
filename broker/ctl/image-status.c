/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is on which version of an image, once or until nothing moves any more.
 */
#include "broker/ctl/ctl.h"

#include "base/clock.h"
#include "broker/ctl/image-picture.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define WATCH_EVERY_MS 1000

/* Whether a rollout of the image goes on by itself. */
static bool
is_moving(const json_t *status)
{
    size_t i = 0;
    const json_t *pool = NULL;
    json_array_foreach (json_object_get(status, "pools"), i, pool) {
        const json_t *rollout = json_object_get(pool, "rollout");
        const char *state = json_string_value(json_object_get(rollout, "state"));
        if (state != NULL && strcmp(state, "done") != 0 && strcmp(state, "rolled-back") != 0 &&
            strcmp(state, "paused") != 0) {
            return true;
        }
    }
    return false;
}

static void
show(const BerthCtl *ctl, const json_t *status, bool is_screen)
{
    if (ctl->is_json) {
        berth_ctl_print(ctl, status, NULL, NULL);
        return;
    }
    g_autofree char *text = berth_ctl_draw_image(status, berth_wall_us());
    printf("%s%s", is_screen ? "\033[H\033[2J" : "", text);
    fflush(stdout);
}

bool
berth_ctl_run_image_status(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    bool is_watching = berth_ctl_call_has(call, "watch");
    g_autofree char *last = g_strdup("");
    g_autofree char *id = berth_ctl_lookup(ctl, berth_ctl_find_kind("image"), call->args[0], error);
    if (id == NULL) {
        return false;
    }
    g_autofree char *path = g_strdup_printf("/v1/images/%s/status", id);
    for (;;) {
        json_auto_t *status = NULL;
        if (!berth_ctl_client_call(ctl->client, "GET", path, NULL, NULL, &status, error)) {
            return false;
        }
        char *text = json_dumps(status, JSON_COMPACT | JSON_SORT_KEYS);
        bool is_news = strcmp(text, last) != 0;
        g_free(last);
        last = g_strdup(text);
        free(text);
        if (is_news || (ctl->is_terminal && !ctl->is_json)) {
            show(ctl, status, is_watching && ctl->is_terminal);
        }
        if (!is_watching || !is_moving(status)) {
            return true;
        }
        poll(NULL, 0, WATCH_EVERY_MS);
    }
}
