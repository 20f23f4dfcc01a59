/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/send-desk.h"

char *
berth_send_socket_path(void)
{
    return g_build_filename(g_get_user_runtime_dir(), "berth-guest.sock", NULL);
}

const char *
berth_send_status_sentence(BerthFileStatus status)
{
    static const char *const sentences[BERTH_N_FILE_STATUS] = {
        [BERTH_FILE_SEND] = "is on its way",
        [BERTH_FILE_CANCELLED] = "was refused or stopped at your computer",
        [BERTH_FILE_FAILED] = "could not be sent: only files that can be read are; try it again",
        [BERTH_FILE_DONE] = "was sent to your computer",
        [BERTH_FILE_NO_SPACE] = "was not sent: your computer has no space left",
        [BERTH_FILE_LOCKED] = "was not sent: your computer is locked",
        [BERTH_FILE_NO_AGENT] = "was not sent: nobody is connected whose client takes files",
        [BERTH_FILE_NOT_ALLOWED] = "was not sent: this desktop may not send files",
        [BERTH_FILE_TOO_LARGE] = "was not sent: it is larger than this desktop may send",
        [BERTH_FILE_BUSY] = "was not sent: too many are on their way; try it again later",
    };

    return (unsigned)status < BERTH_N_FILE_STATUS ? sentences[status] : "ended in an unknown way";
}
