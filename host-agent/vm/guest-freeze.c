/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/guest-freeze.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/process.h"
#include "berth/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* For one order to thaw; then it is given again. */
#define THAW_MS 5000
#define THAW_TRIES 6
/* berth-thaw waits so much longer than we do before it does our work. */
#define KEEPER_EXTRA_MS 2000

struct BerthGuestFreeze {
    BerthGuestFreezeConfig config;
    int keeper_fd; /* berth-thaw thaws when this closes without a word */
    int n_thaw_tries;
    guint limit_source;
    bool is_frozen; /* as far as we know */
    bool is_thawing;
    bool was_late;
    BerthGuestFreezeDone on_frozen;
    void *frozen_data;
    BerthGuestFreezeDone on_thawed;
    void *thawed_data;
};

/* ---- berth-thaw ---- */

static bool
start_keeper(BerthGuestFreeze *self, GError **error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return berth_set_error(error, berth_error_from_errno(errno), "cannot make a pipe: %s",
                               g_strerror(errno));
    }
    berth_autofd int read_end = ends[0];
    self->keeper_fd = ends[1];
    g_autofree char *limit =
        g_strdup_printf("%d", self->config.freeze_ms + self->config.frozen_ms + KEEPER_EXTRA_MS);
    const char *const argv[] = { self->config.thaw_program, self->config.agent_socket, limit,
                                 NULL };
    BerthSpawnFd map = { .source = read_end, .target = 0 };
    BerthSpawnOptions options = { .fds = &map, .n_fds = 1, .new_session = true };
    return berth_spawn(argv, &options, NULL, NULL, error);
}

/* The guest is well: the keeper goes without touching it. */
static void
dismiss_keeper(BerthGuestFreeze *self)
{
    if (self->keeper_fd >= 0 && write(self->keeper_fd, "k", 1) != 1) {
        berth_log_debug("vm", "berth-thaw has gone already");
    }
    berth_clear_fd(&self->keeper_fd);
}

/* ---- thaw ---- */

static void thaw_again(BerthGuestFreeze *self);

static void
tell_thawed(BerthGuestFreeze *self, int code, const char *text)
{
    BerthGuestFreezeDone done = self->on_thawed;
    self->on_thawed = NULL;
    if (done != NULL) {
        done(code, text, self->thawed_data);
    }
}

static void
on_thawed(int code, const json_t *result, const char *text, void *user_data)
{
    BerthGuestFreeze *self = user_data;
    (void)result;
    if (code == BERTH_OK) {
        self->is_thawing = false;
        self->is_frozen = false;
        dismiss_keeper(self);
        tell_thawed(self, BERTH_OK, NULL);
        return;
    }
    berth_log_warning("vm", "a guest was told to thaw: %s", text);
    if (self->n_thaw_tries < THAW_TRIES) {
        thaw_again(self);
        return;
    }
    /* Its socket is left to berth-thaw, which goes on trying. */
    self->is_thawing = false;
    berth_clear_fd(&self->keeper_fd);
    tell_thawed(self, code, "the guest does not say that it is thawed");
}

static void
thaw_again(BerthGuestFreeze *self)
{
    self->is_thawing = true;
    self->n_thaw_tries++;
    berth_guest_agent_call(self->config.agent, "guest-fsfreeze-thaw", NULL, THAW_MS, on_thawed,
                           self);
}

static gboolean
on_limit(gpointer user_data)
{
    BerthGuestFreeze *self = user_data;
    self->limit_source = 0;
    self->was_late = true;
    berth_log_warning("vm", "a guest was frozen for its %d ms, it is thawed",
                      self->config.frozen_ms);
    thaw_again(self);
    return G_SOURCE_REMOVE;
}

void
berth_guest_freeze_thaw(BerthGuestFreeze *self, BerthGuestFreezeDone done, void *user_data)
{
    g_clear_handle_id(&self->limit_source, g_source_remove);
    self->on_thawed = done;
    self->thawed_data = user_data;
    if (!self->is_frozen) {
        tell_thawed(self, BERTH_OK, NULL);
    } else if (!self->is_thawing) {
        thaw_again(self);
    }
}

bool
berth_guest_freeze_was_late(const BerthGuestFreeze *self)
{
    return self->was_late;
}

/* ---- freeze ---- */

static void
on_frozen(int code, const json_t *result, const char *text, void *user_data)
{
    BerthGuestFreeze *self = user_data;
    bool is_refused = code == BERTH_ERR_INVALID;
    if (code == BERTH_OK && json_is_integer(result) && json_integer_value(result) >= 0) {
        self->is_frozen = true;
        self->limit_source = g_timeout_add((guint)self->config.frozen_ms, on_limit, self);
        self->on_frozen(BERTH_OK, NULL, self->frozen_data);
        return;
    }
    /* Who refuses is not frozen; who does not answer may be. */
    self->is_frozen = !is_refused;
    if (is_refused) {
        dismiss_keeper(self);
    } else {
        thaw_again(self);
    }
    self->on_frozen(code == BERTH_OK ? BERTH_ERR_PROTOCOL : code,
                    text != NULL ? text : "the guest's agent gave no number of file systems",
                    self->frozen_data);
}

static gboolean
on_cannot_keep(gpointer user_data)
{
    BerthGuestFreeze *self = user_data;
    self->limit_source = 0;
    self->on_frozen(BERTH_ERR_IO, "berth-thaw does not start, so nothing is frozen",
                    self->frozen_data);
    return G_SOURCE_REMOVE;
}

BerthGuestFreeze *
berth_guest_freeze_new(const BerthGuestFreezeConfig *config, BerthGuestFreezeDone done,
                       void *user_data)
{
    GError *error = NULL;
    BerthGuestFreeze *self = g_new0(BerthGuestFreeze, 1);
    self->config = *config;
    self->config.agent = berth_guest_agent_ref(config->agent);
    self->config.agent_socket = g_strdup(config->agent_socket);
    self->config.thaw_program = g_strdup(config->thaw_program);
    self->keeper_fd = -1;
    self->on_frozen = done;
    self->frozen_data = user_data;
    if (!start_keeper(self, &error)) {
        berth_log_error("vm", "%s", error->message);
        g_error_free(error);
        berth_clear_fd(&self->keeper_fd);
        self->limit_source = g_idle_add(on_cannot_keep, self);
        return self;
    }
    berth_guest_agent_call(self->config.agent, "guest-fsfreeze-freeze", NULL, config->freeze_ms,
                           on_frozen, self);
    return self;
}

void
berth_guest_freeze_free(BerthGuestFreeze *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->limit_source, g_source_remove);
    berth_guest_agent_forget(self->config.agent, self);
    if (self->is_frozen) {
        berth_guest_agent_call(self->config.agent, "guest-fsfreeze-thaw", NULL, THAW_MS, NULL,
                               NULL);
    }
    berth_guest_agent_unref(self->config.agent);
    berth_clear_fd(&self->keeper_fd);
    g_free((char *)self->config.agent_socket);
    g_free((char *)self->config.thaw_program);
    g_free(self);
}
