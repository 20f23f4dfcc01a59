/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration of berth-agent: file keys, their checks, and the values as C types.
 */
#pragma once

#include "berth/ids.h"
#include "host-agent/vm/host-probe.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct {
    BerthId host_id;
    char *broker, *broker_name;
    char *ca_file, *cert_file, *key_file;
    char *state_dir, *image_dir, *template_dir, *disk_dir;
    char *listen, *advertise; /* advertise is "" to tell the address really listened on */
    char *image_listen;       /* "" for the address of listen and any port */
    char *backup_dir;         /* folder of backups */
    char *session_program, *gpu_program, *thaw_program, *image_sandbox_program;
    char *qemu_program, *qemu_img_program;
    int memory_limit_mib, vcpu_limit, memory_overcommit_pct;
    int template_keep_s;
    json_t *labels; /* texts by name */
    int start_slots;
    int ready_deadline_s;
    int power_off_s;
    BerthAccelPolicy accel;
} BerthAgentConfig;

/* Reads and checks a file; NULL on error (BERTH_ERR_CONFIG and the errors of reading). */
BerthAgentConfig *berth_agent_config_load(const char *path, GError **error);

/* NULL is allowed. */
void berth_agent_config_free(BerthAgentConfig *self);

/* The keys with their documentation as text for --help; free with g_free(). */
char *berth_agent_config_describe(void);
