/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Takes out of a text what could be a secret, before the text leaves the device.
 *
 * Secrets are not logged in the first place; this is the second wall, for texts that quote what
 * others sent.  Pure.
 */
#pragma once

/*
 * Replaces by "[removed]": values of names such as password, token, code or secret, what stands
 * before an @ or after a ? in an address, and words of more than 32 letters of base64 or
 * hexadecimal (an id has 32; tokens, keys and tickets are longer).
 *
 * Ownership: new text.
 */
char *berth_redact(const char *text);
