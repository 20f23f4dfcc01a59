/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "guest-agent/key-plan.h"

#include <glib.h>

/* A keyboard of five keys: a/A, 1/!, one with an odd symbol, two free ones. */
#define FIRST 10
#define N_KEYS 5
#define S_US 1000000LL

typedef struct {
    uint32_t symbols[N_KEYS * 2];
    BerthKeyMapView view;
    BerthKeyPlan *plan;
} Fixture;

static int
set_up(void **state)
{
    static Fixture fixture;

    fixture = (Fixture){ .symbols = { 'a', 'A', '1', '!', 0xffe1, 0, 0, 0, 0, 0 } };
    fixture.view = (BerthKeyMapView){ FIRST, N_KEYS, 2, fixture.symbols, true };
    fixture.plan = berth_key_plan_new();
    *state = &fixture;
    return 0;
}

static int
tear_down(void **state)
{
    berth_key_plan_free(((Fixture *)*state)->plan);
    return 0;
}

/* As the X server does when a key is given a symbol. */
static BerthKeyAnswer
find(Fixture *fixture, uint32_t character, int64_t now_us, BerthKeyStroke *ret)
{
    BerthKeyAnswer answer = berth_key_plan_find(fixture->plan, &fixture->view,
                                                berth_key_symbol(character), now_us, ret);

    if (answer == BERTH_KEY_FOUND && ret->is_new) {
        fixture->symbols[(ret->code - FIRST) * 2] = ret->symbol;
        fixture->symbols[(ret->code - FIRST) * 2 + 1] = ret->symbol;
    }
    return answer;
}

static void
characters_have_symbols(void **state)
{
    assert_int_equal(berth_key_symbol('a'), 'a');
    assert_int_equal(berth_key_symbol(0xfc), 0xfc);
    assert_int_equal(berth_key_symbol(0x20ac), 0x010020ac);
    assert_int_equal(berth_key_symbol(0x1f600), 0x0101f600);
}

static void
keys_of_the_layout_are_used_as_they_are(void **state)
{
    BerthKeyStroke stroke;

    assert_int_equal(find(*state, 'a', S_US, &stroke), BERTH_KEY_FOUND);
    assert_int_equal(stroke.code, FIRST);
    assert_false(stroke.needs_shift || stroke.is_new);
    assert_int_equal(find(*state, '!', S_US, &stroke), BERTH_KEY_FOUND);
    assert_int_equal(stroke.code, FIRST + 1);
    assert_true(stroke.needs_shift && !stroke.is_new);
}

static void
free_keys_are_given_what_no_key_has(void **state)
{
    BerthKeyStroke first, again, second;

    assert_int_equal(find(*state, 0x20ac, S_US, &first), BERTH_KEY_FOUND);
    assert_true(first.is_new && !first.needs_shift && first.code >= FIRST + 3);
    assert_int_equal(find(*state, 0x20ac, S_US, &again), BERTH_KEY_FOUND);
    assert_false(again.is_new);
    assert_int_equal(again.code, first.code);
    assert_int_equal(find(*state, 0x3042, S_US, &second), BERTH_KEY_FOUND);
    assert_int_not_equal(second.code, first.code);
}

static void
a_key_is_given_another_symbol_only_when_it_was_left_alone(void **state)
{
    BerthKeyStroke first, second, third;

    assert_int_equal(find(*state, 0x3041, S_US, &first), BERTH_KEY_FOUND);
    assert_int_equal(find(*state, 0x3042, S_US + 100, &second), BERTH_KEY_FOUND);
    assert_int_equal(find(*state, 0x3043, S_US + 200, &third), BERTH_KEY_WAIT);
    /* The first is used again, so the second is the older one. */
    assert_int_equal(find(*state, 0x3041, S_US + 300, &third), BERTH_KEY_FOUND);
    assert_int_equal(find(*state, 0x3043, 2 * S_US, &third), BERTH_KEY_FOUND);
    assert_int_equal(third.code, second.code);
    assert_true(third.is_new);
}

static void
another_layout_takes_back_what_keys_were_given(void **state)
{
    Fixture *fixture = *state;
    BerthKeyStroke first, again;

    assert_int_equal(find(fixture, 0x20ac, S_US, &first), BERTH_KEY_FOUND);
    fixture->symbols[(first.code - FIRST) * 2] = 0;
    fixture->symbols[(first.code - FIRST) * 2 + 1] = 0;
    assert_int_equal(find(fixture, 0x20ac, 2 * S_US, &again), BERTH_KEY_FOUND);
    assert_true(again.is_new);
}

static void
in_another_group_only_given_keys_are_used(void **state)
{
    Fixture *fixture = *state;
    BerthKeyStroke stroke;

    fixture->view.is_plain = false;
    assert_int_equal(find(fixture, 'a', S_US, &stroke), BERTH_KEY_FOUND);
    assert_true(stroke.is_new && stroke.code >= FIRST + 3);
    assert_int_equal(find(fixture, 'a', S_US, &stroke), BERTH_KEY_FOUND);
    assert_false(stroke.is_new);
}

static void
a_keyboard_without_free_keys_says_so(void **state)
{
    Fixture *fixture = *state;
    BerthKeyStroke stroke;

    fixture->view.n_codes = 3;
    assert_int_equal(find(fixture, 0x20ac, S_US, &stroke), BERTH_KEY_NONE);
    fixture->view.n_codes = 0;
    assert_int_equal(find(fixture, 'a', S_US, &stroke), BERTH_KEY_NONE);
}

int
main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(characters_have_symbols),
        ROW(keys_of_the_layout_are_used_as_they_are),
        ROW(free_keys_are_given_what_no_key_has),
        ROW(a_key_is_given_another_symbol_only_when_it_was_left_alone),
        ROW(another_layout_takes_back_what_keys_were_given),
        ROW(in_another_group_only_given_keys_are_used),
        ROW(a_keyboard_without_free_keys_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
