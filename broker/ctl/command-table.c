/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/ctl/ctl.h"

#define TEXT(name, key, doc)                        \
    {                                               \
        (name), BERTH_CTL_OPTION_TEXT, (key), (doc) \
    }
#define INT(name, key, doc)                        \
    {                                              \
        (name), BERTH_CTL_OPTION_INT, (key), (doc) \
    }
#define FLAG(name, key, doc)                        \
    {                                               \
        (name), BERTH_CTL_OPTION_FLAG, (key), (doc) \
    }
#define BOOL(name, key, doc)                        \
    {                                               \
        (name), BERTH_CTL_OPTION_BOOL, (key), (doc) \
    }
#define SECRET(name, key, doc)                           \
    {                                                    \
        (name), BERTH_CTL_OPTION_SECRET_FD, (key), (doc) \
    }
#define FILE_OF(name, key, doc)                          \
    {                                                    \
        (name), BERTH_CTL_OPTION_JSON_FILE, (key), (doc) \
    }
#define QUERY(name, key, doc)                        \
    {                                                \
        (name), BERTH_CTL_OPTION_QUERY, (key), (doc) \
    }
#define QUERY_FLAG(name, key, doc)                        \
    {                                                     \
        (name), BERTH_CTL_OPTION_QUERY_FLAG, (key), (doc) \
    }
#define LOCAL(name, doc)                            \
    {                                               \
        (name), BERTH_CTL_OPTION_LOCAL, NULL, (doc) \
    }
#define LOCAL_TEXT(name, doc)                            \
    {                                                    \
        (name), BERTH_CTL_OPTION_LOCAL_TEXT, NULL, (doc) \
    }
#define END                                    \
    {                                          \
        NULL, BERTH_CTL_OPTION_END, NULL, NULL \
    }

#define BODY(name, key)                   \
    {                                     \
        (name), BERTH_CTL_ARG_BODY, (key) \
    }
#define NAME(name, kind)                   \
    {                                      \
        (name), BERTH_CTL_ARG_NAME, (kind) \
    }
#define KIND                             \
    {                                    \
        "KIND", BERTH_CTL_ARG_KIND, NULL \
    }
#define WORD(name)                       \
    {                                    \
        (name), BERTH_CTL_ARG_PART, NULL \
    }
#define FILE_ARG(name)                   \
    {                                    \
        (name), BERTH_CTL_ARG_FILE, NULL \
    }

#define RENAME TEXT("name", "name", "new name")

/* What a pool has; the same to make one and to change one. */
#define POOL_OPTIONS                                                                         \
    TEXT("image", "image", "image that its machines start from"),                            \
        TEXT("tag", "tag", "tag of the image's version that they are made of (stable)"),     \
        TEXT("icon", "icon", "icon in the client's list, as accessories-calculator"),        \
        INT("size", "size", "most machines"),                                                \
        INT("spares", "spares_hot", "free machines kept ready"),                             \
        INT("spares-frozen", "spares_frozen", "free machines kept to be woken from memory"), \
        INT("spares-cold", "spares_cold", "free machines kept switched off"),                \
        INT("vcpus", "vcpus", "processors of a machine (as the image)"),                     \
        INT("memory", "memory_mib", "MiB of a machine (as the image)"),                      \
        TEXT("placement", "placement", "spread or pack"),                                    \
        TEXT("on-logoff", "on_logoff", "recycle, stop or keep"),                             \
        INT("max-per-user", "max_per_user", "desktops that one user may have"),              \
        INT("logoff-after", "logoff_after_s",                                                \
            "seconds after which who is disconnected is logged off (0: never)"),             \
        FILE_OF("policy", "policy", "file with the policy"),                                 \
        FILE_OF("timers", "timers", "file with the timers"),                                 \
        FILE_OF("power", "power", "file with the spares by schedule"),                       \
        FILE_OF("resources", "resources", "file with shares and limits"),                    \
        FILE_OF("network", "network", "file with the network"),                              \
        FILE_OF("labels", "labels", "file with labels that a host must have"),               \
        FILE_OF("user-disk", "user_disk", "file with the disk that each user gets"),         \
        FILE_OF("app", "app", "file with the application")

static const BerthCtlOption create_pool[] = {
    POOL_OPTIONS, TEXT("kind", "kind", "floating, dedicated, app or physical"),
    FLAG("template", "template", "start by forking a template"), END
};
static const BerthCtlOption set_pool[] = {
    RENAME, POOL_OPTIONS, BOOL("enabled", "enabled", "yes or no: whether users may connect"),
    BOOL("template", "template", "yes or no: start by forking a template"), END
};
static const BerthCtlOption create_user[] = {
    SECRET("new-password-fd", "password", "descriptor to read the new user's password from"),
    FLAG("admin", "admin", "make an administrator of the site"), END
};
static const BerthCtlOption new_password[] = {
    SECRET("new-password-fd", "password", "descriptor to read the new password from"), END
};
static const BerthCtlOption set_user[] = {
    TEXT("display-name", "display_name", "name for people"),
    BOOL("enabled", "enabled", "yes or no: no ends all logins and sessions"),
    BOOL("needs-totp", "needs_totp", "yes or no: a second factor is asked for"), END
};
#define IMAGE_OPTIONS                                       \
    TEXT("description", "description", "words for people"), \
        INT("keep", "keep_versions", "youngest versions that are kept unused (3)")

static const BerthCtlOption create_image[] = {
    FILE_OF("manifest", "manifest", "manifest of files that are on the hosts already"),
    IMAGE_OPTIONS, END
};
static const BerthCtlOption set_image[] = {
    RENAME, FILE_OF("manifest", "manifest", "another manifest, while no machine runs the image"),
    IMAGE_OPTIONS, END
};
static const BerthCtlOption set_group[] = { RENAME, END };
static const BerthCtlOption create_machine[] = {
    TEXT("pool", "pool", "pool of kind physical"), TEXT("host", "host", "host that reaches it"),
    TEXT("address", "address", "IP:PORT of its RFB server"), END
};
static const BerthCtlOption recycle_options[] = {
    FLAG("force", "force", "even if its user's data is lost"), END
};
static const BerthCtlOption create_user_disk[] = {
    TEXT("pool", "pool", "pool whose desktops have it"),
    TEXT("host", "host", "host to keep it (the first that the user gets)"),
    INT("size", "size_mib", "MiB (as the pool)"), END
};
static const BerthCtlOption grow_user_disk[] = { INT("size", "size_mib", "MiB, more than before"),
                                                 END };
static const BerthCtlOption detach_user_disk[] = {
    FLAG("force", "force", "from a host that does not answer and is off"), END
};
static const BerthCtlOption snapshot_user_disk[] = { TEXT("note", "note", "for people"), END };
static const BerthCtlOption create_host[] = { TEXT("id", "id", "id in the host's certificate"),
                                              END };
static const BerthCtlOption set_host[] = {
    RENAME,
    INT("memory-overcommit", "memory_overcommit_pct", "per cent of its memory to give away"),
    INT("vcpu-overcommit", "vcpu_overcommit_pct", "per cent of its processors to give away"), END
};
#define SCHEDULE_OPTIONS                                         \
    TEXT("timezone", "timezone", "IANA name, as Europe/Berlin"), \
        FILE_OF("rules", "rules", "file with the windows of a week")

static const BerthCtlOption create_schedule[] = { SCHEDULE_OPTIONS, END };
static const BerthCtlOption set_schedule[] = { RENAME, SCHEDULE_OPTIONS, END };
static const BerthCtlOption source_options[] = {
    TEXT("kind", "kind", "ldap, pam or oidc"),
    FILE_OF("settings", "settings", "file with its settings"),
    INT("priority", "priority", "which is asked first: the lowest"), END
};
static const BerthCtlOption set_source[] = {
    FILE_OF("settings", "settings", "file with its settings"),
    INT("priority", "priority", "which is asked first: the lowest"),
    BOOL("enabled", "enabled", "yes or no"), END
};
static const BerthCtlOption create_device[] = {
    TEXT("fingerprint", "fingerprint", "SHA-256 of the public key of its certificate"),
    TEXT("as-user", "user", "user whose desktops it shows"), END
};
static const BerthCtlOption set_device[] = {
    BOOL("enabled", "enabled", "yes or no: no logs it out at once"), END
};
static const BerthCtlOption create_token[] = { INT("days", "days", "days that it lives"), END };
static const BerthCtlOption entitle_options[] = {
    TEXT("as-user", "user", "who may have desktops"),
    TEXT("group", "group", "who may have desktops, as a group"),
    TEXT("schedule", "schedule", "only inside the windows of this schedule"), END
};
static const BerthCtlOption grant_options[] = {
    TEXT("as-user", "user", "who gets the role"), TEXT("group", "group", "who gets the role"),
    TEXT("scope", "scope", "part of the site, as /pools/ID (/: all of it)"), END
};
static const BerthCtlOption get_options[] = { QUERY("state", "state", "only those in this state"),
                                              QUERY("pool", "pool", "only those of this pool"),
                                              QUERY("of-user", "user", "only those of this user"),
                                              QUERY("group", "group", "only those of this group"),
                                              QUERY("host", "host", "only those on this host"),
                                              END };
static const BerthCtlOption delete_options[] = {
    QUERY_FLAG("force", "force", "also what holds data or is in use; the answer names it"), END
};
static const BerthCtlOption apply_options[] = {
    LOCAL("yes", "do not ask"), LOCAL("prune", "delete what the file does not name"), END
};
static const BerthCtlOption diff_options[] = { LOCAL("prune", "delete what the file does not name"),
                                               END };
static const BerthCtlOption policy_options[] = { FILE_OF("file", "policy", "file with the policy"),
                                                 TEXT("preset", "preset", "hardened or kiosk"),
                                                 END };
static const BerthCtlOption explain_policy_options[] = {
    QUERY("device", "device", "id of a known device"), END
};
static const BerthCtlOption audit_options[] = { QUERY("limit", "limit", "rows, newest first (100)"),
                                                END };
#define REPORT_OPTIONS                                                                        \
    { "from", BERTH_CTL_OPTION_QUERY_DAY, "from", "first day, as 2026-01-31 (30 days ago)" }, \
        { "to", BERTH_CTL_OPTION_QUERY_DAY_END, "to", "last day (today)" },                   \
        QUERY("pool", "pool", "only this pool")

static const BerthCtlOption report_options[] = { REPORT_OPTIONS, END };
static const BerthCtlOption failed_options[] = {
    { "from", BERTH_CTL_OPTION_QUERY_DAY, "from", "first day, as 2026-01-31 (30 days ago)" },
    { "to", BERTH_CTL_OPTION_QUERY_DAY_END, "to", "last day (today)" },
    END
};
static const BerthCtlOption usage_options[] = { REPORT_OPTIONS,
                                                QUERY("by", "by", "user, pool or hour"), END };
static const BerthCtlOption import_options[] = {
    TEXT("format", "format", "raw, qcow2, vmdk or vdi (by the first bytes)"),
    TEXT("changelog", "changelog", "what is new in it"),
    FILE_OF("machine", "machine", "settings of its machines"),
    LOCAL_TEXT("kernel", "kernel to boot, a file that is sent, too"),
    LOCAL_TEXT("initrd", "initrd, a file that is sent, too"),
    LOCAL_TEXT("resume", "go on with this upload"),
    LOCAL("incoming", "FILE lies in the broker's folder incoming"),
    END
};
static const BerthCtlOption image_edit_options[] = {
    TEXT("from", "version", "number of the version to start from (stable)"),
    TEXT("changelog", "changelog", "what will be changed"),
    LOCAL("no-wait", "do not wait until the desktop is ready"), END
};
static const BerthCtlOption image_run_options[] = {
    INT("timeout", "timeout_s", "seconds that the script may take (3600)"), END
};
static const BerthCtlOption image_seal_options[] = {
    FLAG("keep-apt-lists", "keep_apt_lists", "leave the lists of apt in the image"), END
};
static const BerthCtlOption image_test_options[] = {
    INT("copies", "n", "how many (1)"), LOCAL("template", "start them by forking a template"),
    SECRET("probe-password-fd", "password",
           "descriptor to read your password from, for berth probe"),
    END
};
static const BerthCtlOption test_options[] = { LOCAL("keep", "do not log off again"), END };
static const BerthCtlOption publish_options[] = {
    TEXT("tag", "tag", "tag to move (stable)"),
    TEXT("pool", "pool", "only this pool; the tag stays"),
    INT("canary", "canary", "desktops of a pool that try it first (1)"),
    INT("batch", "batch", "idle desktops that follow at once"),
    INT("max-unavailable", "max_unavailable", "idle desktops away at most (a quarter)"),
    TEXT("strategy", "strategy", "at-logoff, idle-now, force or window"),
    FILE_OF("gates", "gates", "file with what it must reach"),
    TEXT("on-failure", "on_failure", "rollback or pause, if a gate fails"),
    TEXT("message", "message", "what users are told (force)"),
    INT("force-after", "force_after_s", "seconds from the message to the logoff (force)"),
    TEXT("schedule", "schedule", "when it may work (window)"),
    END
};
static const BerthCtlOption image_status_options[] = {
    LOCAL("watch", "show it again while a rollout goes on"), END
};
static const BerthCtlOption top_options[] = { LOCAL("once", "print once and end"), END };

static const BerthCtlOption limit_options[] = {
    INT("kbps", "kbps", "kilobits a second (0: as fast as it can)"), END
};
static const BerthCtlOption gc_options[] = { FLAG("dry-run", "dry_run", "only list it"),
                                             TEXT("image", "image", "only this image"), END };

#define CREATE(noun_, options_, doc_)                                                  \
    {                                                                                  \
        .verb = "create", .noun = (noun_), .method = "POST", .path = "/v1/" noun_ "s", \
        .args = { BODY("NAME", "name") }, .options = (options_), .doc = (doc_)         \
    }
#define SET(noun_, options_, doc_)                                                               \
    {                                                                                            \
        .verb = "set", .noun = (noun_), .method = "PATCH", .path = "/v1/" noun_ "s/{id}",        \
        .args = { NAME("NAME", noun_) }, .options = (options_), .is_change = true, .doc = (doc_) \
    }
#define ACT(verb_, kind_, arg_, doc_)                                            \
    {                                                                            \
        .verb = (verb_), .method = "POST", .path = "/v1/" kind_ "s/{id}/" verb_, \
        .args = { NAME(arg_, kind_) }, .doc = (doc_)                             \
    }
#define REPORT(noun_, options_, columns_, doc_)                                           \
    {                                                                                     \
        .verb = "report", .noun = (noun_), .method = "GET", .path = "/v1/reports/" noun_, \
        .options = (options_), .list = "rows", .columns = (columns_), .doc = (doc_)       \
    }
#define DB(noun_, words_, doc_)                                          \
    {                                                                    \
        .verb = "db", .noun = (noun_), .args = { words_ }, .doc = (doc_) \
    }

/* ---- restore points and backups ---- */

static const BerthCtlOption snapshot_options[] = {
    TEXT("freeze", "freeze", "auto, never or required: whether the guest is held still"),
    INT("keep-days", "keep_days", "days until it goes by itself; 0: never"),
    TEXT("note", "note", "what it is for"),
    END,
};
static const BerthCtlOption refresh_options[] = {
    FLAG("force", "force", "what its user wrote may go"),
    END,
};
static const BerthCtlOption rebase_options[] = {
    TEXT("to", "version", "number or id of a version; the pool's if left out"),
    FLAG("force", "force", "what its user wrote may go"),
    END,
};
static const BerthCtlOption backup_import_options[] = {
    TEXT("host", "host", "host whose folder has it"),
    TEXT("pool", "pool", "dedicated pool of the new desktop"),
    TEXT("as-user", "user", "who gets it"),
    END,
};
static const BerthCtlOption export_user_disk[] = {
    TEXT("point", "point", "restore point of the disk to write; as it is if left out"),
    END,
};
static const BerthCtlOption import_user_disk[] = {
    TEXT("host", "host", "host whose folder has it"),
    TEXT("pool", "pool", "pool whose desktops have the disk"),
    TEXT("as-user", "user", "who gets it"),
    END,
};
static const BerthCtlOption new_desktop_options[] = {
    TEXT("pool", "pool", "dedicated pool of the new desktop"),
    TEXT("as-user", "user", "who gets it"),
    END,
};

static const BerthCtlOption link_options[] = {
    LOCAL_TEXT("file", "write a .berth file instead of printing the link"),
    LOCAL_TEXT("address", "https://HOST:PORT that the link names (as --broker)"),
    END,
};

const BerthCtlCommand berth_ctl_commands[] = {
    { .verb = "login", .doc = "log in and write the token to BERTH_TOKEN_FILE, or print it" },
    { .verb = "logout",
      .method = "POST",
      .path = "/v1/auth/logout",
      .doc = "make the token worthless" },
    { .verb = "get",
      .args = { KIND, { "[NAME]", BERTH_CTL_ARG_FILE, NULL } },
      .options = get_options,
      .func = berth_ctl_run_get,
      .doc = "list things, or show one" },
    CREATE("pool", create_pool, "add a pool"),
    CREATE("user", create_user, "add a user"),
    CREATE("group", NULL, "add a group"),
    CREATE("image", create_image, "add an image"),
    CREATE("host", create_host, "let a host join"),
    CREATE("schedule", create_schedule, "add a schedule"),
    CREATE("machine", create_machine, "add an existing machine to a pool of kind physical"),
    CREATE("source", source_options, "connect a directory or a login provider"),
    CREATE("device", create_device, "enrol a kiosk"),
    { .verb = "create",
      .noun = "token",
      .method = "POST",
      .path = "/v1/me/tokens",
      .args = { BODY("NAME", "name") },
      .options = create_token,
      .doc = "make an API token of one's own; it is shown once" },
    { .verb = "create",
      .noun = "user-disk",
      .method = "POST",
      .path = "/v1/user-disks",
      .args = { BODY("USER", "user") },
      .options = create_user_disk,
      .doc = "give a user a disk before the first connect" },
    { .verb = "grow",
      .noun = "user-disk",
      .method = "POST",
      .path = "/v1/user-disks/{id}/grow",
      .args = { NAME("DISK", "user-disk") },
      .options = grow_user_disk,
      .doc = "make a user's disk larger, also while it is in use" },
    { .verb = "detach",
      .noun = "user-disk",
      .method = "POST",
      .path = "/v1/user-disks/{id}/detach",
      .args = { NAME("DISK", "user-disk") },
      .options = detach_user_disk,
      .doc = "take a user's disk away from the machine that has it" },
    { .verb = "snapshot",
      .noun = "user-disk",
      .method = "POST",
      .path = "/v1/user-disks/{id}/snapshot",
      .args = { NAME("DISK", "user-disk") },
      .options = snapshot_user_disk,
      .doc = "make a restore point of a user's disk" },
    { .verb = "restore",
      .noun = "user-disk",
      .method = "POST",
      .path = "/v1/user-disks/{id}/restore",
      .args = { NAME("DISK", "user-disk"), BODY("POINT", "point") },
      .doc = "return a user's disk to a restore point; the user is logged off" },
    { .verb = "points",
      .noun = "user-disk",
      .method = "GET",
      .path = "/v1/user-disks/{id}/points",
      .args = { NAME("DISK", "user-disk") },
      .list = "points",
      .columns = "id state consistency created_us note detail",
      .doc = "show the restore points of a user's disk" },
    { .verb = "drop",
      .noun = "user-disk",
      .method = "DELETE",
      .path = "/v1/user-disks/{id}/points/{part}",
      .args = { NAME("DISK", "user-disk"), WORD("POINT") },
      .doc = "drop a restore point of a user's disk" },
    { .verb = "export",
      .noun = "user-disk",
      .method = "POST",
      .path = "/v1/user-disks/{id}/export",
      .args = { NAME("DISK", "user-disk"), BODY("NAME", "name") },
      .options = export_user_disk,
      .doc = "write a user's disk to the backup folder of its host" },
    { .verb = "import",
      .noun = "user-disk",
      .method = "POST",
      .path = "/v1/user-disks/import",
      .args = { BODY("NAME", "name") },
      .options = import_user_disk,
      .doc = "give a user a disk that is made of a backup" },
    SET("pool", set_pool, "change a pool"),
    SET("user", set_user, "change a user"),
    { .verb = "set",
      .noun = "password",
      .method = "POST",
      .path = "/v1/users/{id}/password",
      .args = { NAME("USER", "user") },
      .options = new_password,
      .doc = "set the password of a local user and end the logins" },
    SET("group", set_group, "rename a group"),
    SET("image", set_image, "change an image"),
    SET("host", set_host, "change a host"),
    SET("schedule", set_schedule, "change a schedule"),
    SET("source", set_source, "change where people are known"),
    { .verb = "set",
      .noun = "device",
      .method = "PATCH",
      .path = "/v1/devices/{id}",
      .args = { NAME("NAME", "device") },
      .options = set_device,
      .doc = "let a kiosk log in, or not" },
    { .verb = "delete",
      .args = { KIND, { "NAME", BERTH_CTL_ARG_FILE, NULL } },
      .options = delete_options,
      .func = berth_ctl_run_delete,
      .doc = "delete a thing" },
    { .verb = "diff",
      .args = { FILE_ARG("FILE") },
      .options = diff_options,
      .func = berth_ctl_run_diff,
      .doc = "show what apply would change" },
    { .verb = "apply",
      .args = { FILE_ARG("FILE") },
      .options = apply_options,
      .func = berth_ctl_run_apply,
      .doc = "make pools, policies and entitlements as a file says" },

    { .verb = "entitle",
      .method = "POST",
      .path = "/v1/entitlements",
      .args = { BODY("POOL", "pool") },
      .options = entitle_options,
      .doc = "let a user or a group have desktops of a pool" },
    { .verb = "grant",
      .method = "POST",
      .path = "/v1/role-grants",
      .args = { BODY("ROLE", "role") },
      .options = grant_options,
      .doc = "give a user or a group a role" },
    { .verb = "members",
      .method = "GET",
      .path = "/v1/groups/{id}/members",
      .args = { NAME("GROUP", "group") },
      .list = "members",
      .columns = "name id",
      .is_paged = true,
      .doc = "list the members of a group" },
    { .verb = "add",
      .noun = "member",
      .method = "PUT",
      .path = "/v1/groups/{id}/members/{part}",
      .args = { NAME("GROUP", "group"), { "USER", BERTH_CTL_ARG_PART_NAME, "user" } },
      .doc = "put a user into a group" },
    { .verb = "remove",
      .noun = "member",
      .method = "DELETE",
      .path = "/v1/groups/{id}/members/{part}",
      .args = { NAME("GROUP", "group"), { "USER", BERTH_CTL_ARG_PART_NAME, "user" } },
      .doc = "take a user out of a group" },

    { .verb = "policy",
      .noun = "set",
      .args = { WORD("LEVEL"), WORD("[NAME]") },
      .options = policy_options,
      .func = berth_ctl_run_set_policy,
      .doc = "set the policy of site, group, user or device" },
    { .verb = "policy",
      .noun = "remove",
      .args = { WORD("LEVEL"), WORD("[NAME]") },
      .func = berth_ctl_run_remove_policy,
      .doc = "remove a policy" },
    { .verb = "policy",
      .noun = "list",
      .method = "GET",
      .path = "/v1/policies",
      .list = "policies",
      .columns = "level name policy",
      .doc = "list policies" },
    { .verb = "policy",
      .noun = "preset",
      .method = "GET",
      .path = "/v1/policies/presets/{part}",
      .args = { WORD("PRESET") },
      .doc = "show a ready policy: hardened or kiosk" },
    { .verb = "policy",
      .noun = "explain",
      .method = "GET",
      .path = "/v1/policies/explain",
      .args = { { "USER", BERTH_CTL_ARG_QUERY, "user" }, { "POOL", BERTH_CTL_ARG_QUERY, "pool" } },
      .options = explain_policy_options,
      .list = "why",
      .columns = "key value from strict also",
      .doc = "show what applies to a user, and which policy said so" },

    ACT("drain", "host", "HOST", "give a host no new desktops; who is on it stays"),
    ACT("undrain", "host", "HOST", "end a drain"),
    { .verb = "maintenance",
      .method = "POST",
      .path = "/v1/hosts/{id}/maintenance",
      .args = { NAME("HOST", "host") },
      .options = (const BerthCtlOption[]){ BOOL("enabled", "enabled", "yes or no"), END },
      .doc = "take a host out of service, or back" },
    ACT("fence", "host", "HOST", "confirm that a lost host is off: its desktops are given up"),
    { .verb = "hosts-gone",
      .method = "POST",
      .path = "/v1/hosts-gone",
      .doc = "most hosts are silent because they are gone, not the network: count them as lost" },
    { .verb = "strangers",
      .method = "GET",
      .path = "/v1/hosts/{id}/strangers",
      .args = { NAME("HOST", "host") },
      .list = "strangers",
      .columns = "id epoch state overlay disk_mib",
      .doc = "list machines of a host that the store does not know" },
    { .verb = "reset",
      .noun = "breakers",
      .method = "POST",
      .path = "/v1/pools/{id}/reset-breakers",
      .args = { NAME("POOL", "pool") },
      .doc = "forget the failures of a pool: it is tried again at once" },
    { .verb = "recycle",
      .method = "POST",
      .path = "/v1/machines/{id}/recycle",
      .args = { NAME("MACHINE", "machine") },
      .options = recycle_options,
      .doc = "make a machine new; who uses it is put out" },
    ACT("hold", "machine", "MACHINE", "keep a machine from being handed out"),
    ACT("release", "machine", "MACHINE", "end a hold"),
    ACT("start", "machine", "MACHINE", "switch a machine on"),
    ACT("stop", "machine", "MACHINE", "switch a machine off"),
    { .verb = "message",
      .method = "POST",
      .path = "/v1/sessions/{id}/message",
      .args = { NAME("SESSION", "session"), BODY("TEXT", "text") },
      .doc = "show a text to the user of a session" },
    ACT("disconnect", "session", "SESSION", "disconnect a session; its desktop waits"),
    ACT("logoff", "session", "SESSION", "end a session and recycle its desktop"),
    { .verb = "revoke",
      .noun = "logins",
      .method = "DELETE",
      .path = "/v1/users/{id}/logins",
      .args = { NAME("USER", "user") },
      .doc = "end all logins and tokens of a user and disconnect the desktops" },
    { .verb = "logins",
      .method = "GET",
      .path = "/v1/users/{id}/logins",
      .args = { NAME("USER", "user") },
      .list = "logins",
      .columns = "kind name method source created_us used_us expires_us",
      .doc = "list the open logins and tokens of a user" },
    { .verb = "reset",
      .noun = "second-factor",
      .method = "DELETE",
      .path = "/v1/users/{id}/totp",
      .args = { NAME("USER", "user") },
      .doc = "take a lost second factor away" },

    { .verb = "desktops",
      .method = "GET",
      .path = "/v1/me/desktops",
      .list = "desktops",
      .columns = "name kind state machine session pool",
      .doc = "list my desktops" },
    { .verb = "connect-as-test",
      .args = { NAME("POOL", "pool") },
      .options = test_options,
      .func = berth_ctl_run_connect_as_test,
      .doc = "get a desktop as a user would, with the time of each step, and give it back" },
    { .verb = "link",
      .args = { BODY("DESKTOP", "desktop") },
      .options = link_options,
      .func = berth_ctl_run_link,
      .doc =
          "make a link that opens one of my desktops on another device, once, within 2 minutes" },
    { .verb = "explain",
      .noun = "user",
      .args = { NAME("USER", "user") },
      .func = berth_ctl_run_explain_user,
      .doc = "show which desktops a user gets, why or why not, and how the last connect went" },
    { .verb = "explain",
      .noun = "pool",
      .method = "GET",
      .path = "/v1/pools/{id}/placement",
      .args = { NAME("POOL", "pool") },
      .list = "hosts",
      .columns = "name reason score detail",
      .doc = "show where the next machine of a pool goes, and why not elsewhere" },
    { .verb = "snapshot",
      .noun = "machine",
      .method = "POST",
      .path = "/v1/machines/{id}/snapshot",
      .args = { NAME("MACHINE", "machine") },
      .options = snapshot_options,
      .doc = "make a restore point of a dedicated desktop, running or not" },
    { .verb = "restore",
      .noun = "machine",
      .method = "POST",
      .path = "/v1/machines/{id}/restore",
      .args = { NAME("MACHINE", "machine"), BODY("RESTORE-POINT", "restore_point") },
      .doc = "give a desktop its disk of an earlier day; what was written since is gone" },
    { .verb = "refresh",
      .noun = "machine",
      .method = "POST",
      .path = "/v1/machines/{id}/refresh",
      .args = { NAME("MACHINE", "machine") },
      .options = refresh_options,
      .doc = "give a dedicated desktop a fresh disk of its version; user disk and name stay" },
    { .verb = "rebase",
      .noun = "machine",
      .method = "POST",
      .path = "/v1/machines/{id}/rebase",
      .args = { NAME("MACHINE", "machine") },
      .options = rebase_options,
      .doc = "give a dedicated desktop a fresh disk of the pool's version, or of another" },
    { .verb = "backup",
      .noun = "list",
      .method = "GET",
      .path = "/v1/backups",
      .list = "backups",
      .columns = "location kind machine user pool host size_bytes consistency created_us id",
      .doc = "list the backups that were written" },
    { .verb = "backup",
      .noun = "scan",
      .method = "POST",
      .path = "/v1/hosts/{id}/backups",
      .args = { NAME("HOST", "host") },
      .doc = "look what is in the backup folder of a host; the operation's result tells" },
    { .verb = "backup",
      .noun = "export",
      .method = "POST",
      .path = "/v1/restore-points/{id}/export",
      .args = { NAME("RESTORE-POINT", "restore-point"), BODY("NAME", "name") },
      .doc = "write the whole disk of a restore point to the backup folder of its host" },
    { .verb = "backup",
      .noun = "import",
      .method = "POST",
      .path = "/v1/backups/import",
      .args = { BODY("NAME", "name") },
      .options = backup_import_options,
      .doc = "make a new desktop with the disk of a backup" },
    { .verb = "backup",
      .noun = "restore-as-new",
      .method = "POST",
      .path = "/v1/restore-points/{id}/restore-as-new",
      .args = { NAME("RESTORE-POINT", "restore-point") },
      .options = new_desktop_options,
      .doc = "make a new desktop with the disk of a restore point" },
    { .verb = "image",
      .noun = "versions",
      .method = "GET",
      .path = "/v1/images/{id}/versions",
      .args = { NAME("IMAGE", "image") },
      .list = "versions",
      .columns = "number state tag n_machines n_replicas size_bytes sealed_by changelog id",
      .doc = "list the versions of an image, the youngest first" },
    { .verb = "image",
      .noun = "version",
      .method = "GET",
      .path = "/v1/images/{id}/versions/{part}",
      .args = { NAME("IMAGE", "image"), WORD("VERSION") },
      .doc = "show a version: where it is, what sealing found, its signed manifest" },
    { .verb = "image",
      .noun = "tags",
      .method = "GET",
      .path = "/v1/images/{id}/tags",
      .args = { NAME("IMAGE", "image") },
      .list = "tags",
      .columns = "tag number state moved_us moved_by version",
      .doc = "list the tags of an image" },
    { .verb = "image",
      .noun = "tag",
      .method = "PUT",
      .path = "/v1/images/{id}/tags/{part}",
      .args = { NAME("IMAGE", "image"), BODY("VERSION", "version"), WORD("TAG") },
      .doc = "move a tag; pools that have machines stay as they are until something is published" },
    { .verb = "image",
      .noun = "retire",
      .method = "POST",
      .path = "/v1/images/{id}/versions/{part}/retire",
      .args = { NAME("IMAGE", "image"), WORD("VERSION") },
      .doc = "make no new machines of a version" },
    { .verb = "image",
      .noun = "revive",
      .method = "POST",
      .path = "/v1/images/{id}/versions/{part}/revive",
      .args = { NAME("IMAGE", "image"), WORD("VERSION") },
      .doc = "make a retired version available again" },
    { .verb = "image",
      .noun = "drop",
      .method = "DELETE",
      .path = "/v1/images/{id}/versions/{part}",
      .args = { NAME("IMAGE", "image"), WORD("VERSION") },
      .doc = "let a version go that nothing uses; its files leave the hosts" },
    { .verb = "image",
      .noun = "limit",
      .method = "PUT",
      .path = "/v1/image-limit",
      .options = limit_options,
      .doc = "say how fast each host may fetch images" },
    { .verb = "image",
      .noun = "gc",
      .method = "POST",
      .path = "/v1/image-gc",
      .options = gc_options,
      .list = "frees",
      .columns = "host place image number bytes roots shared",
      .doc = "let versions go beyond those that an image keeps, and list what is freed" },
    { .verb = "image",
      .noun = "import",
      .args = { NAME("IMAGE", "image"), FILE_ARG("FILE") },
      .options = import_options,
      .func = berth_ctl_run_image_import,
      .doc = "send a disk and make the next version of an image of it" },
    { .verb = "image",
      .noun = "edit",
      .args = { WORD("IMAGE") },
      .options = image_edit_options,
      .has_body = true,
      .func = berth_ctl_run_image_edit,
      .doc = "begin the next version: a clone in a maintenance desktop of yours" },
    { .verb = "image",
      .noun = "run",
      .args = { WORD("IMAGE"), FILE_ARG("FILE") },
      .options = image_run_options,
      .has_body = true,
      .func = berth_ctl_run_image_run,
      .doc = "run a script as root in the maintenance desktop (-: from standard input)" },
    { .verb = "image",
      .noun = "seal",
      .args = { WORD("IMAGE") },
      .options = image_seal_options,
      .has_body = true,
      .func = berth_ctl_run_image_seal,
      .doc = "make the maintenance desktop a version, and show what changed" },
    { .verb = "image",
      .noun = "discard",
      .args = { WORD("IMAGE") },
      .func = berth_ctl_run_image_discard,
      .doc = "throw the edit away, with its maintenance desktop" },
    { .verb = "image",
      .noun = "diff",
      .args = { WORD("IMAGE"), WORD("VERSION"), WORD("[OLDER]") },
      .func = berth_ctl_run_image_diff,
      .doc = "show packages and files that changed since the parent, or an older version" },
    { .verb = "image",
      .noun = "test-run",
      .args = { WORD("IMAGE"), WORD("VERSION"), FILE_ARG("[SCRIPT]") },
      .options = image_test_options,
      .has_body = true,
      .func = berth_ctl_run_image_test,
      .doc = "boot private copies of a version, and use each by berth probe" },
    { .verb = "image",
      .noun = "publish",
      .method = "POST",
      .path = "/v1/images/{id}/publish",
      .args = { NAME("IMAGE", "image"), BODY("VERSION", "version") },
      .options = publish_options,
      .list = "rollouts",
      .columns = "pool rollout",
      .doc = "move a tag to a version, and roll it out to the pools that follow the tag" },
    { .verb = "image",
      .noun = "promote",
      .method = "POST",
      .path = "/v1/images/{id}/promote",
      .args = { NAME("IMAGE", "image") },
      .list = "rollouts",
      .columns = "pool rollout",
      .doc = "end the canaries of an image: all desktops follow" },
    { .verb = "image",
      .noun = "rollback",
      .method = "POST",
      .path = "/v1/images/{id}/rollback",
      .args = { NAME("IMAGE", "image") },
      .list = "rollouts",
      .columns = "pool rollout",
      .doc = "go back to the version before, in all pools" },
    { .verb = "image",
      .noun = "status",
      .args = { NAME("IMAGE", "image") },
      .options = image_status_options,
      .func = berth_ctl_run_image_status,
      .doc = "draw who is on which version, and what a rollout waits for" },
    { .verb = "rollout",
      .noun = "pause",
      .method = "POST",
      .path = "/v1/rollouts/{id}/pause",
      .args = { NAME("ROLLOUT", "rollout") },
      .doc = "hold a rollout" },
    { .verb = "rollout",
      .noun = "resume",
      .method = "POST",
      .path = "/v1/rollouts/{id}/resume",
      .args = { NAME("ROLLOUT", "rollout") },
      .doc = "let a rollout go on that was paused" },
    { .verb = "rollout",
      .noun = "promote",
      .method = "POST",
      .path = "/v1/rollouts/{id}/promote",
      .args = { NAME("ROLLOUT", "rollout") },
      .doc = "end a canary: all desktops follow" },
    { .verb = "rollout",
      .noun = "rollback",
      .method = "POST",
      .path = "/v1/rollouts/{id}/rollback",
      .args = { NAME("ROLLOUT", "rollout") },
      .doc = "go back to the version before" },
    { .verb = "status",
      .method = "GET",
      .path = "/v1/status",
      .list = "status",
      .doc = "numbers at a glance" },
    { .verb = "top",
      .options = top_options,
      .func = berth_ctl_run_top,
      .doc = "watch hosts, pools and sessions" },
    { .verb = "fsck",
      .method = "GET",
      .path = "/v1/fsck",
      .list = "fsck",
      .columns = "check breaches rows",
      .doc = "check the store for what must never be" },
    { .verb = "audit",
      .noun = "list",
      .method = "GET",
      .path = "/v1/audit",
      .options = audit_options,
      .list = "audit",
      .columns = "at_us actor kind object data",
      .doc = "show the audit log" },
    { .verb = "audit",
      .noun = "verify",
      .method = "GET",
      .path = "/v1/audit/verify",
      .doc = "check that nobody edited, deleted, swapped or cut the audit log" },
    REPORT("usage", usage_options, "user pool hour sessions seconds peak peak_at_us",
           "time in sessions by user, pool or hour"),
    REPORT("peak", report_options, "pool peak peak_at_us sessions seconds",
           "most sessions at once"),
    REPORT("failed-logins", failed_options, "actor n_failures first_us last_us",
           "logins that failed"),
    { .verb = "report",
      .noun = "capacity",
      .method = "GET",
      .path = "/v1/reports/capacity",
      .list = "pools",
      .columns = "name n_assigned size room limited_by peak full_in_days detail",
      .doc = "when will each pool be full" },
    { .verb = "safe-mode",
      .noun = "off",
      .method = "POST",
      .path = "/v1/safe-mode",
      .has_body = true,
      .doc = "after a restored backup: what hosts reported is in order, go on" },
    { .verb = "log",
      .noun = "set",
      .method = "PUT",
      .path = "/v1/log",
      .args = { BODY("LEVELS", "scopes") },
      .doc = "change what the broker logs: info,agent=debug" },

    DB("backup", FILE_ARG("FILE"), "write the store into a file, while the broker runs"),
    DB("restore", FILE_ARG("FILE"), "make the store as a file says; begins in safe mode"),
    DB("migrate", { 0 }, "bring the store to this version"),
    { .verb = "db",
      .noun = "copy",
      .args = { FILE_ARG("FROM"), FILE_ARG("TO") },
      .doc = "copy a store, as from SQLite to PostgreSQL, and compare" },
    DB("verify", FILE_ARG("[FILE]"), "check the audit log of a store, or of a backup"),
    { .verb = "completion",
      .args = { WORD("SHELL") },
      .doc = "print a completion script for bash" },
};

const size_t berth_ctl_n_commands = G_N_ELEMENTS(berth_ctl_commands);
