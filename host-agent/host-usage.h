/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What this host and the processes of its machines use, from /proc.  Thread: main.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct BerthHostUsage BerthHostUsage;

/* disk_folder: whose file system's space counts; copied. */
BerthHostUsage *berth_host_usage_new(const char *disk_folder);

/* NULL is allowed. */
void berth_host_usage_free(BerthHostUsage *self);

/*
 * {"cpu_pct", "memory_used_mib", "disk_free_mib"} as a new object; the processors' load is that
 * since the call before.
 */
json_t *berth_host_usage_report(BerthHostUsage *self);

/*
 * {"cpu_ms", "memory_mib", "disk_mib", "net_rx_mib", "net_tx_mib"} of one machine as a new object;
 * what cannot be known is left out.
 *
 * pid:        of its QEMU; 0: none
 * disk_path:  its overlay; NULL: none
 * interface:  its port on a bridge; NULL: none
 */
json_t *berth_machine_usage_report(pid_t pid, const char *disk_path, const char *interface);

/* Reads busy and all ticks from the first line of /proc/stat.  Pure. */
bool berth_usage_read_cpu(const char *text, uint64_t *ret_busy, uint64_t *ret_all);

/* Reads a process's processor ticks and resident pages from its /proc/PID/stat.  Pure. */
bool berth_usage_read_process(const char *text, uint64_t *ret_ticks, uint64_t *ret_pages);

/*
 * MiB that a process alone uses: of a fork not what it shares with its template; 0 if it is gone.
 * Costs about a millisecond for each GiB.
 */
int berth_process_get_private_mib(pid_t pid);
