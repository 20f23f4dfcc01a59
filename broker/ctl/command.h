/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands of berthctl as one const table that makes parser, help and checks.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define BERTH_CTL_MAX_ARGS 2
#define BERTH_CTL_MAX_OPTIONS 8

/* What becomes of an argument. */
typedef enum {
    BERTH_CTL_ARG_NONE,
    BERTH_CTL_ARG_BODY, /* a text in the request body, under `key` */
    BERTH_CTL_ARG_ID,   /* an id in the path */
    BERTH_CTL_ARG_POOL, /* a pool's name or id, in the path as its id */
} BerthCtlArgKind;

typedef struct {
    const char *name; /* as help shows it: "NAME" */
    BerthCtlArgKind kind;
    const char *key;
} BerthCtlArg;

/* What becomes of an option's value. */
typedef enum {
    BERTH_CTL_OPTION_END,
    BERTH_CTL_OPTION_TEXT,
    BERTH_CTL_OPTION_INT,
    BERTH_CTL_OPTION_FLAG,      /* takes no value: true */
    BERTH_CTL_OPTION_SECRET_FD, /* a line read from a descriptor */
    BERTH_CTL_OPTION_JSON_FILE, /* the JSON in a file */
    BERTH_CTL_OPTION_QUERY,     /* a number after "?name=" */
} BerthCtlOptionKind;

typedef struct {
    const char *name; /* without "--" */
    BerthCtlOptionKind kind;
    const char *key; /* in the body or the query */
    bool is_needed;
    const char *doc;
} BerthCtlOption;

typedef struct {
    const char *noun;
    const char *verb; /* NULL: the noun alone */
    const char *method;
    const char *path; /* "{id}" stands for the ID or POOL argument */
    BerthCtlArg args[BERTH_CTL_MAX_ARGS];
    BerthCtlOption options[BERTH_CTL_MAX_OPTIONS];
    const char *list;    /* member of the answer to show; NULL: the answer itself */
    const char *columns; /* of a list, separated by spaces; NULL: no output but "ok" */
    const char *doc;
} BerthCtlCommand;

extern const BerthCtlCommand berth_ctl_commands[];
extern const size_t berth_ctl_n_commands;

/* A command line understood. */
typedef struct {
    const BerthCtlCommand *command;
    char *id;     /* argument for the path, may still be a pool's name; NULL if there is none */
    char *query;  /* "limit=5"; NULL if there is none */
    json_t *body; /* NULL if the command takes none */
} BerthCtlCall;

/*
 * Understands the words after the global options.
 *
 * Reads the descriptors and files that options name.  Errors: BERTH_ERR_CONFIG for a wrong command
 * line; those of the files.  ret is zeroed by the caller and cleared by it also after an error.
 */
bool berth_ctl_parse(int argc, char **argv, BerthCtlCall *ret, GError **error);

/* Frees and wipes what a call holds. */
void berth_ctl_call_clear(BerthCtlCall *call);

/* All commands with their arguments and options; free with g_free().  Pure. */
char *berth_ctl_help(void);
