/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prints what a screen reader is told of a program: one line for each thing that is on the screen,
 * "role|name|states|description|place", with the states focusable, focused, sensitive and checked,
 * and the place as "x y width height" on the screen.
 *
 * usage: accessible-tree PID
 *
 * What has no name of its own has that of the label that is said to be its.
 */
#include <atspi/atspi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_DEPTH 40

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AtspiAccessible, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AtspiComponent, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AtspiStateSet, g_object_unref)

static const struct {
    AtspiStateType state;
    const char *word;
} told[] = {
    { ATSPI_STATE_FOCUSABLE, "focusable " },
    { ATSPI_STATE_FOCUSED, "focused " },
    { ATSPI_STATE_SENSITIVE, "sensitive " },
    { ATSPI_STATE_CHECKED, "checked " },
};

static char *
label_of(AtspiAccessible *thing)
{
    g_autoptr(GArray) relations = atspi_accessible_get_relation_set(thing, NULL);
    char *name = NULL;

    for (guint i = 0; relations != NULL && i < relations->len; i++) {
        AtspiRelation *relation = g_array_index(relations, AtspiRelation *, i);

        if (name == NULL &&
            atspi_relation_get_relation_type(relation) == ATSPI_RELATION_LABELLED_BY) {
            g_autoptr(AtspiAccessible) label = atspi_relation_get_target(relation, 0);

            name = label != NULL ? atspi_accessible_get_name(label, NULL) : NULL;
        }
        g_object_unref(relation);
    }
    return name != NULL ? name : g_strdup("");
}

/* Line breaks would be taken for the next thing. */
static void
print_text(const char *text)
{
    g_autofree char *line = g_strdelimit(g_strdup(text != NULL ? text : ""), "\n|", ' ');

    printf("%s|", line);
}

static void
print_place(AtspiAccessible *thing)
{
    g_autoptr(AtspiComponent) component = atspi_accessible_get_component_iface(thing);
    g_autofree AtspiRect *place =
        component != NULL ? atspi_component_get_extents(component, ATSPI_COORD_TYPE_SCREEN, NULL)
                          : NULL;

    if (place != NULL) {
        printf("%d %d %d %d", place->x, place->y, place->width, place->height);
    }
    printf("\n");
}

static void
print_thing(AtspiAccessible *thing, AtspiStateSet *states)
{
    g_autofree char *role = atspi_accessible_get_role_name(thing, NULL);
    g_autofree char *name = atspi_accessible_get_name(thing, NULL);
    g_autofree char *description = atspi_accessible_get_description(thing, NULL);
    g_autoptr(GString) words = g_string_new(NULL);

    if (name == NULL || name[0] == '\0') {
        g_free(name);
        name = label_of(thing);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(told); i++) {
        if (atspi_state_set_contains(states, told[i].state)) {
            g_string_append(words, told[i].word);
        }
    }
    print_text(role);
    print_text(name);
    print_text(g_strchomp(words->str));
    print_text(description);
    print_place(thing);
}

static void
print_tree(AtspiAccessible *thing, int depth)
{
    g_autoptr(AtspiStateSet) states = atspi_accessible_get_state_set(thing);
    int n_children = atspi_accessible_get_child_count(thing, NULL);

    if (depth > 0 && states != NULL && atspi_state_set_contains(states, ATSPI_STATE_SHOWING)) {
        print_thing(thing, states);
    }
    for (int i = 0; i < n_children && depth < MAX_DEPTH; i++) {
        g_autoptr(AtspiAccessible) child = atspi_accessible_get_child_at_index(thing, i, NULL);

        if (child != NULL) {
            print_tree(child, depth + 1);
        }
    }
}

int
main(int argc, char **argv)
{
    g_autoptr(AtspiAccessible) desktop = NULL;
    guint pid = argc == 2 ? (guint)g_ascii_strtoull(argv[1], NULL, 10) : 0;

    if (pid == 0 || atspi_init() != 0) {
        g_printerr("usage: accessible-tree PID\n");
        return 1;
    }
    desktop = atspi_get_desktop(0);
    for (int i = 0; i < atspi_accessible_get_child_count(desktop, NULL); i++) {
        g_autoptr(AtspiAccessible) program = atspi_accessible_get_child_at_index(desktop, i, NULL);

        if (program != NULL && atspi_accessible_get_process_id(program, NULL) == pid) {
            print_tree(program, 0);
        }
    }
    return 0;
}
