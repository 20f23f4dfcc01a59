/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A completion script for the shell, made from the table of commands.
 */
#include "broker/ctl/ctl.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

static void
print_words(const BerthCtlCommand *command)
{
    for (size_t a = 0; a < BERTH_CTL_MAX_ARGS; a++) {
        for (size_t k = 0; command->args[a].kind == BERTH_CTL_ARG_KIND && k < berth_ctl_n_kinds;
             k++) {
            printf(" %s", berth_ctl_kinds[k].name);
        }
    }
    const BerthCtlOption *option = command->options;
    while (option != NULL && option->kind != BERTH_CTL_OPTION_END) {
        printf(" --%s", option++->name);
    }
}

/* Words after a verb: its nouns, or its kinds and options. */
static void
print_verb(size_t first)
{
    const char *verb = berth_ctl_commands[first].verb;
    printf("    %s) words=\"", verb);
    for (size_t i = first; i < berth_ctl_n_commands; i++) {
        if (strcmp(berth_ctl_commands[i].verb, verb) == 0) {
            if (berth_ctl_commands[i].noun != NULL) {
                printf(" %s", berth_ctl_commands[i].noun);
            }
            print_words(&berth_ctl_commands[i]);
        }
    }
    fputs("\" ;;\n", stdout);
}

static bool
is_first_of_verb(size_t number)
{
    for (size_t i = 0; i < number; i++) {
        if (strcmp(berth_ctl_commands[i].verb, berth_ctl_commands[number].verb) == 0) {
            return false;
        }
    }
    return true;
}

bool
berth_ctl_print_completion(const char *shell, GError **error)
{
    if (strcmp(shell, "bash") != 0) {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "there is a completion for \"bash\", not for \"%s\"", shell);
    }
    fputs(
        "# Completion of berthctl for bash: berthctl completion bash > "
        "/etc/bash_completion.d/berthctl\n"
        "_berthctl() {\n"
        "    local word=${COMP_WORDS[COMP_CWORD]} verb='' words='' i\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        case ${COMP_WORDS[i]} in\n"
        "        --broker | --ca | --socket | --user | --password-fd | --code-fd) i=$((i + 1)) ;;\n"
        "        -*) ;;\n"
        "        *) verb=${COMP_WORDS[i]}; break ;;\n"
        "        esac\n"
        "    done\n"
        "    case $verb in\n"
        "    '') words=\"--broker --ca --socket --user --password-fd --code-fd --json --help --version",
        stdout);
    for (size_t i = 0; i < berth_ctl_n_commands; i++) {
        if (is_first_of_verb(i)) {
            printf(" %s", berth_ctl_commands[i].verb);
        }
    }
    fputs("\" ;;\n", stdout);
    for (size_t i = 0; i < berth_ctl_n_commands; i++) {
        if (is_first_of_verb(i)) {
            print_verb(i);
        }
    }
    fputs("    esac\n"
          "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
          "}\n"
          "complete -o default -F _berthctl berthctl\n",
          stdout);
    return true;
}
