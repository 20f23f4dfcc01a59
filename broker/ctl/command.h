/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands of berthctl as one const table that makes parser, help, completion and checks.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define BERTH_CTL_MAX_ARGS 3
#define BERTH_CTL_MAX_OPTIONS 24

/* What becomes of an argument. */
typedef enum {
    BERTH_CTL_ARG_NONE,
    BERTH_CTL_ARG_BODY,      /* a text in the request body, under `key` */
    BERTH_CTL_ARG_NAME,      /* name or id of a thing of the kind `key`, in the path as its id */
    BERTH_CTL_ARG_PART,      /* a word in the path, at "{part}" */
    BERTH_CTL_ARG_PART_NAME, /* name or id of a thing of the kind `key`, at "{part}" as its id */
    BERTH_CTL_ARG_KIND,      /* a kind; its path is the path */
    BERTH_CTL_ARG_QUERY,     /* a text after "?key=" */
    BERTH_CTL_ARG_FILE,      /* a file that the command reads */
} BerthCtlArgKind;

typedef struct {
    const char *name; /* as help shows it: "NAME"; "[NAME]" may be left out */
    BerthCtlArgKind kind;
    const char *key;
} BerthCtlArg;

/* What becomes of an option's value. */
typedef enum {
    BERTH_CTL_OPTION_END,
    BERTH_CTL_OPTION_TEXT,
    BERTH_CTL_OPTION_INT,
    BERTH_CTL_OPTION_FLAG,      /* takes no value: true */
    BERTH_CTL_OPTION_BOOL,      /* takes "yes" or "no" */
    BERTH_CTL_OPTION_SECRET_FD, /* a line read from a descriptor */
    BERTH_CTL_OPTION_JSON_FILE, /* the JSON in a file */
    BERTH_CTL_OPTION_QUERY,     /* a text after "?key=" */
    BERTH_CTL_OPTION_QUERY_FLAG,
    BERTH_CTL_OPTION_QUERY_DAY,     /* midnight in UTC at which a day begins, in microseconds */
    BERTH_CTL_OPTION_QUERY_DAY_END, /* at which it ends */
    BERTH_CTL_OPTION_LOCAL,         /* a flag for berthctl itself */
    BERTH_CTL_OPTION_LOCAL_TEXT,    /* a text for berthctl itself: a file that is sent */
} BerthCtlOptionKind;

typedef struct {
    const char *name; /* without "--" */
    BerthCtlOptionKind kind;
    const char *key; /* in the body or the query */
    const char *doc;
} BerthCtlOption;

typedef struct BerthCtl BerthCtl;
typedef struct BerthCtlCall BerthCtlCall;

/* A command that is more than one request. */
typedef bool (*BerthCtlFunc)(BerthCtl *ctl, const BerthCtlCall *call, GError **error);

typedef struct {
    const char *verb;
    const char *noun; /* NULL: the verb alone */
    const char *method;
    const char *path; /* "{id}" stands for the thing named, "{part}" for a word */
    BerthCtlArg args[BERTH_CTL_MAX_ARGS];
    const BerthCtlOption *options; /* until one of kind END; NULL for none */
    const char *list;              /* member of the answer to show; NULL: the answer itself */
    const char *columns;           /* of a list, separated by spaces */
    bool is_paged;                 /* the list comes in pages */
    bool has_body;                 /* takes an object, though it has no options */
    bool is_change; /* of a thing with an ETag: what it was is asked first, If-Match is sent */
    BerthCtlFunc func;
    const char *doc;
} BerthCtlCommand;

extern const BerthCtlCommand berth_ctl_commands[];
extern const size_t berth_ctl_n_commands;

/* A command line understood. */
struct BerthCtlCall {
    const BerthCtlCommand *command;
    const char *args[BERTH_CTL_MAX_ARGS]; /* borrowed from argv; NULL if left out */
    GString *query;                       /* "limit=5&state=ready", without "?" */
    json_t *body;                         /* NULL if the command takes none */
    GHashTable *flags;                    /* LOCAL options that were given, by name */
};

/*
 * Understands the words after the global options.
 *
 * Reads the descriptors and files that options name.  Errors: BERTH_ERR_CONFIG for a wrong command
 * line; those of the files.  ret is zeroed by the caller and cleared by it also after an error.
 */
bool berth_ctl_parse(int argc, char **argv, BerthCtlCall *ret, GError **error);

/* Whether a LOCAL option was given. */
bool berth_ctl_call_has(const BerthCtlCall *call, const char *option);

/* What a LOCAL_TEXT option says, borrowed from argv; NULL if it was not given. */
const char *berth_ctl_call_get(const BerthCtlCall *call, const char *option);

/* Frees and wipes what a call holds. */
void berth_ctl_call_clear(BerthCtlCall *call);

/* All commands with their arguments and options; free with g_free().  Pure. */
char *berth_ctl_help(void);
