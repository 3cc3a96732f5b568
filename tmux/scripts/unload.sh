#!/bin/sh
# Takes back what batty.tmux did to the tmux server: unload.sh [all | menu | pause | unpause | status].
#
# What the user has changed since then stays as the user left it. Windows in which phases work, and
# their options, are not the plugin's and stay too.
set -u

here=$(CDPATH='' cd -P -- "${0%/*}" && pwd -P) || exit 1
# shellcheck source=tmux/scripts/common.sh
. "$here/common.sh"

# give_back KIND
give_back() {
    of "$1"
    [ -n "$saved" ] || return 0
    if is_ours "$binding"; then
        tmux unbind-key -T prefix -- "$(protected "$saved")"
        [ -z "$saved_binding" ] || restore_binding
    fi
    tmux set-option -gu "@batty_saved_key$ending" \; set-option -gu "@batty_saved_binding$ending" \; \
        set-option -gu "@batty_saved_note$ending"
}

# list-keys says how a key is bound in tmux's own syntax, except for the note.
restore_binding() {
    if [ -n "$saved_note" ]; then
        replaced "$saved_note" "'" "'\\''"
        saved_binding="bind-key -N '$answer' ${saved_binding#bind-key}"
    fi
    printf '%s\n' "$saved_binding" | tmux source-file -
}

# give_status_back NAME NOW SAVED SAVED-NAME
give_status_back() {
    replaced "$3" "$placeholder" "$reference"
    [ -z "$3" ] || [ "$2" != "$answer" ] || tmux set-option -g "$1" "$(protected "$3")"
    tmux set-option -gu "$4"
}

give_statuses_back() {
    give_status_back status-left "$status_left" "$saved_status_left" @batty_saved_status_left
    give_status_back status-right "$status_right" "$saved_status_right" @batty_saved_status_right
}

# Asked first, because read_options cannot tell a server without options from no server.
tmux show-options -g >/dev/null || exit 1
read_options
read_bindings saved
case ${1:-all} in
    menu | pause | unpause) give_back "$1" ;;
    status) give_statuses_back ;;
    all)
        for one in $kinds; do
            give_back "$one"
        done
        give_statuses_back
        tmux set-option -gu @batty_menu \; set-option -gu @batty_segment
        ;;
    *)
        echo 'usage: unload.sh [all | menu | pause | unpause | status]' >&2
        exit 2
        ;;
esac
