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

# source-file takes its path for a pattern.
segments=$here/segments.conf
# shellcheck disable=SC1003
for special in '\' '[' '*' '?'; do
    replaced "$segments" "$special" "\\$special"
    segments=$answer
done

# load KIND...: all that is to be set and bound, in one call.
load() {
    loads=$*
    set -- set-option -g @batty_menu "$(protected "$here/scripts/menu.sh")" \; source-file "$(protected "$segments")"
    if [ "$wanted_status" = on ]; then
        for name in $formats; do
            now=''
            eval "now=\$$name"
            filled "$now"
            [ "$answer" = "$now" ] ||
                set -- "$@" \; set-option -g "@batty_saved_$name" "$(protected "$now")" \; \
                    set-option -g "$(dashed "$name")" "$(protected "$answer")"
        done
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
        key=$(protected "$wanted")
        # The bindings name nothing but formats, each quoted for the shell by tmux itself: no path and no client's
        # name is ever part of a command line that is written here.
        case $kind in
            pause | unpause)
                commands_of "$saved_binding"
                set -- "$@" \; bind-key $repeats -N "batty: $kind supervision, in the window of a phase" -T prefix -- \
                    "$key" if-shell -F '#{@batty_phase}' "run-shell -b \"$open_menu $kind\""
                # Elsewhere the key does what it did.
                [ -z "$commands" ] || set -- "$@" "$(protected "$commands")"
                ;;
            menu | launch | go)
                set -- "$@" \; bind-key -N "batty: $kind" -T prefix -- "$key" run-shell "$open_menu file $kind" '\;' \
                    source-file -q -F "$menu_file"
                ;;
            *) set -- "$@" \; bind-key -N "batty: $kind" -T prefix -- "$key" run-shell -b "$open_menu $kind" ;;
        esac
        set -- "$@" \; set-option -g "@batty_saved_key$ending" "$key"
        if [ -n "$saved_binding" ]; then
            set -- "$@" \; set-option -g "@batty_saved_binding$ending" "$(protected "$saved_binding")" \; \
                set-option -g "@batty_saved_note$ending" "$(protected "$saved_note")"
        else
            set -- "$@" \; set-option -gu "@batty_saved_binding$ending" \; set-option -gu "@batty_saved_note$ending"
        fi
    done
    # A click on the status line, where the user has no use for it: menus that the mouse has opened know it, whatever
    # tmux this is.
    if [ "$wanted_mouse" = on ] && { [ -z "$mouse_binding" ] || is_ours "$mouse_binding"; }; then
        set -- "$@" \; bind-key -N 'batty: menu' -n "$click" run-shell "$open_menu file menu" '\;' \
            source-file -q -F "$menu_file"
    fi
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
[ "$wanted_status" = on ] || "$here/scripts/unload.sh" status
[ "$wanted_mouse" = on ] || "$here/scripts/unload.sh" mouse

read_bindings wanted
# shellcheck disable=SC2086 # words of our own
load $kinds 2>/dev/null && exit
# One of the keys is none: the others are bound.
for one in $kinds; do
    load "$one" && continue
    of "$one"
    tmux display-message "batty: @batty-key${ending:+-$kind} names no key that tmux knows: $one is not bound"
done
