/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What to do about one machine, given what the broker wants and what runs here.  Pure.
 *
 * Rules: a higher wanted epoch recycles, a lower one is an old message and changes nothing; what is
 * listed as absent goes at once; what is not listed goes only with our cluster's id, when it was
 * missing from two messages at least BERTH_ABSENCE_US apart, is not kept for somebody, and the
 * broker is not in safe mode; starts are bounded by slots and memory.  A machine that is wanted
 * off has its disk made and nothing more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A broker that lost rows, or is being restored, has this long to list a machine again. */
#define BERTH_ABSENCE_US (300LL * 1000 * 1000)

typedef enum {
    BERTH_PLAN_KEEP,
    BERTH_PLAN_START,     /* make it */
    BERTH_PLAN_STOP,      /* end and remove it; a later plan may start it again */
    BERTH_PLAN_WAIT_SLOT, /* wanted, but enough machines are starting */
    BERTH_PLAN_NO_MEMORY, /* wanted, but the host's memory is given away */
    BERTH_PLAN_MAKE_OFF,  /* make it without starting it */
    BERTH_PLAN_POWER_OFF, /* shut it down, keep its disk */
    BERTH_PLAN_POWER_ON,  /* start what is stopped */
    BERTH_PLAN_NO_DISK,   /* wanted with a disk that is not here: no other is made */
    BERTH_PLAN_STALE,     /* what is wanted is older than what runs: an old message */
} BerthPlan;

typedef struct {
    bool is_listed;
    bool want_absent;
    bool is_broken;
    bool is_wanted_off;
    bool needs_its_disk; /* it is kept, and its disk of that epoch was made already */
    uint64_t epoch;
    int memory_mib;
} BerthWantedFacts;

typedef enum {
    BERTH_RUNS_CHANGING, /* on its way between the others: wait */
    BERTH_RUNS_ON,
    BERTH_RUNS_OFF,
    BERTH_RUNS_FAILED,
} BerthRuns;

typedef struct {
    bool exists;
    bool is_ours; /* carries the id of the broker's cluster */
    bool is_kept; /* its disk is somebody's */
    BerthRuns runs;
    uint64_t epoch;
    int64_t absent_since_us; /* first message that did not list it; 0: the last one did */
} BerthRunningFacts;

typedef struct {
    int n_free_slots;
    int free_memory_mib; /* may be negative */
    int64_t wanted_us;   /* when the last message of the broker arrived: silence ripens nothing */
    bool is_safe_mode;   /* the broker was restored: what it does not know is not destroyed */
} BerthHostRoom;

/* Decides. */
BerthPlan berth_machine_plan(const BerthWantedFacts *wanted, const BerthRunningFacts *running,
                             const BerthHostRoom *room);

/*
 * Microseconds to wait before a kept machine whose QEMU ended by itself is started again.
 *
 * n_before:  ends before this one that came soon after their start
 */
int64_t berth_machine_restart_delay_us(int n_before);

/* New value of absent_since_us after a desired message arrived. */
int64_t berth_machine_absence(bool is_listed, int64_t absent_since_us, int64_t now_us);
