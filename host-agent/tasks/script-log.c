/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/script-log.h"

#include <stdlib.h>
#include <string.h>

#define FOLDER "/run/berth-task-"
/* First line of a look: the state, and the status after it. */
#define HEADER_BYTES 64

char *
berth_script_log_dup_begin(const char *id, const char *script)
{
    /* The id is random: no line of the script is the same by chance. */
    return g_strdup_printf("d=" FOLDER "%s\n"
                           "[ -d \"$d\" ] && exit 0\n"
                           "rm -rf \"$d.new\" && mkdir -m 700 \"$d.new\" || exit 1\n"
                           "cat >\"$d.new/script\" <<'end-%s' || exit 1\n"
                           "%s\n"
                           "end-%s\n"
                           ": >\"$d.new/log\" && mv \"$d.new\" \"$d\" || exit 1\n"
                           "setsid sh -c 'cd /; echo $$ >\"$1/pid\"; sh \"$1/script\" "
                           ">\"$1/log\" 2>&1; echo $? >\"$1/end.new\"; "
                           "mv \"$1/end.new\" \"$1/end\"' sh \"$d\" "
                           "</dev/null >/dev/null 2>&1 &\n"
                           "exit 0\n",
                           id, id, script, id);
}

char *
berth_script_log_dup_look(const char *id)
{
    return g_strdup_printf("d=" FOLDER "%s\n"
                           "if [ -f \"$d/end\" ]; then\n"
                           "echo \"ended $(cat \"$d/end\")\"; tail -c %d \"$d/log\"\n"
                           "elif [ -d \"$d\" ]; then echo runs; tail -c %d \"$d/log\"\n"
                           "else echo unknown; fi\n",
                           id, BERTH_SCRIPT_OUTPUT_BYTES, BERTH_SCRIPT_LOOK_BYTES);
}

char *
berth_script_log_dup_forget(const char *id)
{
    return g_strdup_printf("d=" FOLDER "%s\n"
                           "[ -f \"$d/end\" ] || kill -9 \"-$(cat \"$d/pid\")\" 2>/dev/null\n"
                           "rm -rf \"$d\" \"$d.new\"\n",
                           id);
}

bool
berth_script_log_read(const char *text, size_t len, BerthScriptLook *ret)
{
    const char *stop = memchr(text, '\n', MIN(len, HEADER_BYTES));
    if (stop == NULL) {
        return false;
    }
    g_autofree char *header = g_strndup(text, (size_t)(stop - text));
    BerthScriptLook look = { .output = stop + 1,
                             .n_output_bytes = len - (size_t)(stop + 1 - text) };
    if (g_str_has_prefix(header, "ended ")) {
        look.state = BERTH_SCRIPT_ENDED;
        look.status = (int)CLAMP(g_ascii_strtoll(header + strlen("ended "), NULL, 10), 0, 255);
    } else if (strcmp(header, "runs") == 0) {
        look.state = BERTH_SCRIPT_RUNS;
    } else if (strcmp(header, "unknown") == 0) {
        look.state = BERTH_SCRIPT_UNKNOWN;
    } else {
        return false;
    }
    *ret = look;
    return true;
}

char *
berth_script_log_dup_last_line(const char *output, size_t len)
{
    while (len > 0 && g_ascii_isspace(output[len - 1])) {
        len--;
    }
    const char *start = len > 0 ? memrchr(output, '\n', len) : NULL;
    start = start != NULL ? start + 1 : output;
    return g_strndup(start, len - (size_t)(start - output));
}
