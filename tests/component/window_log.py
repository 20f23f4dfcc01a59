# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client's libraries complained of, in the client's own log."""
import re

# base/log.h: time, program, level, scope; the scope of a library is its log domain.
COMPLAINT = re.compile(r"^\S+ berth (?:error|warning) (?:Gtk|Gdk|GLib|GLib-\w+|Pango|Atk|Adwaita): .*$",
                       re.MULTILINE)


# A screen reader may ask for a button that has just gone; GTK has no states for it, and the bridge
# to the reader does not look whether there are any.
GONE_BUTTON = re.compile(r"(?:^\S+ berth error Atk: atk_state_set_contains_state: assertion .*\n)+"
                         r"^\S+ berth error GLib-GObject: g_object_unref: assertion .*\n",
                         re.MULTILINE)


def complaints(text, is_read=False):
    """Criticals and warnings of GTK and what it stands on; "" if there are none.

    is_read: a screen reader was there
    """
    if is_read:
        text = GONE_BUTTON.sub("", text)
    return "\n".join(COMPLAINT.findall(text))
