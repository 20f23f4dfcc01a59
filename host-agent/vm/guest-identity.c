/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/guest-identity.h"

#include "base/id.h"
#include "host-agent/vm/qemu-argv.h"
#include "host-agent/vm/ssh-host-key.h"

#include <string.h>

#define HOST_NAME_CHARS 63
#define SEED_BYTES 64
/* Of every guest in QEMU's "user" network; QEMU's documentation, "Network emulation". */
#define USER_NETWORK_ADDRESS "10.0.2.15/24"
#define USER_NETWORK_GATEWAY "10.0.2.2"

/* What is in use of the X server finds its cookie by the host name, which will be another: the
 * cookie is made good for every name. */
#define MAKE_COOKIES_GOOD                                                                \
    "umask 077\n"                                                                        \
    "if command -v xauth >/dev/null; then\n"                                             \
    "  for file in /root/.Xauthority /home/*/.Xauthority /run/user/*/.Xauthority"        \
    " /run/user/*/gdm/Xauthority /var/run/lightdm/*/xauthority; do\n"                    \
    "    [ -s \"$file\" ] || continue\n"                                                 \
    "    owner=$(stat -c %u:%g \"$file\")\n"                                             \
    "    xauth -f \"$file\" nlist | sed 's/^..../ffff/' | xauth -f \"$file\" nmerge -\n" \
    "    chown \"$owner\" \"$file\"\n"                                                   \
    "  done\n"                                                                           \
    "fi\n"

/*
 * The units are those that read machine-id or host keys at their start, or hold random numbers.
 * /etc/berth/freeze-units names others, one a line.
 */
static const char freeze_script[] =
    "umask 077\n"
    "mkdir -p /run/berth && : >/run/berth/network-units && : >/run/berth/units\n"
    "units='systemd-networkd.service NetworkManager.service networking.service ssh.service"
    " sshd.service ssh.socket systemd-timesyncd.service chrony.service'\n"
    "[ -r /etc/berth/freeze-units ] && units=$(cat /etc/berth/freeze-units)\n"
    "if command -v systemctl >/dev/null; then\n"
    "  for unit in $units; do\n"
    "    systemctl -q is-active \"$unit\" 2>/dev/null || continue\n"
    "    case $unit in\n"
    "    *networkd*|NetworkManager*|networking*) list=network-units ;;\n"
    "    *) list=units ;;\n"
    "    esac\n"
    "    systemctl stop \"$unit\" 2>/dev/null\n"
    "    echo \"$unit\" >>/run/berth/$list\n"
    "  done\n"
    "fi\n"
    "rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub\n" MAKE_COOKIES_GOOD
    "for hook in /etc/berth/freeze.d/*; do\n"
    "  if [ -x \"$hook\" ]; then \"$hook\" </dev/null || exit 1; fi\n"
    "done\n"
    /* Huge pages and tidying of memory would copy in each fork what all forks share. */
    "for setting in 'madvise /sys/kernel/mm/transparent_hugepage/enabled'"
    " '0 /proc/sys/vm/compaction_proactiveness'; do\n"
    "  if [ -w \"${setting#* }\" ]; then echo \"${setting%% *}\" >\"${setting#* }\"; fi\n"
    "done\n"
    /* What each fork runs first is in memory then. */
    "date >/dev/null\n"
    "ip link >/dev/null 2>&1\n"
    "sync\n"
    "exit 0\n";

/* A name of the first card, or nothing. */
#define FIND_CARD                               \
    "card=\n"                                   \
    "for path in /sys/class/net/*/device; do\n" \
    "  [ -e \"$path\" ] || continue\n"          \
    "  card=${path%/device}\n"                  \
    "  card=${card##*/}\n"                      \
    "  break\n"                                 \
    "done\n"

/* What udev starts for a new card would ask for an address under the template's name. */
static const char card_script[] =
    "for n in 0 1 2 3 4 5 6 7 8 9; do\n"
    "  for m in 0 1 2 3 4 5 6 7 8 9; do\n"
    "    " FIND_CARD "    [ -z \"$card\" ] || break 2\n"
    "    sleep 0.05\n"
    "  done\n"
    "done\n"
    "command -v udevadm >/dev/null && udevadm settle -t 5\n" FIND_CARD
    "if [ -e /lib/systemd/system/ifup@.service ] && [ -n \"$card\" ]; then\n"
    "  systemctl stop \"ifup@$card.service\" && echo \"ifup@$card.service\""
    " >>/run/berth/network-units\n"
    "fi\n"
    "sync\n"
    "exit 0\n";

/*
 * The kernel takes a new seed by itself when its generation id changes (vmgenid, since 5.18); an
 * older one is told through perl, which every Debian has.
 */
static const char identity_script[] =
    "umask 022\n"
    "echo \"$seed\" >/dev/urandom\n"
    "[ -d /sys/bus/acpi/drivers/vmgenid ] || ! command -v perl >/dev/null ||"
    " echo \"$seed\" | perl -e 'open F, \">\", \"/dev/urandom\"; $s = <STDIN>;"
    " ioctl F, 0x40085203, pack(\"iia*\", 512, length $s, $s); ioctl F, 0x5207, 0'\n"
    "date -s \"@$clock\" >/dev/null 2>&1 || date -s \"@${clock%.*}\" >/dev/null ||"
    " failed=\"$failed clock\"\n"
    "read -r old </proc/sys/kernel/hostname\n"
    "echo \"$name\" >/proc/sys/kernel/hostname || failed=\"$failed hostname\"\n"
    "echo \"$name\" >/etc/hostname || failed=\"$failed hostname\"\n"
    "hosts=\n"
    "has_name=\n"
    "while read -r address names; do\n"
    "  line=$address\n"
    "  for each in $names; do\n"
    "    [ \"$each\" = \"$old\" ] && each=$name\n"
    "    [ \"$each\" = \"$name\" ] && has_name=1\n"
    "    line=\"$line $each\"\n"
    "  done\n"
    "  hosts=\"$hosts$line\n\"\n"
    "done </etc/hosts\n"
    "[ -n \"$has_name\" ] || hosts=\"${hosts}127.0.1.1 $name\n\"\n"
    "printf %s \"$hosts\" >/etc/hosts\n"
    "echo \"$machine_id\" >/etc/machine-id || failed=\"$failed machine-id\"\n"
    "if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then\n"
    "  echo \"$machine_id\" >/var/lib/dbus/machine-id\n"
    "fi\n"
    "if [ -d /etc/ssh ]; then\n"
    "  for kind in ed25519 ecdsa; do\n"
    "    [ $kind = ed25519 ] && private=$ed25519 || private=$ecdsa\n"
    "    [ $kind = ed25519 ] && public=$ed25519_pub || public=$ecdsa_pub\n"
    "    echo \"$public\" >/etc/ssh/ssh_host_${kind}_key.pub\n"
    "    umask 077\n"
    "    echo \"$private\" >/etc/ssh/ssh_host_${kind}_key || failed=\"$failed ssh\"\n"
    "    umask 022\n"
    "  done\n"
    "fi\n"
    "BERTH_HOSTNAME=$name BERTH_MACHINE_ID=$machine_id\n"
    "export BERTH_HOSTNAME BERTH_MACHINE_ID\n"
    "for hook in /etc/berth/identity.d/*; do\n"
    "  if [ -x \"$hook\" ]; then \"$hook\" </dev/null >/dev/null || failed=\"$failed $hook\"; fi\n"
    "done\n" FIND_CARD "if [ -n \"$mac\" ] && [ -n \"$card\" ]; then\n"
    "  lines=\"link set $card address $mac\n\"\n"
    "  [ -z \"$card_address\" ] || lines=\"${lines}link set $card up\naddr replace $card_address brd + dev $card\n"
    "route replace default via $gateway dev $card\n\"\n"
    "  printf %s \"$lines\" | ip -batch - 2>/dev/null ||"
    " printf %s \"$lines\" | while read -r line; do ip $line || exit 1; done ||"
    " failed=\"$failed card\"\n"
    "  [ -z \"$card_address\" ] || has_address=' with an address'\n"
    "fi\n"
    "if [ -z \"$has_address\" ] && [ -s /run/berth/network-units ]; then\n"
    "  while read -r unit; do set -- \"$@\" \"$unit\"; done </run/berth/network-units\n"
    "  systemctl start --no-block \"$@\"\n"
    "fi\n"
    "[ -n \"$card\" ] || has_address=' without a card'\n"
    "[ -z \"$failed\" ] || { echo \"not set:$failed\"; exit 1; }\n"
    "echo \"done$has_address\"\n";

/* An image that was imported and never sealed brings keys of every kind. */
static const char forget_keys_script[] =
    "rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub\n";

/* A server that found no keys when the guest came up. */
static const char restart_script[] =
    "if command -v systemctl >/dev/null; then\n"
    "  for unit in ssh.service sshd.service; do\n"
    "    systemctl -q is-enabled \"$unit\" 2>/dev/null || continue\n"
    "    systemctl restart --no-block \"$unit\"\n"
    "    break\n"
    "  done\n"
    "fi\n"
    "exit 0\n";

/* Units that run already stay as they are. */
static const char resume_script[] =
    "for list in network-units units; do\n"
    "  [ -s /run/berth/$list ] || continue\n"
    "  while read -r unit; do set -- \"$@\" \"$unit\"; done </run/berth/$list\n"
    "done\n"
    "[ $# = 0 ] || systemctl start --no-block \"$@\"\n";

char *
berth_guest_host_name(const char *machine_name)
{
    GString *name = g_string_new(NULL);
    for (const char *p = machine_name; *p != '\0' && name->len < HOST_NAME_CHARS; p++) {
        if (g_ascii_isalnum(*p)) {
            g_string_append_c(name, g_ascii_tolower(*p));
        } else if (name->len > 0 && name->str[name->len - 1] != '-') {
            g_string_append_c(name, '-');
        }
    }
    while (name->len > 0 && name->str[name->len - 1] == '-') {
        g_string_truncate(name, name->len - 1);
    }
    return name->len > 0 ? g_string_free(name, FALSE)
                         : (g_string_free(name, TRUE), g_strdup("desktop"));
}

const char *
berth_guest_freeze_script(void)
{
    return freeze_script;
}

const char *
berth_guest_card_script(void)
{
    return card_script;
}

const char *
berth_guest_resume_script(void)
{
    return resume_script;
}

/* Our own values need no quoting beyond single quotes: none has one in it. */
static void
set(GString *script, const char *name, const char *value)
{
    g_assert(strchr(value, '\'') == NULL);
    g_string_append_printf(script, "%s='%.*s'\n", name, (int)strcspn(value, "\n"), value);
}

static bool
set_key(GString *script, BerthSshKeyKind kind)
{
    char *private = NULL;
    g_autofree char *public = NULL;
    if (!berth_ssh_key_make(kind, &private, &public)) {
        return false;
    }
    g_autofree char *name = g_strconcat(berth_ssh_key_name(kind), "_pub", NULL);
    g_string_append_printf(script, "%s='%s'\n", berth_ssh_key_name(kind), g_strchomp(private));
    set(script, name, public);
    berth_ssh_key_clear(private);
    return true;
}

bool
berth_guest_identity_has_address(const char *out)
{
    return strstr(out, "done with an address") != NULL;
}

bool
berth_guest_identity_lacks_card(const char *out)
{
    return strstr(out, "done without a card") != NULL;
}

/* QEMU's own network is the same for every guest; a bridge's may be anything. */
static void
set_network(GString *script, const BerthVmSpec *spec, bool is_booted)
{
    g_autofree char *mac = berth_qemu_mac_text(spec->mac);
    bool is_known = !is_booted && spec->network.mode == BERTH_NETWORK_USER;
    set(script, "mac", is_booted ? "" : mac);
    set(script, "card_address", is_known ? USER_NETWORK_ADDRESS : "");
    set(script, "gateway", USER_NETWORK_GATEWAY);
    set(script, "has_address", "");
}

char *
berth_guest_identity_script(const BerthVmSpec *spec, int64_t wall_us, bool is_booted)
{
    char machine_id[BERTH_ID_HEX_CHARS + 1];
    char hex[2 * SEED_BYTES + 1];
    uint8_t seed[SEED_BYTES];
    GString *script = g_string_sized_new(sizeof identity_script + 8192); /* never moves */
    g_autofree char *name = berth_guest_host_name(spec->name != NULL ? spec->name : "");
    g_autofree char *clock =
        g_strdup_printf("%" G_GINT64_FORMAT ".%06d", wall_us / 1000000, (int)(wall_us % 1000000));
    berth_random_bytes(seed, sizeof seed);
    berth_hex_format(seed, sizeof seed, hex);
    berth_id_format(&spec->vm_uuid, machine_id);
    set(script, "seed", hex);
    set(script, "clock", clock);
    set(script, "name", name);
    set(script, "machine_id", machine_id);
    set(script, "failed", "");
    set_network(script, spec, is_booted);
    if (!set_key(script, BERTH_SSH_ED25519) || !set_key(script, BERTH_SSH_ECDSA)) {
        berth_ssh_key_clear(g_string_free(script, FALSE));
        return NULL;
    }
    g_string_append(script, is_booted ? MAKE_COOKIES_GOOD : "");
    g_string_append(script, is_booted ? forget_keys_script : "");
    g_string_append(script, identity_script);
    g_string_append(script, is_booted ? restart_script : "");
    return g_string_free(script, FALSE);
}
