/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random pools, users, hosts, faults and administrators around a rollout.  Whatever happens:
 *
 * - in a canary never more machines than canaries are on the new version, or come back on it,
 * - never more machines that would serve someone are away at once than may be,
 * - nobody in a session is touched, but by force,
 * - what holds data, or is held back, is never touched,
 * - when users go home and nothing fails any more, the run ends or rests paused.
 */
#include "../unit/testing.h"
#include "random.h"

#include "broker/rollout-plan.h"
#include "broker/version-choice.h"

#define N_RUNS 2000
#define N_STEPS 120
#define N_LAST_STEPS 400
#define MAX_MACHINES 24

typedef struct {
    bool was_taken; /* from users, by the plan, and is not back */
} Extra;

typedef struct {
    Random random;
    BerthRolloutInput input;
    BerthRolloutMachine machines[MAX_MACHINES];
    Extra extras[MAX_MACHINES];
    char ids[MAX_MACHINES][4];
    int n_machines;
    BerthRolloutState paused_from;
    bool is_calm; /* nothing fails and users only go */
} World;

static bool
chance(World *world, int percent)
{
    return random_int(&world->random, 1, 100) <= percent;
}

static void
make_world(World *world, uint64_t seed)
{
    *world = (World){ .random = { seed } };
    world->n_machines = random_int(&world->random, 0, MAX_MACHINES);
    world->input = (BerthRolloutInput){
        .state = BERTH_ROLLOUT_PLANNED,
        .strategy = (BerthStrategy)random_int(&world->random, 0, BERTH_N_STRATEGIES - 1),
        .n_canary = random_int(&world->random, 0, 3),
        .batch = random_int(&world->random, 0, 4),
        .max_unavailable = random_int(&world->random, 0, 4),
        .is_pausing = chance(world, 30),
        .sentence = "",
    };
    for (int i = 0; i < world->n_machines; i++) {
        BerthRolloutMachine *machine = &world->machines[i];
        g_snprintf(world->ids[i], sizeof world->ids[i], "%d", i);
        *machine = (BerthRolloutMachine){ .id = world->ids[i],
                                          .host = "alpha",
                                          .state = BERTH_MACHINE_READY,
                                          .is_kept = chance(world, 5),
                                          .is_held = chance(world, 5),
                                          .is_prepared = chance(world, 50) };
    }
}

/* As the store does it: the version is chosen when a machine is recycled. */
static void
recycle(World *world, int i)
{
    BerthRolloutMachine *machine = &world->machines[i];
    const BerthVersionFacts facts = { .pool_version = "from",
                                      .has_rollout = true,
                                      .state = world->input.state,
                                      .from = "from",
                                      .to = "to",
                                      .own = machine->side == BERTH_SIDE_TO ? "to" : "from",
                                      .is_canary = machine->is_canary };
    if (machine->is_prepared) {
        machine->side = berth_version_wanted(&facts)[0] == 't' ? BERTH_SIDE_TO : BERTH_SIDE_FROM;
    }
    machine->state = BERTH_MACHINE_RECYCLING;
    machine->is_owned = false;
    machine->is_in_session = false;
    machine->is_warned = false;
}

/* Users, guests and hosts do what they like. */
static void
live(World *world, int i)
{
    BerthRolloutMachine *machine = &world->machines[i];
    switch (machine->state) {
    case BERTH_MACHINE_RECYCLING:
        machine->state = BERTH_MACHINE_STARTING;
        break;
    case BERTH_MACHINE_STARTING:
        machine->state =
            !world->is_calm && chance(world, 10) ? BERTH_MACHINE_FAILED : BERTH_MACHINE_READY;
        world->extras[i].was_taken &= machine->state != BERTH_MACHINE_READY;
        break;
    case BERTH_MACHINE_FAILED:
        recycle(world, i);
        break;
    case BERTH_MACHINE_READY:
        if (!world->is_calm && chance(world, 30)) {
            machine->state = BERTH_MACHINE_ASSIGNED;
            machine->is_owned = true;
            machine->is_in_session = true;
        }
        break;
    case BERTH_MACHINE_ASSIGNED:
        if (machine->is_in_session && chance(world, 20)) {
            machine->is_in_session = false;
        } else if (!machine->is_in_session && !machine->is_kept && chance(world, 60)) {
            recycle(world, i);
        }
        break;
    default:
        break;
    }
}

/* Administrators; what the table does not know is refused. */
static void
command(World *world)
{
    static const BerthRolloutEvent events[] = {
        BERTH_ROLLOUT_EVENT_PAUSE,          BERTH_ROLLOUT_EVENT_PASSED,
        BERTH_ROLLOUT_EVENT_ROLL_BACK,      BERTH_ROLLOUT_EVENT_RESUME_CANARY,
        BERTH_ROLLOUT_EVENT_RESUME_ROLLING,
    };
    BerthRolloutEvent event = events[random_int(&world->random, 0, G_N_ELEMENTS(events) - 1)];
    int from = (int)world->input.state;
    int to = from;
    bool is_resume = from == BERTH_ROLLOUT_PAUSED && event != BERTH_ROLLOUT_EVENT_ROLL_BACK;
    if (from == BERTH_ROLLOUT_DONE ||
        berth_fsm_step(&berth_rollout_fsm, &to, (int)event, NULL) != BERTH_OK ||
        (is_resume && to != (int)world->paused_from)) {
        return;
    }
    world->paused_from = (BerthRolloutState)from;
    world->input.state = (BerthRolloutState)to;
}

static void
step(World *world, BerthRolloutEvent event)
{
    int state = (int)world->input.state;
    world->paused_from = world->input.state;
    assert_int_equal(berth_fsm_step(&berth_rollout_fsm, &state, (int)event, NULL), BERTH_OK);
    world->input.state = (BerthRolloutState)state;
    world->input.deadline_us = 0;
}

static bool
serves(const BerthRolloutMachine *machine)
{
    return machine->state == BERTH_MACHINE_READY || machine->state == BERTH_MACHINE_STOPPED;
}

static void
take(World *world, const BerthRolloutAction *action)
{
    int i = (int)g_ascii_strtoll(action->id, NULL, 10);
    BerthRolloutMachine *machine = &world->machines[i];
    assert_false(machine->is_kept);
    assert_false(machine->is_held);
    if (action->kind == BERTH_ROLLOUT_DO_WARN) {
        assert_int_equal(world->input.strategy, BERTH_STRATEGY_FORCE);
        assert_true(machine->is_in_session);
        assert_false(machine->is_warned);
        machine->is_warned = true;
        return;
    }
    assert_false(machine->is_in_session);
    machine->is_canary |= action->is_canary;
    world->extras[i].was_taken |= serves(machine);
    recycle(world, i);
}

/* It failed on the old version: the way back does not wait for it. */
static bool
is_given_up(const World *world, const BerthRolloutMachine *machine)
{
    return machine->state == BERTH_MACHINE_FAILED && machine->side == BERTH_SIDE_FROM &&
           world->input.state == BERTH_ROLLOUT_ROLLING_BACK;
}

static void
check(World *world)
{
    int n_new = 0;
    int n_away = 0;
    for (int i = 0; i < world->n_machines; i++) {
        n_new += world->machines[i].side == BERTH_SIDE_TO ? 1 : 0;
        world->extras[i].was_taken &= !is_given_up(world, &world->machines[i]);
        n_away += world->extras[i].was_taken ? 1 : 0;
    }
    int most = world->input.max_unavailable > 0 ? (int)world->input.max_unavailable
                                                : MAX(world->n_machines / 4, 1);
    assert_true(n_away <= most);
    if (world->input.state == BERTH_ROLLOUT_CANARY || world->input.state == BERTH_ROLLOUT_PLANNED) {
        assert_true(n_new <= world->input.n_canary);
    }
}

static void
turn(World *world)
{
    world->input.now_us++;
    g_auto(BerthRolloutPlan) plan =
        berth_rollout_plan(&world->input, world->machines, (size_t)world->n_machines);
    for (guint i = 0; i < plan.actions->len; i++) {
        const BerthRolloutAction *action = &g_array_index(plan.actions, BerthRolloutAction, i);
        if (action->kind == BERTH_ROLLOUT_DO_STEP) {
            assert_int_equal(plan.actions->len, 1);
            step(world, action->event);
        } else {
            take(world, action);
        }
        check(world);
    }
}

static void
change_the_weather(World *world)
{
    world->input.is_window_open = world->is_calm || chance(world, 50);
    world->input.verdict =
        world->is_calm ? BERTH_GATE_PASS
                       : (BerthGateVerdict)(chance(world, 3) ? BERTH_GATE_FAIL : chance(world, 20));
    world->input.deadline_us = !world->is_calm && chance(world, 1) ? world->input.now_us : 0;
    for (int i = 0; i < world->n_machines; i++) {
        world->machines[i].is_prepared |= world->is_calm || chance(world, 10);
    }
}

static bool
is_over(const World *world)
{
    switch (world->input.state) {
    case BERTH_ROLLOUT_PAUSED:
    case BERTH_ROLLOUT_DONE:
    case BERTH_ROLLOUT_ROLLED_BACK:
        return true;
    default:
        return false;
    }
}

static void
run(World *world)
{
    for (int i = 0; i < N_STEPS + N_LAST_STEPS; i++) {
        world->is_calm = i >= N_STEPS;
        change_the_weather(world);
        if (!world->is_calm && chance(world, 4)) {
            command(world);
        }
        for (int j = 0; j < world->n_machines; j++) {
            live(world, j);
        }
        check(world);
        turn(world);
        if (world->is_calm && is_over(world)) {
            return;
        }
    }
    fail_msg("the run rests in \"%s\"",
             berth_fsm_state_name(&berth_rollout_fsm, (int)world->input.state));
}

static void
rollouts_keep_their_promises(void **state)
{
    (void)state;
    uint64_t seed = random_choose_seed();
    for (uint64_t i = 0; i < N_RUNS; i++) {
        World world;
        make_world(&world, seed + i);
        run(&world);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rollouts_keep_their_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
