#!/bin/sh
# Takes back what batty.tmux did to the tmux server: unload.sh [all | status | mouse | KIND].
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

# give_status_back NAME: what stands there still is ours, so what stood there before comes back.
give_status_back() {
    now='' before=''
    eval "now=\$$1 before=\$saved_$1"
    [ -n "$before" ] || return 0
    filled "$before"
    [ "$now" != "$answer" ] || tmux set-option -g "$(dashed "$1")" "$(protected "$before")"
    tmux set-option -gu "@batty_saved_$1"
}

give_statuses_back() {
    for name in $formats; do
        give_status_back "$name"
    done
}

give_mouse_back() {
    ! is_ours "$mouse_binding" || tmux unbind-key -n "$click"
}

# Asked first, because read_options cannot tell a server without options from no server.
tmux show-options -g >/dev/null || exit 1
read_options
read_bindings saved
case ${1:-all} in
    status) give_statuses_back ;;
    mouse) give_mouse_back ;;
    all)
        for one in $kinds; do
            give_back "$one"
        done
        give_statuses_back
        give_mouse_back
        case $menus in
            */batty-menus.??????) rm -f -- "$menus"/[0-9]* && rmdir -- "$menus" ;;
        esac 2>/dev/null
        tmux set-option -gu @batty_menu \; set-option -gu @batty_menus \; set-option -gu @batty_segment \; \
            set-option -gu @batty_window \; set-option -gu @batty_colour
        ;;
    *)
        case " $kinds " in
            *" $1 "*) give_back "$1" ;;
            *)
                echo "usage: unload.sh [all | status | mouse | KIND], KIND one of: $kinds" >&2
                exit 2
                ;;
        esac
        ;;
esac
