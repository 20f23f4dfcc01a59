/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/physical-machine.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "display/transport/tcp.h"
#include "host-agent/json-fields.h"
#include "host-agent/state-file.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATE_FILE "physical.json"
#define STATE_FILE_BYTES 4096
/* Between two looks at an address, and the time that it has to answer. */
#define LOOK_INTERVAL_S 5
#define ANSWER_MS 4000
#define GREETING "RFB "

/* One connection under way. */
typedef struct {
    BerthPhysicalMachine *owner;
    int fd; /* -1: none */
    guint timeout_source;
} Dial;

struct BerthPhysicalMachine {
    BerthPoller *poller;
    char *folder;
    BerthId id, overlay;
    uint64_t epoch;
    uint64_t next_epoch; /* higher than epoch while one waits */
    char *name, *address, *cluster;
    const BerthPhysicalCallbacks *callbacks;
    void *user_data;
    bool is_reachable;
    Dial look;    /* reads the greeting */
    Dial connect; /* for a session */
    int spare_fd; /* connected and unread; -1: none */
    guint look_source;
};

static void
report(BerthPhysicalMachine *self)
{
    self->callbacks->on_changed(self->user_data);
}

static void
save(const BerthPhysicalMachine *self)
{
    GError *error = NULL;
    json_t *object = json_object();
    berth_json_set_id(object, "id", &self->id);
    berth_json_set_id(object, "overlay", &self->overlay);
    json_object_set_new(object, "epoch", json_integer((json_int_t)self->epoch));
    json_object_set_new(object, "name", json_string(self->name));
    json_object_set_new(object, "address", json_string(self->address));
    json_object_set_new(object, "cluster", json_string(self->cluster));
    if (!berth_state_folder_make(self->folder, &error) ||
        !berth_state_file_save(self->folder, STATE_FILE, object, &error)) {
        berth_log_warning("machines", "machine %s: %s", self->name, error->message);
        g_error_free(error);
    }
    json_decref(object);
}

static bool
load(BerthPhysicalMachine *self, GError **error)
{
    BerthJsonFields fields;
    json_t *object = berth_state_file_load(self->folder, STATE_FILE, STATE_FILE_BYTES, error);
    if (object == NULL) {
        return false;
    }
    berth_json_fields_init(&fields, object, "physical machine's file");
    berth_json_fields_id(&fields, "id", &self->id);
    berth_json_fields_id(&fields, "overlay", &self->overlay);
    self->epoch = (uint64_t)berth_json_fields_int(&fields, "epoch", 0, INT64_MAX);
    self->name = g_strdup(berth_json_fields_string(&fields, "name", BERTH_LIMIT_NAME_BYTES));
    self->address = g_strdup(berth_json_fields_string(&fields, "address", BERTH_ADDRESS_CHARS - 1));
    self->cluster = g_strdup(berth_json_fields_string(&fields, "cluster", BERTH_ID_HEX_CHARS));
    bool is_good = berth_json_fields_finish(&fields, error);
    json_decref(object);
    return is_good;
}

/* ---- connections ---- */

static void
end_dial(Dial *dial)
{
    g_clear_handle_id(&dial->timeout_source, g_source_remove);
    if (dial->fd >= 0) {
        berth_poller_remove(dial->owner->poller, dial->fd);
        berth_clear_fd(&dial->fd);
    }
}

static bool
start_dial(Dial *dial, uint32_t events, BerthPollerFunc on_event, GSourceFunc on_timeout)
{
    BerthAddress address;
    if (berth_address_parse(dial->owner->address, &address) != BERTH_OK ||
        berth_tcp_connect(&address, &dial->fd) != BERTH_OK) {
        dial->fd = -1;
        return false;
    }
    berth_poller_add(dial->owner->poller, dial->fd, events, on_event, dial);
    dial->timeout_source = g_timeout_add(ANSWER_MS, on_timeout, dial);
    return true;
}

static void
set_reachable(BerthPhysicalMachine *self, bool is_reachable)
{
    end_dial(&self->look);
    if (self->is_reachable == is_reachable) {
        return;
    }
    self->is_reachable = is_reachable;
    berth_log_info("machines", "machine %s at %s %s", self->name, self->address,
                   is_reachable ? "answers" : "does not answer");
    report(self);
}

static gboolean
on_look_timeout(gpointer user_data)
{
    Dial *dial = user_data;
    dial->timeout_source = 0;
    set_reachable(dial->owner, false);
    return G_SOURCE_REMOVE;
}

static void
on_greeting(int fd, uint32_t events, void *user_data)
{
    Dial *dial = user_data;
    char text[sizeof GREETING - 1];
    ssize_t n = recv(fd, text, sizeof text, MSG_DONTWAIT | MSG_PEEK);
    if (n < 0 && (events & (EPOLLERR | EPOLLHUP)) == 0) {
        return;
    }
    if (n > 0 && n < (ssize_t)sizeof text) {
        return;
    }
    set_reachable(dial->owner,
                  n == (ssize_t)sizeof text && memcmp(text, GREETING, sizeof text) == 0);
}

static void
look(BerthPhysicalMachine *self)
{
    if (self->look.fd < 0 && !start_dial(&self->look, EPOLLIN, on_greeting, on_look_timeout)) {
        set_reachable(self, false);
    }
}

/* An RFB server that is shown already need not be asked for more. */
static gboolean
on_look(gpointer user_data)
{
    BerthPhysicalMachine *self = user_data;
    if (!self->callbacks->is_in_use(&self->id, self->user_data)) {
        look(self);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
on_connect_timeout(gpointer user_data)
{
    Dial *dial = user_data;
    dial->timeout_source = 0;
    end_dial(dial);
    set_reachable(dial->owner, false);
    return G_SOURCE_REMOVE;
}

static void
on_connected(int fd, uint32_t events, void *user_data)
{
    Dial *dial = user_data;
    BerthPhysicalMachine *self = dial->owner;
    int problem = 0;
    socklen_t len = sizeof problem;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len);
    if (problem != 0) {
        end_dial(dial);
        set_reachable(self, false);
        return;
    }
    berth_poller_remove(self->poller, fd);
    self->spare_fd = berth_steal_fd(&dial->fd);
    end_dial(dial);
    report(self);
}

bool
berth_physical_machine_attach(BerthPhysicalMachine *self, int *ret_fd, GError **error)
{
    if (!berth_physical_machine_is_ready(self)) {
        return berth_set_error(error, BERTH_ERR_STATE, "the machine at %s does not answer",
                               self->address);
    }
    if (self->spare_fd >= 0) {
        *ret_fd = berth_steal_fd(&self->spare_fd);
        return true;
    }
    if (self->connect.fd < 0 &&
        !start_dial(&self->connect, EPOLLOUT, on_connected, on_connect_timeout)) {
        set_reachable(self, false);
    }
    return berth_set_error(error, BERTH_ERR_STATE, "the machine at %s is being connected to",
                           self->address);
}

/* ---- life ---- */

static void
forget_connections(BerthPhysicalMachine *self)
{
    end_dial(&self->look);
    end_dial(&self->connect);
    berth_clear_fd(&self->spare_fd);
}

static BerthPhysicalMachine *
machine_new(BerthPoller *poller, const char *folder, const BerthPhysicalCallbacks *callbacks,
            void *user_data)
{
    BerthPhysicalMachine *self = g_new0(BerthPhysicalMachine, 1);
    self->poller = poller;
    self->folder = g_strdup(folder);
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->look = (Dial){ .owner = self, .fd = -1 };
    self->connect = (Dial){ .owner = self, .fd = -1 };
    self->spare_fd = -1;
    return self;
}

static void
begin(BerthPhysicalMachine *self)
{
    self->next_epoch = self->epoch;
    self->look_source = g_timeout_add_seconds(LOOK_INTERVAL_S, on_look, self);
    look(self);
}

BerthPhysicalMachine *
berth_physical_machine_new(BerthPoller *poller, const char *folder, const BerthPhysicalWish *wish,
                           const BerthPhysicalCallbacks *callbacks, void *user_data)
{
    BerthPhysicalMachine *self = machine_new(poller, folder, callbacks, user_data);
    self->id = wish->id;
    self->epoch = wish->epoch;
    self->name = g_strdup(wish->name);
    self->address = g_strdup(wish->address);
    self->cluster = g_strdup(wish->cluster);
    berth_id_random(&self->overlay);
    save(self);
    begin(self);
    return self;
}

BerthPhysicalMachine *
berth_physical_machine_adopt(BerthPoller *poller, const char *folder,
                             const BerthPhysicalCallbacks *callbacks, void *user_data)
{
    BerthPhysicalMachine *self = machine_new(poller, folder, callbacks, user_data);
    GError *error = NULL;
    if (!load(self, &error)) {
        if (error->code != BERTH_ERR_NOT_FOUND) {
            berth_log_error("machines", "%s", error->message);
        }
        g_error_free(error);
        berth_physical_machine_free(self);
        return NULL;
    }
    begin(self);
    return self;
}

void
berth_physical_machine_free(BerthPhysicalMachine *self)
{
    if (self == NULL) {
        return;
    }
    forget_connections(self);
    g_clear_handle_id(&self->look_source, g_source_remove);
    g_free(self->folder);
    g_free(self->name);
    g_free(self->address);
    g_free(self->cluster);
    g_free(self);
}

void
berth_physical_machine_remove(BerthPhysicalMachine *self)
{
    berth_state_folder_remove(self->folder);
    berth_physical_machine_free(self);
}

void
berth_physical_machine_update(BerthPhysicalMachine *self, const BerthPhysicalWish *wish)
{
    if (strcmp(self->address, wish->address) != 0) {
        g_free(self->address);
        self->address = g_strdup(wish->address);
        forget_connections(self);
        save(self);
        self->is_reachable = false;
        look(self);
    }
    self->next_epoch = MAX(self->epoch, wish->epoch);
    berth_physical_machine_poke(self);
}

void
berth_physical_machine_poke(BerthPhysicalMachine *self)
{
    if (self->next_epoch == self->epoch || self->callbacks->is_in_use(&self->id, self->user_data)) {
        return;
    }
    self->epoch = self->next_epoch;
    berth_id_random(&self->overlay);
    berth_clear_fd(&self->spare_fd);
    save(self);
    look(self);
    report(self);
}

const BerthId *
berth_physical_machine_get_id(const BerthPhysicalMachine *self)
{
    return &self->id;
}

uint64_t
berth_physical_machine_get_epoch(const BerthPhysicalMachine *self)
{
    return self->epoch;
}

const char *
berth_physical_machine_get_cluster(const BerthPhysicalMachine *self)
{
    return self->cluster;
}

bool
berth_physical_machine_is_leaving(const BerthPhysicalMachine *self)
{
    return self->next_epoch != self->epoch;
}

bool
berth_physical_machine_is_ready(const BerthPhysicalMachine *self)
{
    return self->is_reachable && self->next_epoch == self->epoch;
}

json_t *
berth_physical_machine_report(const BerthPhysicalMachine *self)
{
    json_t *object = json_object();
    berth_json_set_id(object, "id", &self->id);
    json_object_set_new(object, "epoch", json_integer((json_int_t)self->epoch));
    json_object_set_new(object, "state",
                        json_string(berth_physical_machine_is_ready(self) ? "ready" : "starting"));
    berth_json_set_id(object, "overlay", &self->overlay);
    json_object_set_new(object, "condition", json_string(self->is_reachable ? "" : "unreachable"));
    json_object_set_new(object, "pid", json_integer(0));
    json_object_set_new(object, "memory_mib", json_integer(0));
    return object;
}
