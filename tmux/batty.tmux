#!/bin/sh
# Loads batty into the tmux server: its keys, and the segment of the status line.
#
# It runs while tmux starts, which waits for it: no Python, and three calls of tmux. It runs again at
# every reload and update: what it did before it recognizes, and what it replaced it keeps in
# @batty_saved_* for scripts/unload.sh. Errors are shown by tmux; nobody sees this program's own output.
set -u

here=$(CDPATH='' cd -P -- "${0%/*}" && pwd -P) || exit 1
# shellcheck source=tmux/scripts/common.sh
. "$here/scripts/common.sh"

# load KIND...: all that is to be set and bound, in one call.
load() {
    loads=$*
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
    fi
    for kind in $loads; do
        of "$kind"
        [ "$wanted" != none ] || continue
        # What is ours stands for what it replaced then; a key that is new, or was bound anew, for what it does now.
        if ! is_ours "$binding"; then
            saved_binding=$binding saved_note=$note
        elif [ "$saved" != "$wanted" ]; then
            saved_binding='' saved_note=''
        fi
        # The bindings name nothing but formats, each quoted for the shell by tmux itself: no path and no client's
        # name is ever part of a command line that is written here.
        key=$(protected "$wanted")
        if [ "$kind" = menu ]; then
            set -- "$@" \; bind-key -N 'batty: menu' -T prefix -- "$key" run-shell -b "$open_menu"
        else
            commands_of "$saved_binding"
            set -- "$@" \; bind-key $repeats -N "batty: $kind supervision, in the window of a phase" -T prefix -- \
                "$key" if-shell -F '#{@batty_phase}' "run-shell -b \"$open_menu $kind\""
            # Elsewhere the key does what it did.
            [ -z "$commands" ] || set -- "$@" "$(protected "$commands")"
        fi
        set -- "$@" \; set-option -g "@batty_saved_key$ending" "$key"
        if [ -n "$saved_binding" ]; then
            set -- "$@" \; set-option -g "@batty_saved_binding$ending" "$(protected "$saved_binding")" \; \
                set-option -g "@batty_saved_note$ending" "$(protected "$saved_note")"
        else
            set -- "$@" \; set-option -gu "@batty_saved_binding$ending" \; set-option -gu "@batty_saved_note$ending"
        fi
    done
    tmux "$@"
}

read_options
if ! is_supported "$server_version"; then
    tmux display-message "batty needs tmux 3.2 or newer, and this server is ${server_version:-older}: nothing is loaded"
    exit 0
fi

# A changed option gives the former key back what it did.
for kind in $kinds; do
    of "$kind"
    [ -z "$saved" ] || [ "$saved" = "$wanted" ] || "$here/scripts/unload.sh" "$kind"
done
[ "$wanted_status" = on ] || [ -z "$saved_status_left$saved_status_right" ] || "$here/scripts/unload.sh" status

read_bindings wanted
# shellcheck disable=SC2086 # words of our own
load $kinds 2>/dev/null && exit
# One of the keys is none: the others are bound.
for one in $kinds; do
    load "$one" && continue
    of "$one"
    [ "$one" = menu ] || one="supervision's $one"
    tmux display-message "batty: @batty-key${ending:+-$kind} names no key that tmux knows: the $one is not bound"
done
