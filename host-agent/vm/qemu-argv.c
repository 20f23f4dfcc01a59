/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/qemu-argv.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "host-agent/json-fields.h"

#include <string.h>
#include <sys/un.h>

/* Up to 256 MiB of translated code: by itself QEMU takes 1 GiB, which is all that the VM's memory
 * limit has for QEMU. */
#define TCG "tcg,thread=multi,tb-size=256"

/* Screens that a desktop may have; one that nobody asked for costs nothing. */
#define OUTPUTS 4

typedef struct {
    const BerthQemuPlan *plan;
    GPtrArray *argv;
    GError *error; /* the first mistake */
} Builder;

static void
add(Builder *builder, const char *word)
{
    g_ptr_array_add(builder->argv, g_strdup(word));
}

static void G_GNUC_PRINTF(3, 4)
    add_option(Builder *builder, const char *option, const char *format, ...)
{
    va_list args;
    add(builder, option);
    va_start(args, format);
    g_ptr_array_add(builder->argv, g_strdup_vprintf(format, args));
    va_end(args);
}

static void
fail(Builder *builder, const char *what, const char *value)
{
    if (builder->error == NULL) {
        g_autofree char *shown = g_strescape(value, NULL);
        berth_set_error(&builder->error, BERTH_ERR_INVALID, "%s \"%s\" cannot be given to QEMU",
                        what, shown);
    }
}

/* Doubles commas, which separate the parts of a QEMU option; refuses control characters. */
static char *
escape(Builder *builder, const char *what, const char *value)
{
    GString *out = g_string_new(NULL);
    for (const char *p = value; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            fail(builder, what, value);
        }
        g_string_append_c(out, *p);
        if (*p == ',') {
            g_string_append_c(out, ',');
        }
    }
    return g_string_free(out, FALSE);
}

static char *
escape_path(Builder *builder, const char *what, const char *path)
{
    if (path == NULL || path[0] != '/') {
        fail(builder, what, path != NULL ? path : "");
    }
    return escape(builder, what, path != NULL ? path : "");
}

static char *
uuid_text(const BerthId *id)
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    berth_id_format(id, hex);
    return g_strdup_printf("%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

char *
berth_qemu_mac_text(const uint8_t mac[BERTH_MAC_BYTES])
{
    return g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                           mac[5]);
}

char *
berth_qemu_dup_name(const BerthId *id)
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    berth_id_format(id, hex);
    return g_strconcat("guest=berth-", hex, NULL);
}

static void
add_machine(Builder *builder)
{
    const BerthVmSpec *spec = builder->plan->spec;
    g_autofree char *name = berth_qemu_dup_name(&spec->id);
    g_autofree char *uuid = uuid_text(&spec->vm_uuid);
    bool is_kvm = spec->accel == BERTH_ACCEL_KVM;

    if (spec->machine_type == NULL || !berth_name_is_plain(spec->machine_type)) {
        fail(builder, "machine type", spec->machine_type != NULL ? spec->machine_type : "");
        return;
    }
    add(builder, "-nodefaults");
    add(builder, "-no-user-config");
    add_option(builder, "-name", "%s", name);
    add_option(builder, "-uuid", "%s", uuid);
    add_option(builder, "-machine", "%s,usb=off,vmport=off,memory-backend=ram", spec->machine_type);
    add_option(builder, "-accel", "%s", is_kvm ? "kvm" : TCG);
    add_option(builder, "-cpu", "%s", is_kvm ? "host" : "max");
    add_option(builder, "-smp", "%d", spec->vcpus);
    add_option(builder, "-m", "%dM", spec->memory_mib);
}

static void
add_memory(Builder *builder)
{
    const BerthQemuPlan *plan = builder->plan;
    if (plan->memory == BERTH_MEMORY_PLAIN && plan->has_gpu) {
        add_option(builder, "-object", "memory-backend-memfd,id=ram,size=%dM,share=on",
                   plan->spec->memory_mib);
        return;
    }
    if (plan->memory == BERTH_MEMORY_PLAIN) {
        add_option(builder, "-object", "memory-backend-ram,id=ram,size=%dM",
                   plan->spec->memory_mib);
        return;
    }
    g_autofree char *path = escape_path(builder, "memory file", plan->ram_path);
    add_option(builder, "-object", "memory-backend-file,id=ram,size=%dM,mem-path=%s,share=%s",
               plan->spec->memory_mib, path, plan->memory == BERTH_MEMORY_TEMPLATE ? "on" : "off");
}

static void
add_boot(Builder *builder)
{
    const BerthManifest *manifest = &builder->plan->spec->manifest;
    if (manifest->kernel == NULL) {
        return;
    }
    const char *folder = builder->plan->image_folder;
    g_autofree char *kernel = g_build_filename(folder, manifest->kernel, NULL);
    /* -kernel, -initrd and -append take the rest of the word as it is: no commas to double. */
    add_option(builder, "-kernel", "%s", kernel);
    if (manifest->initrd != NULL) {
        g_autofree char *initrd = g_build_filename(folder, manifest->initrd, NULL);
        add_option(builder, "-initrd", "%s", initrd);
    }
    if (manifest->cmdline != NULL) {
        g_autofree char *checked = escape(builder, "kernel command line", manifest->cmdline);
        add_option(builder, "-append", "%s", manifest->cmdline);
    }
}

static void
add_display_and_input(Builder *builder)
{
    const BerthManifest *manifest = &builder->plan->spec->manifest;
    /* One format, so that nobody has to convert; see host-agent/session/sound-voice.h. */
    add_option(builder, "-audiodev",
               "dbus,id=audio0,out.frequency=48000,out.channels=2,out.format=s16,"
               "in.frequency=48000,in.channels=2,in.format=s16");
    add_option(builder, "-display", "dbus,p2p=yes,audiodev=audio0");
    if (builder->plan->has_gpu) {
        add_option(builder, "-chardev", "socket,id=gpu,fd=%d", BERTH_QEMU_GPU_FD);
        add_option(builder, "-device",
                   "vhost-user-vga,id=video0,chardev=gpu,edid=off,xres=%d,yres=%d", manifest->width,
                   manifest->height);
    } else {
        add_option(builder, "-device", "virtio-vga,id=video0,max_outputs=%d,xres=%d,yres=%d",
                   OUTPUTS, manifest->width, manifest->height);
    }
    add_option(builder, "-device", "virtio-keyboard-pci,id=keyboard0");
    /*
     * No virtio mouse beside the tablet: QEMU sends pointer events to the device that the guest's
     * driver bound last, and absolute positions would be refused.  Relative motion has the PS/2
     * one.
     */
    add_option(builder, "-device", "virtio-tablet-pci,id=tablet0");
    add_option(builder, "-device", "intel-hda,id=sound0");
    add_option(builder, "-device", "hda-duplex,bus=sound0.0,audiodev=audio0");
}

static void
add_socket_chardev(Builder *builder, const char *id, const char *name)
{
    g_autofree char *path = g_build_filename(builder->plan->vm_folder, name, NULL);
    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        fail(builder, "socket path", path);
    }
    g_autofree char *escaped = escape_path(builder, "socket path", path);
    add_option(builder, "-chardev", "socket,id=%s,path=%s,server=on,wait=off", id, escaped);
}

static void
add_channels(Builder *builder)
{
    add_option(builder, "-device", "virtio-serial-pci,id=serial0,max_ports=8");
    add_socket_chardev(builder, "guest-agent", BERTH_GUEST_AGENT_SOCKET);
    add_option(builder, "-device",
               "virtserialport,bus=serial0.0,nr=1,chardev=guest-agent,name=org.qemu.guest_agent.0");
    add_socket_chardev(builder, "vdagent", BERTH_VDAGENT_SOCKET);
    add_option(builder, "-device",
               "virtserialport,bus=serial0.0,nr=2,chardev=vdagent,name=com.redhat.spice.0");
    add_socket_chardev(builder, "berth-agent", BERTH_OWN_AGENT_SOCKET);
    add_option(builder, "-device",
               "virtserialport,bus=serial0.0,nr=3,chardev=berth-agent,name=org.berth.agent.0");
    add_option(builder, "-chardev", "socket,id=qmp,fd=%d,server=on,wait=off",
               BERTH_QEMU_MONITOR_FD);
    add_option(builder, "-mon", "chardev=qmp,mode=control");
}

static void
add_disk(Builder *builder)
{
    if (builder->plan->disk_path == NULL) {
        return;
    }
    g_autofree char *path = escape_path(builder, "disk path", builder->plan->disk_path);
    add_option(builder, "-drive",
               "if=none,id=disk0,format=qcow2,cache=%s,discard=unmap,detect-zeroes=unmap,"
               "file=%s",
               builder->plan->spec->keep ? "writeback" : "unsafe", path);
    add_option(builder, "-device", "virtio-blk-pci,id=blk0,drive=disk0,bootindex=1");
}

static void
add_identity(Builder *builder)
{
    const BerthVmSpec *spec = builder->plan->spec;
    g_autofree char *generation = uuid_text(&spec->vmgenid);
    add_option(builder, "-object", "rng-random,id=rng0,filename=/dev/urandom");
    add_option(builder, "-device", "virtio-rng-pci,id=rngdev0,rng=rng0");
    add_option(builder, "-device", "vmgenid,id=vmgenid0,guid=%s", generation);
    add_option(builder, "-device", "pcie-root-port,id=" BERTH_QEMU_NIC_BUS ",chassis=1,slot=1");
    add_option(builder, "-device", "pcie-root-port,id=rp-spare1,chassis=2,slot=2");
    add_option(builder, "-device", "pcie-root-port,id=rp-spare2,chassis=3,slot=3");
    if (builder->plan->has_card) {
        g_autofree char *mac = berth_qemu_mac_text(spec->mac);
        if (builder->plan->has_tap) {
            add_option(builder, "-netdev", "tap,id=" BERTH_QEMU_NETDEV_ID ",fd=%d",
                       BERTH_QEMU_TAP_FD);
        } else {
            add_option(builder, "-netdev", "user,id=" BERTH_QEMU_NETDEV_ID ",ipv6=off,restrict=%s",
                       builder->plan->is_network_restricted ? "on" : "off");
        }
        add_option(builder, "-device",
                   "virtio-net-pci,id=" BERTH_QEMU_NIC_ID ",bus=" BERTH_QEMU_NIC_BUS
                   ",netdev=" BERTH_QEMU_NETDEV_ID ",mac=%s,romfile=",
                   mac);
    }
}

char **
berth_qemu_argv_build(const BerthQemuPlan *plan, GError **error)
{
    Builder builder = { .plan = plan, .argv = g_ptr_array_new_with_free_func(g_free) };

    add(&builder, plan->qemu_program);
    add_machine(&builder);
    add_memory(&builder);
    add_boot(&builder);
    add_display_and_input(&builder);
    add_channels(&builder);
    add_disk(&builder);
    add_identity(&builder);
    add_option(&builder, "-sandbox",
               "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    if (plan->memory == BERTH_MEMORY_FORK) {
        add_option(&builder, "-incoming", "defer");
    }
    g_ptr_array_add(builder.argv, NULL);
    if (builder.error != NULL) {
        g_propagate_error(error, builder.error);
        g_ptr_array_free(builder.argv, TRUE);
        return NULL;
    }
    return (char **)g_ptr_array_free(builder.argv, FALSE);
}
