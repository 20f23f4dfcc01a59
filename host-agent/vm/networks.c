/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/networks.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/process.h"
#include "berth/errors.h"
#include "display/transport/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define TUN_DEVICE "/dev/net/tun"
#define NFT_PROGRAM "nft"
#define BRIDGE_PROGRAM "bridge"
#define TOOL_LIMIT_MS 5000
#define TOOL_PATH "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

struct BerthNetworks {
    BerthCgroups *cgroups;
    GArray *guests; /* of BerthNetGuest */
    char broker_ip[BERTH_ADDRESS_CHARS];
    BerthNetHost host;
    bool is_settled; /* the filter is ours; before, it is what an earlier agent left */
    bool has_filter;
    bool has_taps;
};

static void
guest_clear(gpointer data)
{
    g_free(((BerthNetGuest *)data)->cgroup);
}

/* ---- tools ---- */

/* Runs a tool to its end with a text on its stdin (NULL: nothing). */
static bool
run_tool(const char *const *argv, const char *input, GError **error)
{
    static const char *const environment[] = { TOOL_PATH, NULL };
    berth_autofd int file = memfd_create("input", MFD_CLOEXEC);
    size_t len = input != NULL ? strlen(input) : 0;
    if (file < 0 || write(file, input, len) != (ssize_t)len || lseek(file, 0, SEEK_SET) != 0) {
        return berth_set_error(error, BERTH_ERR_IO, "cannot prepare the input of %s", argv[0]);
    }
    BerthSpawnFd map = { .source = file, .target = STDIN_FILENO };
    BerthSpawnOptions options = {
        .fds = &map, .n_fds = 1, .death_signal = SIGKILL, .env = environment
    };
    int pidfd = -1;
    if (!berth_spawn(argv, &options, &pidfd, NULL, error)) {
        return false;
    }
    berth_autofd int process = pidfd;
    struct pollfd ended = { .fd = process, .events = POLLIN };
    int status = -1;
    if (poll(&ended, 1, TOOL_LIMIT_MS) <= 0) {
        berth_pidfd_signal(process, SIGKILL);
        poll(&ended, 1, -1);
    }
    berth_pidfd_reap(process, &status);
    return status == 0 ||
           berth_set_error(error, BERTH_ERR_IO, "%s failed with status %d", argv[0], status);
}

/* Before it is settled the filter is only tried: what an earlier agent made has to stand. */
static bool
load_rules(BerthNetworks *self, GError **error)
{
    static const char *const load[] = { NFT_PROGRAM, "-f", "-", NULL };
    static const char *const try[] = { NFT_PROGRAM, "-c", "-f", "-", NULL };
    g_autofree char *text = berth_net_rules_build(&self->host, self->guests);
    return run_tool(self->is_settled ? load : try, text, error);
}

/* ---- ports ---- */

static bool
fail_errno(GError **error, const char *verb, const char *what)
{
    return berth_set_error(error, berth_error_from_errno(errno), "cannot %s %s: %s", verb, what,
                           g_strerror(errno));
}

/* The host's side never speaks: no address of its own, and only up when all else is done. */
static bool
open_tap(const char *port, int *ret_fd, GError **error)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    berth_autofd int fd = open(TUN_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    g_strlcpy(request.ifr_name, port, sizeof request.ifr_name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) {
        return fail_errno(error, "make port", port);
    }
    *ret_fd = berth_steal_fd(&fd);
    return true;
}

static bool
add_to_bridge(int control, const char *bridge, const char *port, GError **error)
{
    struct ifreq request = { .ifr_ifindex = (int)if_nametoindex(port) };
    g_strlcpy(request.ifr_name, bridge, sizeof request.ifr_name);
    if (if_nametoindex(bridge) == 0) {
        return berth_set_error(error, BERTH_ERR_NOT_FOUND,
                               "there is no bridge \"%s\" on this host; make it, or name another "
                               "one in the pool's network",
                               bridge);
    }
    return ioctl(control, SIOCBRADDIF, &request) == 0 ||
           fail_errno(error, "add a port to bridge", bridge);
}

static bool
bring_up(int control, const char *port, GError **error)
{
    struct ifreq request = { .ifr_flags = 0 };
    g_strlcpy(request.ifr_name, port, sizeof request.ifr_name);
    if (ioctl(control, SIOCGIFFLAGS, &request) != 0) {
        return fail_errno(error, "read port", port);
    }
    request.ifr_flags |= IFF_UP;
    return ioctl(control, SIOCSIFFLAGS, &request) == 0 || fail_errno(error, "raise port", port);
}

static bool
isolate_port(const char *port, GError **error)
{
    const char *const argv[] = {
        BRIDGE_PROGRAM, "link", "set", "dev", port, "isolated", "on", NULL
    };
    return run_tool(argv, NULL, error);
}

/* Frames of the port belong to one VLAN, and the guest sees no tags. */
static bool
set_vlan(const char *bridge, const char *port, int vlan, GError **error)
{
    g_autofree char *number = g_strdup_printf("%d", vlan);
    g_autofree char *file = g_strdup_printf("/sys/class/net/%s/bridge/vlan_filtering", bridge);
    g_autofree char *text = NULL;
    const char *const leave[] = { BRIDGE_PROGRAM, "vlan", "del", "dev", port, "vid", "1", NULL };
    const char *const enter[] = { BRIDGE_PROGRAM, "vlan", "add",  "dev",      port,
                                  "vid",          number, "pvid", "untagged", NULL };
    if (!g_file_get_contents(file, &text, NULL, NULL) || text[0] != '1') {
        return berth_set_error(error, BERTH_ERR_UNSUPPORTED,
                               "bridge \"%s\" does not filter VLANs; set its vlan_filtering to 1",
                               bridge);
    }
    run_tool(leave, NULL, NULL); /* a bridge may have no default VLAN */
    return run_tool(enter, NULL, error);
}

static bool
make_port(const BerthNetGuest *guest, const BerthVmNetwork *network, int *ret_fd, GError **error)
{
    berth_autofd int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    berth_autofd int tap = -1;
    if (control < 0) {
        return fail_errno(error, "open", "a socket for interfaces");
    }
    if (!open_tap(guest->port, &tap, error) ||
        !add_to_bridge(control, network->bridge, guest->port, error) ||
        (guest->is_isolated && !isolate_port(guest->port, error)) ||
        (network->vlan != 0 && !set_vlan(network->bridge, guest->port, network->vlan, error)) ||
        !bring_up(control, guest->port, error)) {
        return false;
    }
    *ret_fd = berth_steal_fd(&tap);
    return true;
}

/* ---- guests ---- */

static void
forget(BerthNetworks *self, const BerthId *id)
{
    for (guint i = self->guests->len; i > 0; i--) {
        if (berth_id_equal(&g_array_index(self->guests, BerthNetGuest, i - 1).id, id)) {
            g_array_remove_index(self->guests, i - 1);
        }
    }
}

/* Notes a guest down and makes its rules; nothing is noted on error. */
static bool
admit(BerthNetworks *self, const BerthVmSpec *spec, BerthNetGuest *ret, GError **error)
{
    BerthNetGuest guest = {
        .id = spec->id,
        .mode = spec->network.mode,
        .is_isolated = spec->network.is_isolated,
    };
    memcpy(guest.mac, spec->mac, sizeof guest.mac);
    if (guest.mode == BERTH_NETWORK_BRIDGE) {
        berth_net_port_name(&spec->id, guest.port);
    } else {
        char hex[BERTH_ID_HEX_CHARS + 1];
        berth_id_format(&spec->id, hex);
        guest.cgroup = berth_cgroups_dup_fence(self->cgroups, hex, &guest.cgroup_level);
    }
    if (guest.mode == BERTH_NETWORK_USER && guest.cgroup == NULL) {
        return berth_set_error(error, BERTH_ERR_UNSUPPORTED,
                               "without control groups of version 2 its connections cannot be "
                               "told from this host's");
    }
    forget(self, &spec->id);
    g_array_append_val(self->guests, guest);
    *ret = guest;
    if (!load_rules(self, error)) {
        forget(self, &spec->id);
        return false;
    }
    return true;
}

/* Whether the filter has anything to say about such a machine. */
static bool
needs_rules(const BerthVmNetwork *network)
{
    return network->mode == BERTH_NETWORK_BRIDGE ||
           (network->mode == BERTH_NETWORK_USER && network->is_isolated);
}

bool
berth_networks_connect(BerthNetworks *self, const BerthVmSpec *spec, BerthNetworkPlug *ret,
                       GError **error)
{
    BerthNetGuest guest;
    *ret = (BerthNetworkPlug){ .tap_fd = -1, .is_restricted = true };
    if (!needs_rules(&spec->network)) {
        berth_networks_disconnect(self, &spec->id);
        ret->is_restricted = spec->network.mode == BERTH_NETWORK_NONE;
        return true;
    }
    if (!admit(self, spec, &guest, error)) {
        return false;
    }
    if (spec->network.mode == BERTH_NETWORK_BRIDGE &&
        !make_port(&guest, &spec->network, &ret->tap_fd, error)) {
        berth_networks_disconnect(self, &spec->id);
        return false;
    }
    ret->is_restricted = false;
    return true;
}

bool
berth_networks_adopt(BerthNetworks *self, const BerthVmSpec *spec, GError **error)
{
    BerthNetGuest guest;
    return !needs_rules(&spec->network) || admit(self, spec, &guest, error);
}

void
berth_networks_disconnect(BerthNetworks *self, const BerthId *id)
{
    guint before = self->guests->len;
    GError *error = NULL;
    forget(self, id);
    if (self->guests->len != before && !load_rules(self, &error)) {
        berth_log_warning("network", "the rules of a machine that is gone stay: %s",
                          error->message);
        g_error_free(error);
    }
}

/* ---- life ---- */

BerthNetworks *
berth_networks_new(BerthCgroups *cgroups, const char *broker)
{
    BerthNetworks *self = g_new0(BerthNetworks, 1);
    BerthAddress address;
    GError *error = NULL;
    self->cgroups = cgroups;
    self->guests = g_array_new(FALSE, TRUE, sizeof(BerthNetGuest));
    g_array_set_clear_func(self->guests, guest_clear);
    if (berth_address_parse(broker, &address) == BERTH_OK) {
        berth_address_format_ip(&address, self->broker_ip);
        self->host.broker_ip = self->broker_ip;
        self->host.is_broker_ip6 = strchr(self->broker_ip, ':') != NULL;
        self->host.broker_port = berth_address_get_port(&address);
    }
    berth_autofd int tun = open(TUN_DEVICE, O_RDWR | O_CLOEXEC);
    self->has_filter = load_rules(self, &error);
    self->has_taps = tun >= 0 && self->has_filter;
    if (!self->has_filter) {
        berth_log_warning("network",
                          "guests cannot be isolated on this host, those that shall be get no "
                          "network: %s",
                          error->message);
        g_error_free(error);
    }
    return self;
}

void
berth_networks_settle(BerthNetworks *self)
{
    GError *error = NULL;
    self->is_settled = true;
    if (self->has_filter && !load_rules(self, &error)) {
        berth_log_error("network", "the filter of this host's guests cannot be made: %s",
                        error->message);
        g_error_free(error);
    }
}

void
berth_networks_free(BerthNetworks *self)
{
    if (self != NULL) {
        g_array_unref(self->guests);
        g_free(self);
    }
}

json_t *
berth_networks_report(const BerthNetworks *self)
{
    json_t *kinds = json_pack("[s]", "none");
    if (self->has_filter && berth_cgroups_has_fence(self->cgroups)) {
        json_array_append_new(kinds, json_string("user"));
    }
    if (self->has_taps) {
        json_array_append_new(kinds, json_string("bridge"));
    }
    return kinds;
}
