#!/bin/sh
# Loads batty into the tmux server: the key that opens the menu, and the segment of the status line.
#
# It runs while tmux starts, which waits for it: no Python, and three calls of tmux. It runs again at
# every reload and update: what it did before it recognizes, and what it replaced it keeps in
# @batty_saved_* for scripts/unload.sh. Errors are shown by tmux; nobody sees this program's own output.
set -u

here=$(CDPATH='' cd -P -- "${0%/*}" && pwd -P) || exit 1
# shellcheck source=tmux/scripts/common.sh
. "$here/scripts/common.sh"

read_options
if ! is_supported "$server_version"; then
    tmux display-message "batty needs tmux 3.2 or newer, and this server is ${server_version:-older}: nothing is loaded"
    exit 0
fi

# A changed @batty-key gives the former key back what it did.
[ -z "$saved_key" ] || [ "$saved_key" = "$wanted_key" ] || "$here/scripts/unload.sh" key

set -- set-option -g @batty_menu "$(protected "$here/scripts/menu.sh")" \; \
    set-option -g @batty_segment "$segment"

if [ "$wanted_status" = on ]; then
    replaced "$status_left" "$placeholder" "$reference"
    [ "$answer" = "$status_left" ] ||
        set -- "$@" \; set-option -g @batty_saved_status_left "$(protected "$status_left")" \; \
            set-option -g status-left "$(protected "$answer")"
    replaced "$status_right" "$placeholder" "$reference"
    [ "$answer" = "$status_right" ] ||
        set -- "$@" \; set-option -g @batty_saved_status_right "$(protected "$status_right")" \; \
            set-option -g status-right "$(protected "$answer")"
elif [ -n "$saved_status_left$saved_status_right" ]; then
    "$here/scripts/unload.sh" status
fi

if [ "$wanted_key" = none ]; then
    tmux "$@"
    exit
fi

read_binding "$wanted_key"
is_ours "$binding" ||
    set -- "$@" \; set-option -g @batty_saved_binding "$(protected "$binding")" \; \
        set-option -g @batty_saved_note "$(protected "$note")"
# The binding names nothing but formats, each quoted for the shell by tmux itself: no path and no
# client's name is ever part of a command line that is written here.
tmux "$@" \; set-option -g @batty_saved_key "$(protected "$wanted_key")" \; \
    bind-key -N 'batty: menu' -T prefix -- "$(protected "$wanted_key")" run-shell -b "$open_menu" ||
    tmux display-message 'batty: @batty-key names no key that tmux knows: the menu is not bound'
