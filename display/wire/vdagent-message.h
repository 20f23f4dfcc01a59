/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages between a session and an agent in the guest: values to chunks, and bodies to values.
 *
 * Writers append whole messages, cut into chunks as small as the guest takes them.  Readers refuse
 * what is too short; what a newer agent appends is ignored.
 *
 * Pure.  Errors of readers: BERTH_ERR_TRUNCATED, BERTH_ERR_PROTOCOL.  Source: spice/vd_agent.h.
 */
#pragma once

#include "base/bytes-writer.h"
#include "berth/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that one message of so many takes on the port, with all its heads. */
size_t berth_vdagent_get_wire_bytes(size_t body_bytes);

/* A message of any type; its body is made elsewhere. */
void berth_vdagent_write_body(BerthWriter *writer, uint32_t type, const uint8_t *body, size_t len);

/* Bits of the capabilities that we act on; what an agent can do. */
typedef struct {
    bool wants_answer; /* it asks for ours */
    uint32_t bits;     /* 1 << VD_AGENT_CAP_* */
} BerthVdagentCaps;

typedef struct {
    uint8_t selection; /* any number */
    uint32_t serial;   /* 0 if the agent sends none */
    uint32_t types;    /* 1 << VD_AGENT_CLIPBOARD_*, of those below 32 */
} BerthVdagentGrab;

/* REQUEST, RELEASE (without type) and contents. */
typedef struct {
    uint8_t selection;
    uint32_t type;       /* VD_AGENT_CLIPBOARD_*, or any other number */
    const uint8_t *data; /* borrowed */
    size_t len;
} BerthVdagentClip;

typedef struct {
    uint32_t id;
    uint32_t result; /* VD_AGENT_FILE_XFER_STATUS_*, or any other number */
} BerthVdagentFileStatus;

typedef struct {
    uint32_t x, y, w, h; /* pixels; w 0: switched off */
} BerthVdagentMonitor;

/* What a session announces to the agent of the SPICE project. */
extern const uint32_t berth_vdagent_session_caps;

/* What we can do; wants_answer makes the other side begin anew and answer with what it can do. */
void berth_vdagent_write_caps(BerthWriter *writer, uint32_t bits, bool wants_answer);
int berth_vdagent_read_caps(const uint8_t *data, size_t len, BerthVdagentCaps *ret);

/* caps: of the agent; they decide on the layout of all messages about the clipboard. */
void berth_vdagent_write_grab(BerthWriter *writer, uint32_t caps, const BerthVdagentGrab *grab);
int berth_vdagent_read_grab(const uint8_t *data, size_t len, uint32_t caps, BerthVdagentGrab *ret);

/* Asks for a content: selection and type. */
void berth_vdagent_write_request(BerthWriter *writer, uint32_t caps, const BerthVdagentClip *clip);

/* Says that a clipboard that was grabbed is nobody's. */
void berth_vdagent_write_release(BerthWriter *writer, uint32_t caps, uint8_t selection);

/* A content; len 0: an empty one. */
void berth_vdagent_write_content(BerthWriter *writer, uint32_t caps, const BerthVdagentClip *clip);

/* Reads REQUEST or a content. */
int berth_vdagent_read_clip(const uint8_t *data, size_t len, uint32_t caps, BerthVdagentClip *ret);
int berth_vdagent_read_release(const uint8_t *data, size_t len, uint32_t caps, uint8_t *ret);

/* name: of a file, UTF-8 without control characters. */
void berth_vdagent_write_file_start(BerthWriter *writer, uint32_t id, const char *name,
                                    uint64_t size_bytes);
void berth_vdagent_write_file_data(BerthWriter *writer, uint32_t id, const uint8_t *data,
                                   size_t len);
void berth_vdagent_write_file_cancel(BerthWriter *writer, uint32_t id);
int berth_vdagent_read_file_status(const uint8_t *data, size_t len, BerthVdagentFileStatus *ret);

/* The monitors that the desktop should have, in the order of the heads. */
void berth_vdagent_write_monitors(BerthWriter *writer, uint32_t caps,
                                  const BerthVdagentMonitor *monitors, unsigned n_monitors);

/* How loud the desktop plays, 0..100 on all its channels, where the agent sets volumes. */
void berth_vdagent_write_volume(BerthWriter *writer, unsigned percent, bool is_muted);

/* The last client has gone. */
void berth_vdagent_write_disconnected(BerthWriter *writer);

/* Whether a bit of capabilities is set.  cap: VD_AGENT_CAP_*. */
static inline bool
berth_vdagent_has(uint32_t caps, unsigned cap)
{
    return caps >> cap & 1;
}
