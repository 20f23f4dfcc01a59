/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/host-probe.h"

#include "base/error.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/child.h"

#include <string.h>

#define ASK_TIMEOUT_MS 20000
/* With a KVM that works the firmware reaches the boot sector in a fraction of a second. */
#define KVM_TIMEOUT_MS 3000
#define BOOT_SECTOR_BYTES 512
/* isa-debug-exit ends QEMU with (value << 1) | 1. */
#define EXIT_VALUE 0x10
#define EXIT_STATUS ((EXIT_VALUE << 1) | 1)

struct BerthHostProbe {
    BerthPoller *poller;
    char *qemu_program;
    char *boot_sector_path;
    BerthAccelPolicy policy;
    BerthHostFacts facts;
    BerthChild *child;
    BerthHostProbeDone done;
    void *user_data;
};

/* Machine types whose device layout the tests have seen, newest first. */
static const char *const known_machines[] = {
    "pc-q35-7.2", "pc-q35-8.2", "pc-q35-8.0", "pc-q35-7.1", "pc-q35-7.0", "pc-q35-6.2",
};

int
berth_host_probe_read_version(const char *output, char *ret, size_t cap)
{
    static const char prefix[] = "QEMU emulator version ";
    const char *start = g_str_has_prefix(output, prefix) ? output + strlen(prefix) : NULL;
    size_t len = start != NULL ? strspn(start, "0123456789.") : 0;
    if (len == 0 || len >= cap) {
        return BERTH_ERR_PROTOCOL;
    }
    memcpy(ret, start, len);
    ret[len] = '\0';
    return BERTH_OK;
}

static bool
has_machine(const char *output, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = output; line != NULL && *line != '\0';) {
        if (strncmp(line, name, len) == 0 && line[len] == ' ') {
            return true;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return false;
}

int
berth_host_probe_choose_machine(const char *output, char *ret, size_t cap)
{
    for (size_t i = 0; i < G_N_ELEMENTS(known_machines); i++) {
        if (has_machine(output, known_machines[i])) {
            g_strlcpy(ret, known_machines[i], cap);
            return BERTH_OK;
        }
    }
    return BERTH_ERR_UNSUPPORTED;
}

static void
finish(BerthHostProbe *self, const BerthHostFacts *facts, const GError *error)
{
    self->child = NULL;
    self->done(facts, error, self->user_data);
}

static void
finish_with_error(BerthHostProbe *self, int code, const char *what, const char *output)
{
    GError *error = NULL;
    g_autofree char *line = g_strndup(output, strcspn(output, "\n"));
    berth_set_error(&error, code, "%s: %s", what, line);
    finish(self, NULL, error);
    g_error_free(error);
}

static void
run(BerthHostProbe *self, const char *const *argv, int timeout_ms, BerthChildDone done)
{
    GError *error = NULL;
    self->child = berth_child_run(self->poller, argv, timeout_ms, done, self, &error);
    if (self->child == NULL) {
        finish(self, NULL, error);
        g_error_free(error);
    }
}

static void
on_kvm_tried(int status, const char *output, void *user_data)
{
    BerthHostProbe *self = user_data;
    if (status == EXIT_STATUS) {
        self->facts.accel = BERTH_ACCEL_KVM;
    } else if (self->policy == BERTH_ACCEL_POLICY_KVM) {
        finish_with_error(self, BERTH_ERR_UNSUPPORTED, "KVM does not run a guest here", output);
        return;
    } else {
        g_autofree char *line = g_strndup(output, strcspn(output, "\n"));
        berth_log_warning("accel",
                          "KVM does not run a guest on this host (%s): desktops are emulated by "
                          "TCG and are many times slower",
                          line[0] != '\0' ? line : "no answer");
    }
    finish(self, &self->facts, NULL);
}

static void
try_kvm(BerthHostProbe *self)
{
    /* mov al, EXIT_VALUE; out 0xf4, al; hlt */
    char sector[BOOT_SECTOR_BYTES] = { (char)0xb0, EXIT_VALUE, (char)0xe6, (char)0xf4, (char)0xf4 };
    sector[BOOT_SECTOR_BYTES - 2] = 0x55;
    sector[BOOT_SECTOR_BYTES - 1] = (char)0xaa;
    if (!g_file_set_contents(self->boot_sector_path, sector, sizeof sector, NULL)) {
        on_kvm_tried(-1, "the boot sector cannot be written", self);
        return;
    }
    g_autofree char *drive =
        g_strdup_printf("if=floppy,format=raw,readonly=on,file=%s", self->boot_sector_path);
    const char *const argv[] = { self->qemu_program,
                                 "-nodefaults",
                                 "-no-user-config",
                                 "-machine",
                                 "pc",
                                 "-accel",
                                 "kvm",
                                 "-m",
                                 "16M",
                                 "-display",
                                 "none",
                                 "-drive",
                                 drive,
                                 "-device",
                                 "isa-debug-exit,iobase=0xf4,iosize=0x04",
                                 NULL };
    run(self, argv, KVM_TIMEOUT_MS, on_kvm_tried);
}

static void
on_machines(int status, const char *output, void *user_data)
{
    BerthHostProbe *self = user_data;
    int code = berth_host_probe_choose_machine(output, self->facts.machine_type,
                                               sizeof self->facts.machine_type);
    if (status != 0 || code != BERTH_OK) {
        finish_with_error(self, BERTH_ERR_UNSUPPORTED, "QEMU has no machine type that we know",
                          output);
    } else if (self->policy == BERTH_ACCEL_POLICY_TCG) {
        finish(self, &self->facts, NULL);
    } else {
        try_kvm(self);
    }
}

static void
on_version(int status, const char *output, void *user_data)
{
    BerthHostProbe *self = user_data;
    int code = berth_host_probe_read_version(output, self->facts.qemu_version,
                                             sizeof self->facts.qemu_version);
    if (status != 0 || code != BERTH_OK) {
        finish_with_error(self, BERTH_ERR_UNSUPPORTED, "QEMU does not tell its version", output);
        return;
    }
    const char *const argv[] = { self->qemu_program, "-machine", "help", NULL };
    run(self, argv, ASK_TIMEOUT_MS, on_machines);
}

static gboolean
on_start(gpointer user_data)
{
    BerthHostProbe *self = user_data;
    const char *const argv[] = { self->qemu_program, "-version", NULL };
    run(self, argv, ASK_TIMEOUT_MS, on_version);
    return G_SOURCE_REMOVE;
}

BerthHostProbe *
berth_host_probe_new(BerthPoller *poller, const char *qemu_program, const char *work_folder,
                     BerthAccelPolicy policy, BerthHostProbeDone done, void *user_data)
{
    BerthHostProbe *self = g_new0(BerthHostProbe, 1);
    self->poller = poller;
    self->qemu_program = g_strdup(qemu_program);
    self->boot_sector_path = g_build_filename(work_folder, "kvm-probe.img", NULL);
    self->policy = policy;
    self->facts.accel = BERTH_ACCEL_TCG;
    self->done = done;
    self->user_data = user_data;
    g_idle_add(on_start, self);
    return self;
}

void
berth_host_probe_free(BerthHostProbe *self)
{
    if (self == NULL) {
        return;
    }
    g_idle_remove_by_data(self);
    berth_child_cancel(self->child);
    g_free(self->qemu_program);
    g_free(self->boot_sector_path);
    g_free(self);
}

/* The value of the first line that begins with this key, "" if there is none; for g_free(). */
static char *
dup_cpuinfo_value(const char *text, const char *key)
{
    const char *line = strstr(text, key);
    const char *colon = line != NULL ? strchr(line, ':') : NULL;
    return colon != NULL ? g_strstrip(g_strndup(colon + 1, strcspn(colon + 1, "\n")))
                         : g_strdup("");
}

char *
berth_processor_dup_model(void)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL)) {
        return g_strdup("");
    }
    g_autofree char *model = dup_cpuinfo_value(text, "model name");
    g_autofree char *flags = dup_cpuinfo_value(text, "flags");
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, flags, -1);
    return g_strdup_printf("%s, flags %.8s", model, digest);
}
