/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/host-usage.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#define KIB_PER_MIB 1024
#define STAT_BLOCK_BYTES 512
#define MS_PER_S 1000
/* Columns of the line "cpu" of /proc/stat; the fourth and fifth are time without work. */
#define CPU_COLUMNS 8
#define CPU_IDLE 3
#define CPU_IOWAIT 4
/* Fields of /proc/PID/stat after the name in parentheses. */
#define FIELD_UTIME 12
#define FIELD_STIME 13
#define FIELD_RSS 22

struct BerthHostUsage {
    char *disk_folder;
    uint64_t busy, all; /* ticks at the last report */
};

BerthHostUsage *
berth_host_usage_new(const char *disk_folder)
{
    BerthHostUsage *self = g_new0(BerthHostUsage, 1);
    self->disk_folder = g_strdup(disk_folder);
    return self;
}

void
berth_host_usage_free(BerthHostUsage *self)
{
    if (self != NULL) {
        g_free(self->disk_folder);
        g_free(self);
    }
}

bool
berth_usage_read_cpu(const char *text, uint64_t *ret_busy, uint64_t *ret_all)
{
    uint64_t all = 0, idle = 0;
    if (!g_str_has_prefix(text, "cpu ")) {
        return false;
    }
    const char *at = text + strlen("cpu ");
    for (int i = 0; i < CPU_COLUMNS; i++) {
        char *end;
        uint64_t ticks = strtoull(at, &end, 10);
        if (end == at) {
            return false;
        }
        all += ticks;
        idle += i == CPU_IDLE || i == CPU_IOWAIT ? ticks : 0;
        at = end;
    }
    *ret_busy = all - idle;
    *ret_all = all;
    return true;
}

bool
berth_usage_read_process(const char *text, uint64_t *ret_ticks, uint64_t *ret_pages)
{
    const char *at = strrchr(text, ')');
    uint64_t ticks = 0, pages = 0;
    for (int i = 1; at != NULL && i <= FIELD_RSS; i++) {
        at = strchr(at + 1, ' ');
        if (at != NULL && (i == FIELD_UTIME || i == FIELD_STIME)) {
            ticks += strtoull(at, NULL, 10);
        } else if (at != NULL && i == FIELD_RSS) {
            pages = strtoull(at, NULL, 10);
        }
    }
    if (at == NULL) {
        return false;
    }
    *ret_ticks = ticks;
    *ret_pages = pages;
    return true;
}

static void
report_cpu(BerthHostUsage *self, json_t *object)
{
    g_autofree char *text = NULL;
    uint64_t busy, all;
    if (!g_file_get_contents("/proc/stat", &text, NULL, NULL) ||
        !berth_usage_read_cpu(text, &busy, &all)) {
        return;
    }
    if (all > self->all && busy >= self->busy) {
        uint64_t pct = (busy - self->busy) * 100 / (all - self->all);
        json_object_set_new(object, "cpu_pct", json_integer((json_int_t)pct));
    }
    self->busy = busy;
    self->all = all;
}

/* The number after a key of /proc/meminfo, in KiB; 0 without one. */
static int64_t
meminfo_kib(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at != NULL ? strtoll(at + strlen(key), NULL, 10) : 0;
}

static void
report_memory(json_t *object)
{
    g_autofree char *text = NULL;
    if (g_file_get_contents("/proc/meminfo", &text, NULL, NULL)) {
        int64_t kib = meminfo_kib(text, "MemTotal:") - meminfo_kib(text, "MemAvailable:");
        json_object_set_new(object, "memory_used_mib", json_integer(kib / KIB_PER_MIB));
    }
}

json_t *
berth_host_usage_report(BerthHostUsage *self)
{
    json_t *object = json_object();
    struct statvfs space;
    report_cpu(self, object);
    report_memory(object);
    if (statvfs(self->disk_folder, &space) == 0) {
        uint64_t bytes = (uint64_t)space.f_bavail * space.f_frsize;
        json_object_set_new(object, "disk_free_mib", json_integer((json_int_t)(bytes / MIB)));
    }
    return object;
}

static void
report_process(json_t *object, pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;
    uint64_t ticks, pages;
    if (g_file_get_contents(path, &text, NULL, NULL) &&
        berth_usage_read_process(text, &ticks, &pages)) {
        uint64_t ms = ticks * MS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
        uint64_t mib = pages * (uint64_t)sysconf(_SC_PAGESIZE) / MIB;
        json_object_set_new(object, "cpu_ms", json_integer((json_int_t)ms));
        json_object_set_new(object, "memory_mib", json_integer((json_int_t)mib));
    }
}

/* The host's side sends what the guest receives. */
static void
report_traffic(json_t *object, const char *interface, const char *file, const char *key)
{
    g_autofree char *path = g_build_filename("/sys/class/net", interface, "statistics", file, NULL);
    g_autofree char *text = NULL;
    if (g_file_get_contents(path, &text, NULL, NULL)) {
        json_object_set_new(object, key,
                            json_integer((json_int_t)(strtoull(text, NULL, 10) / MIB)));
    }
}

json_t *
berth_machine_usage_report(pid_t pid, const char *disk_path, const char *interface)
{
    json_t *object = json_object();
    struct stat info;
    if (pid > 0) {
        report_process(object, pid);
    }
    if (disk_path != NULL && stat(disk_path, &info) == 0) {
        json_object_set_new(object, "disk_mib",
                            json_integer((json_int_t)info.st_blocks * STAT_BLOCK_BYTES / MIB));
    }
    if (interface != NULL) {
        report_traffic(object, interface, "tx_bytes", "net_rx_mib");
        report_traffic(object, interface, "rx_bytes", "net_tx_mib");
    }
    return object;
}

static int64_t
rollup_kib(const char *text, const char *key)
{
    const char *line = strstr(text, key);
    return line != NULL ? g_ascii_strtoll(line + strlen(key), NULL, 10) : 0;
}

int
berth_process_get_private_mib(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps_rollup", (int)pid);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return 0;
    }
    int64_t kib = rollup_kib(text, "\nPrivate_Dirty:") + rollup_kib(text, "\nSwapPss:");
    return (int)((kib + 1023) / 1024);
}
