# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client's libraries complained of, in the client's own log."""
import re

# base/log.h: time, program, level, scope; the scope of a library is its log domain.
COMPLAINT = re.compile(r"^\S+ berth (?:error|warning) (?:Gtk|Gdk|GLib|GLib-\w+|Pango|Atk|Adwaita): .*$",
                       re.MULTILINE)


def complaints(text):
    """Criticals and warnings of GTK and what it stands on; "" if there are none."""
    return "\n".join(COMPLAINT.findall(text))
