/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth-auth-helper: asks PAM one question and ends.
 *
 * It holds PAM and nothing else: no store, no keys, no network of its own, one packet in and one
 * out (broker/auth/auth-packet.h).  What PAM modules do cannot be foreseen, so the process has no
 * list of allowed system calls; its unit says what it may reach.  A module that hangs is ended by
 * an alarm, one that crashes takes this one question along.
 */
#include "base/error.h"
#include "base/secret.h"
#include "broker/auth/auth-packet.h"

#include <glib.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVICE "berth"
#define TIMEOUT_S 30u
#define MAX_MESSAGES 32

static gint socket_fd = 0;
static gchar *confdir = NULL;
static gboolean is_version = FALSE;

static const GOptionEntry entries[] = {
    { "fd", 0, 0, G_OPTION_ARG_INT, &socket_fd,
      "packet socket that the question comes by (default: 0)", "N" },
    { "confdir", 0, 0, G_OPTION_ARG_FILENAME, &confdir,
      "folder of PAM service files, instead of the system's", "DIR" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &is_version, "print the version and end", NULL },
    { NULL },
};

static void
free_replies(struct pam_response *replies, int n)
{
    for (int i = 0; i < n; i++) {
        if (replies[i].resp != NULL) {
            berth_wipe(replies[i].resp, strlen(replies[i].resp));
            free(replies[i].resp);
        }
    }
    free(replies);
}

/* Answers what PAM asks for: hidden texts are the password; nothing else can be asked of a user. */
static int
converse(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
    const BerthAuthQuestion *question = data;
    if (n <= 0 || n > MAX_MESSAGES) {
        return PAM_CONV_ERR;
    }
    struct pam_response *replies = calloc((size_t)n, sizeof *replies);
    for (int i = 0; replies != NULL && i < n; i++) {
        const char *text = NULL;
        switch (messages[i]->msg_style) {
        case PAM_PROMPT_ECHO_OFF:
            text = question->password;
            break;
        case PAM_ERROR_MSG:
        case PAM_TEXT_INFO:
            continue;
        default:
            free_replies(replies, n);
            return PAM_CONV_ERR;
        }
        replies[i].resp = strdup(text);
    }
    *ret = replies;
    return replies != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

static BerthAuthOutcome
outcome_of(int result)
{
    switch (result) {
    case PAM_SUCCESS:
        return BERTH_AUTH_GOOD;
    case PAM_AUTH_ERR:
    case PAM_USER_UNKNOWN:
    case PAM_PERM_DENIED:
    case PAM_MAXTRIES:
    case PAM_ACCT_EXPIRED:
    case PAM_NEW_AUTHTOK_REQD:
    case PAM_CRED_INSUFFICIENT:
    case PAM_AUTHTOK_EXPIRED:
        return BERTH_AUTH_BAD;
    default:
        return BERTH_AUTH_DOWN;
    }
}

static int
start_pam(const struct pam_conv *conversation, const char *user, pam_handle_t **ret)
{
    return confdir != NULL ? pam_start_confdir(SERVICE, user, conversation, confdir, ret)
                           : pam_start(SERVICE, user, conversation, ret);
}

static void
ask_pam(BerthAuthQuestion *question, BerthAuthAnswer *answer)
{
    const struct pam_conv conversation = { .conv = converse, .appdata_ptr = question };
    pam_handle_t *pam = NULL;
    const void *name = NULL;
    int result = start_pam(&conversation, question->user, &pam);
    if (result == PAM_SUCCESS) {
        result = pam_set_item(pam, PAM_RHOST, question->source);
    }
    if (result == PAM_SUCCESS) {
        result = pam_authenticate(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    }
    if (result == PAM_SUCCESS) {
        result = pam_acct_mgmt(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    }
    if (result == PAM_SUCCESS) {
        result = pam_get_item(pam, PAM_USER, &name);
    }
    answer->outcome = outcome_of(result);
    g_strlcpy(answer->text,
              result == PAM_SUCCESS && name != NULL ? name : pam_strerror(pam, result),
              sizeof answer->text);
    if (pam != NULL) {
        pam_end(pam, result);
    }
}

/* No core, nobody to look into the memory, and an end in any case. */
static void
harden(void)
{
    const struct rlimit none = { 0, 0 };
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    alarm(TIMEOUT_S);
}

static int
serve(void)
{
    uint8_t packet[BERTH_LIMIT_AUTH_PACKET_BYTES];
    BerthAuthQuestion question = { 0 };
    BerthAuthAnswer answer = { .outcome = BERTH_AUTH_DOWN };
    ssize_t n = recv(socket_fd, packet, sizeof packet, 0);
    int error =
        n > 0 ? berth_auth_question_decode(packet, (size_t)n, &question) : BERTH_ERR_PROTOCOL;
    berth_wipe(packet, sizeof packet);
    if (error == BERTH_OK) {
        ask_pam(&question, &answer);
    } else {
        g_strlcpy(answer.text, "the question makes no sense", sizeof answer.text);
    }
    berth_wipe(&question, sizeof question);
    size_t len = berth_auth_answer_encode(&answer, packet);
    return send(socket_fd, packet, len, MSG_NOSIGNAL) == (ssize_t)len && error == BERTH_OK ? 0 : 1;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) options = g_option_context_new("- asks PAM one question");
    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, &error) || argc > 1) {
        fprintf(stderr, "berth-auth-helper: %s\n",
                error != NULL ? error->message : "an argument without an option");
        return 2;
    }
    if (is_version) {
        puts("berth-auth-helper " BERTH_VERSION);
        return 0;
    }
    harden();
    return serve();
}
