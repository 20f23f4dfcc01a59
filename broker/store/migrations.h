/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The migrations of the store, generated from store/sql/NNNN-*.sql at build time.
 */
#pragma once

/* SQL scripts in order; number i brings a store from version i to version i + 1. */
extern const char *const berth_migrations[];

/* How many there are: the version of a current store. */
extern const int berth_n_migrations;
