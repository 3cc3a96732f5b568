# shellcheck shell=sh
# The scripts that read this file use what it sets:
# shellcheck disable=SC2034
# What the plugin's scripts share, read by `.`. Values of options are data here: nothing in them is
# expanded, run or split, whatever they hold.
export LC_ALL=C

# Without -u tmux says `_` for every letter that is not ASCII to a program whose locale is C.
tmux() { command tmux -u "$@"; }

newline='
'
# A line of its own between two answers of one tmux call; a value may have several lines.
mark='=batty=between=answers='
placeholder='#{batty_status}'
# E: expands batty's own template, and only that: segments.conf has it.
reference='#{E:@batty_segment}'
window_placeholder='#{batty_window}'
window_reference='#{E:@batty_window}'
# How a menu is drawn: a script writes it into a file for this client, which tmux then reads in the place of the key or
# the click, so that the mouse goes with the menu.
menu_file='#{@batty_menus}/#{client_pid}'
click=MouseDown1StatusRight
open_menu="#{q:@batty_menu} #{q:client_name} '#{pane_id}' '#{session_id}'"

# tmux takes a `;` at the end of any argument for the end of the command.
protected() {
    case $1 in
        *\;) printf '%s\\;' "${1%;}" ;;
        *) printf '%s' "$1" ;;
    esac
}

# replaced TEXT FROM TO: sets answer.
replaced() {
    rest=$1 answer=''
    while :; do
        case $rest in
            *"$2"*)
                answer=$answer${rest%%"$2"*}$3
                rest=${rest#*"$2"}
                ;;
            *) break ;;
        esac
    done
    answer=$answer$rest
}

# Cuts the next answer off `answers` into `field`.
next_field() {
    answers=${answers#"$mark$newline"}
    field=${answers%%"$mark"*}
    answers=${answers#"$field"}
    field=${field%"$newline"}
}

# What can be bound, and to which key it is where the user says nothing; each is an action of menu.sh too. The option is
# @batty-key-KIND, and @batty-key for the menu. In this order: kinds that are given the same key leave it to the last.
kinds='doctor log stop report plan status queue resume go launch dashboard review answer unpause pause menu'
default_key() {
    case $1 in
        menu) default=B ;;
        pause) default=P ;;
        unpause) default=R ;;
        *) default=none ;;
    esac
}

# ending_of KIND: sets ending, with which the names of its options for what it replaced end.
ending_of() {
    ending=
    [ "$1" = menu ] || ending=_$1
}

# All that the scripts read of the server's options, in one call.
read_options() {
    set -- display-message -p "$mark" \; display-message -p '#{version}'
    for kind in $kinds; do
        ending_of "$kind"
        option=@batty-key-$kind
        [ "$kind" != menu ] || option=@batty-key
        set -- "$@" \; display-message -p "$mark" \; show-options -gqv "$option"
        for saved in key binding note; do
            set -- "$@" \; display-message -p "$mark" \; show-options -gqv "@batty_saved_$saved$ending"
        done
    done
    for name in @batty-status @batty-mouse @batty_menus; do
        set -- "$@" \; display-message -p "$mark" \; show-options -gqv "$name"
    done
    for name in $formats; do
        set -- "$@" \; display-message -p "$mark" \; show-options -gqv "$(dashed "$name")" \; \
            display-message -p "$mark" \; show-options -gqv "@batty_saved_$name"
    done
    answers=$(tmux "$@" \; display-message -p "$mark")
    next_field && server_version=$field
    for kind in $kinds; do
        default_key "$kind"
        next_field && eval "${kind}_wanted=\${field:-\$default}"
        next_field && eval "${kind}_saved=\$field"
        next_field && eval "${kind}_saved_binding=\$field"
        next_field && eval "${kind}_saved_note=\$field"
    done
    next_field && wanted_status=${field:-on}
    next_field && wanted_mouse=${field:-on}
    next_field && menus=$field
    for name in $formats; do
        next_field && eval "$name=\$field"
        next_field && eval "saved_$name=\$field"
    done
}

# Where a placeholder may stand; as names of variables, tmux's have dashes.
formats='status_left status_right window_status_format window_status_current_format'
dashed() {
    replaced "$1" _ -
    printf '%s' "$answer"
}

# filled TEXT: sets answer, the text with what stands for the placeholders.
filled() {
    replaced "$1" "$placeholder" "$reference"
    replaced "$answer" "$window_placeholder" "$window_reference"
}

# of KIND: sets, of that kind's, wanted, saved, saved_binding, saved_note, binding and note, and ending. `kind` is one
# of our own words.
of() {
    kind=$1 wanted='' saved='' saved_binding='' saved_note='' binding='' note=''
    ending_of "$kind"
    eval "wanted=\$${kind}_wanted saved=\$${kind}_saved saved_binding=\$${kind}_saved_binding"
    eval "saved_note=\$${kind}_saved_note binding=\${${kind}_binding-} note=\${${kind}_note-}"
}

# read_bindings WHICH: for the keys that are `wanted`, or `saved`, how each is bound now, in one call. Commands from
# a file each stand for themselves: a key that is free or unknown, which is an error, holds up none of the others.
read_bindings() {
    answers=$(
        for kind in $kinds; do
            eval "key=\$${kind}_$1"
            [ "$key" != none ] || key=
            quoted "$key"
            printf 'display-message -p %s\nlist-keys -T prefix -- %s\n' "$mark" "$answer"
            printf 'display-message -p %s\nlist-keys -N -T prefix -- %s\n' "$mark" "$answer"
            [ "$kind" != menu ] ||
                printf 'display-message -p %s\nlist-keys -T root -- %s\n' "$mark" "$click"
        done | tmux source-file - 2>/dev/null
    )
    for kind in $kinds; do
        next_field && eval "${kind}_binding=\$field"
        next_field && eval "${kind}_note=\${field#* }"
    done
    next_field && mouse_binding=$field
}

# quoted TEXT: sets answer, the text as one word of a file that tmux reads.
quoted() {
    # shellcheck disable=SC1003
    replaced "$1" '\' '\\'
    replaced "$answer" '"' '\"'
    replaced "$answer" '$' '\$'
    answer="\"$answer\""
}

# commands_of BINDING: sets commands, what a key runs, in the form that a command has within another, and repeats,
# its flag for that. list-keys puts `\;` between commands; a `\;` that an argument holds it writes `\\;`.
commands_of() {
    commands='' repeats=''
    [ -n "$1" ] || return 0
    case ${1%%-T *} in *-r*) repeats=-r ;; esac
    commands=${1#*-T }
    for _ in table key; do
        commands=${commands#"${commands%%[! ]*}"}
        commands=${commands#* }
    done
    commands=${commands#"${commands%%[! ]*}"}
    replaced "$commands" ' \; ' ' ; '
    commands=$answer
}

is_ours() {
    case $1 in *'#{q:@batty_menu}'*) return 0 ;; *) return 1 ;; esac
}

# is_at_least VERSION MAJOR MINOR, for 3.3a, next-3.8, master and openbsd-7.3.
is_at_least() {
    version=${1#next-}
    case $version in
        master | openbsd-*) return 0 ;;
        [0-9]*.[0-9]*) ;;
        *) return 1 ;;
    esac
    major=${version%%.*}
    minor=${version#*.}
    minor=${minor%%[!0-9]*}
    [ "$major" -gt "$2" ] || { [ "$major" -eq "$2" ] && [ "$minor" -ge "$3" ]; }
}

is_supported() { is_at_least "$1" 3 2; }
