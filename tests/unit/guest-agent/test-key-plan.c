/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "guest-agent/key-plan.h"

#include <glib.h>

/* A keyboard of five keys: a/A, 1/!/and one with AltGr, a modifier, two free ones. */
#define FIRST 10
#define N_KEYS 5
#define N_FREE_PLACES 8
#define S_US 1000000LL

typedef struct {
    uint32_t symbols[N_KEYS * BERTH_KEY_PLACES];
    BerthKeyMapView view;
    BerthKeyPlan *plan;
} Fixture;

static int
set_up(void **state)
{
    static Fixture fixture;

    fixture = (Fixture){ .symbols = { 'a', 'A', 0, 0, '1', '!', 0xb9, 0, 0xffe1 } };
    fixture.view = (BerthKeyMapView){ FIRST, N_KEYS, BERTH_KEY_PLACES, fixture.symbols };
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

/* As the X server does when a key is given a symbol; what was pressed before settled_us is read. */
static BerthKeyAnswer
find(Fixture *fixture, uint32_t character, int64_t now_us, int64_t settled_us, BerthKeyStroke *ret)
{
    BerthKeyAnswer answer = berth_key_plan_find(
        fixture->plan, &fixture->view, berth_key_symbol(character), now_us, settled_us, ret);

    if (answer == BERTH_KEY_FOUND && ret->is_new) {
        fixture->symbols[(ret->code - FIRST) * BERTH_KEY_PLACES + ret->place] = ret->symbol;
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
characters_with_many_names_have_one(void **state)
{
    assert_int_equal(berth_key_canonical(0x20ac, 0x20ac), 0x010020ac); /* EuroSign */
    assert_int_equal(berth_key_canonical(0x6c1, 0x430), 0x01000430);   /* Cyrillic_a */
    assert_int_equal(berth_key_canonical('a', 'a'), 'a');
    assert_int_equal(berth_key_canonical(0xffb1, '1'), 0xffb1);  /* of the keypad */
    assert_int_equal(berth_key_canonical(0xfe51, 0xb4), 0xfe51); /* dead_acute */
    assert_int_equal(berth_key_canonical(0, 0), 0);
}

static void
keys_of_the_layout_are_used_as_they_are(void **state)
{
    static const struct {
        uint32_t character;
        unsigned code, place;
    } rows[] = {
        { 'a', FIRST, 0 },
        { '!', FIRST + 1, BERTH_KEY_SHIFT },
        { 0xb9, FIRST + 1, BERTH_KEY_LEVEL3 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        BerthKeyStroke stroke;

        assert_int_equal(find(*state, rows[i].character, S_US, 0, &stroke), BERTH_KEY_FOUND);
        assert_int_equal(stroke.code, rows[i].code);
        assert_int_equal(stroke.place, rows[i].place);
        assert_false(stroke.is_new);
    }
}

static void
free_keys_are_given_what_no_key_has(void **state)
{
    BerthKeyStroke first, again, second;

    assert_int_equal(find(*state, 0x20ac, S_US, 0, &first), BERTH_KEY_FOUND);
    assert_true(first.is_new && first.place == 0 && first.code >= FIRST + 3);
    assert_int_equal(find(*state, 0x20ac, S_US, 0, &again), BERTH_KEY_FOUND);
    assert_false(again.is_new);
    assert_int_equal(again.code, first.code);
    assert_int_equal(find(*state, 0x3042, S_US, 0, &second), BERTH_KEY_FOUND);
    assert_int_not_equal(second.code, first.code);
    /* Then with modifiers, of keys that have something of ours already. */
    assert_int_equal(find(*state, 0x3043, S_US, 0, &second), BERTH_KEY_FOUND);
    assert_true(second.is_new && second.place == BERTH_KEY_SHIFT);
}

static void
a_place_is_given_another_symbol_only_when_it_was_read(void **state)
{
    BerthKeyStroke stroke, first;

    for (unsigned i = 0; i < N_FREE_PLACES; i++) {
        assert_int_equal(find(*state, 0x3041 + i, S_US + i, 0, &stroke), BERTH_KEY_FOUND);
        assert_true(stroke.is_new);
        first = i == 1 ? stroke : first;
    }
    assert_int_equal(find(*state, 0x4e00, 2 * S_US, S_US, &stroke), BERTH_KEY_WAIT);
    /* The first is used again, so the second is the older one. */
    assert_int_equal(find(*state, 0x3041, 2 * S_US, S_US, &stroke), BERTH_KEY_FOUND);
    assert_int_equal(find(*state, 0x4e00, 3 * S_US, S_US + 2, &stroke), BERTH_KEY_FOUND);
    assert_true(stroke.is_new && stroke.code == first.code && stroke.place == first.place);
    assert_int_equal(find(*state, 0x4e01, 3 * S_US, S_US + 2, &stroke), BERTH_KEY_WAIT);
}

static void
another_layout_takes_back_what_keys_were_given(void **state)
{
    Fixture *fixture = *state;
    BerthKeyStroke first, again;

    assert_int_equal(find(fixture, 0x20ac, S_US, 0, &first), BERTH_KEY_FOUND);
    fixture->symbols[(first.code - FIRST) * BERTH_KEY_PLACES] = 0;
    assert_int_equal(find(fixture, 0x20ac, 2 * S_US, S_US, &again), BERTH_KEY_FOUND);
    assert_true(again.is_new);
    /* One that uses the key itself has it. */
    fixture->symbols[(again.code - FIRST) * BERTH_KEY_PLACES] = 'q';
    assert_int_equal(find(fixture, 0x20ac, 2 * S_US, S_US, &first), BERTH_KEY_FOUND);
    assert_int_not_equal(first.code, again.code);
}

static void
a_keyboard_without_level_3_has_fewer_places(void **state)
{
    Fixture *fixture = *state;
    BerthKeyStroke stroke;

    fixture->view.n_places = 2;
    for (unsigned i = 0; i < N_FREE_PLACES / 2; i++) {
        assert_int_equal(find(fixture, 0x3041 + i, S_US, 0, &stroke), BERTH_KEY_FOUND);
        assert_true(stroke.place <= BERTH_KEY_SHIFT);
    }
    assert_int_equal(find(fixture, 0x4e00, S_US, 0, &stroke), BERTH_KEY_WAIT);
    assert_int_equal(find(fixture, 0xb9, S_US, 0, &stroke), BERTH_KEY_WAIT);
}

static void
a_keyboard_without_free_keys_says_so(void **state)
{
    Fixture *fixture = *state;
    BerthKeyStroke stroke;

    fixture->view.n_codes = 3;
    assert_int_equal(find(fixture, 0x20ac, S_US, 0, &stroke), BERTH_KEY_NONE);
    fixture->view.n_codes = 0;
    assert_int_equal(find(fixture, 'a', S_US, 0, &stroke), BERTH_KEY_NONE);
}

int
main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(characters_have_symbols),
        ROW(characters_with_many_names_have_one),
        ROW(keys_of_the_layout_are_used_as_they_are),
        ROW(free_keys_are_given_what_no_key_has),
        ROW(a_place_is_given_another_symbol_only_when_it_was_read),
        ROW(another_layout_takes_back_what_keys_were_given),
        ROW(a_keyboard_without_level_3_has_fewer_places),
        ROW(a_keyboard_without_free_keys_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
