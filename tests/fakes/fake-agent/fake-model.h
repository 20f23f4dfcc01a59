/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machines and sessions of one pretended host: what a real agent would make of a desired state,
 * with delays instead of QEMU.
 *
 * Behaves as docs/PROTOCOL-CONTROL.md sections 3 and 4 ask of an agent; tests/component/
 * test_agent_contract.py holds it and the real agent to the same.  Pure but for random ids.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct FakeModel FakeModel;

/* Told of each machine whose wanted epoch or power is new. */
typedef void (*FakeModelNews)(const char *machine, int64_t epoch, const char *want,
                              void *user_data);

typedef struct {
    int64_t delay_us; /* from creating to starting, and again to ready */
    bool is_manual;   /* machines stay as they are until they are set */
    FakeModelNews news;
    void *user_data;
} FakeModelConfig;

/* A host without machines; config is copied. */
FakeModel *fake_model_new(const FakeModelConfig *config);

/* Forgets all. */
void fake_model_free(FakeModel *model);

/* Moves towards a desired state; in safe mode nothing that is not listed goes. */
void fake_model_converge(FakeModel *model, const json_t *desired, bool is_safe_mode,
                         int64_t now_us);

/* Lets time pass.  Returns true if something changed by it. */
bool fake_model_tick(FakeModel *model, int64_t now_us);

/* Whether something changed since the last call. */
bool fake_model_take_changed(FakeModel *model);

/* {"machines": [...], "sessions": [...]}, as an inventory has it; a new reference. */
json_t *fake_model_report(const FakeModel *model);

/* The same with all that a restarted agent has to know; and back. */
json_t *fake_model_save(const FakeModel *model);

/* Takes over what was saved; ids that are here already are replaced. */
void fake_model_load(FakeModel *model, const json_t *saved);

/* Overwrites keys of a machine or a session; false if there is none. */
bool fake_model_set_machine(FakeModel *model, const char *id, const json_t *keys);

/* The same for a session. */
bool fake_model_set_session(FakeModel *model, const char *id, const json_t *keys);

/* A client comes to a session, or to all that listen if id is NULL.  Returns how many. */
int fake_model_connect(FakeModel *model, const char *id);
