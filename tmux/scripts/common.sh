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
# E: expands batty's own template, and only that; what it shows of the work goes through q/e.
reference='#{E:@batty_segment}'
segment='#{?@batty_phase,#{q/e:@batty_phase}#{?@batty_progress, #{q/e:@batty_progress},}'\
'#{?@batty_state, #{q/e:@batty_state},}#{?@batty_hold, (#{?#{==:#{@batty_hold},you},you type,#{q/e:@batty_hold}}),}'\
'#{?@batty_task, #{=/40/...;q/e:@batty_task},},}'\
'#{?@batty_waiting, needs you: #{q/e:@batty_waiting},}#{?@batty_summary, #{q/e:@batty_summary},}'
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

# What is bound, each with its option @batty-key..., and options of the same ending for what it replaced. In this
# order: two kinds that are given the same key leave it to the last.
kinds='unpause pause menu'

# All that the scripts read of the server's options, in one call.
read_options() {
    set -- display-message -p "$mark" \; display-message -p '#{version}'
    for name in @batty-key @batty_saved_key @batty_saved_binding @batty_saved_note \
        @batty-key-pause @batty_saved_key_pause @batty_saved_binding_pause @batty_saved_note_pause \
        @batty-key-unpause @batty_saved_key_unpause @batty_saved_binding_unpause @batty_saved_note_unpause \
        @batty-status status-left status-right @batty_saved_status_left @batty_saved_status_right; do
        set -- "$@" \; display-message -p "$mark" \; show-options -gqv "$name"
    done
    answers=$(tmux "$@" \; display-message -p "$mark")
    next_field && server_version=$field
    next_field && menu_wanted=${field:-B}
    next_field && menu_saved=$field
    next_field && menu_saved_binding=$field
    next_field && menu_saved_note=$field
    next_field && pause_wanted=${field:-P}
    next_field && pause_saved=$field
    next_field && pause_saved_binding=$field
    next_field && pause_saved_note=$field
    next_field && unpause_wanted=${field:-R}
    next_field && unpause_saved=$field
    next_field && unpause_saved_binding=$field
    next_field && unpause_saved_note=$field
    next_field && wanted_status=${field:-on}
    next_field && status_left=$field
    next_field && status_right=$field
    next_field && saved_status_left=$field
    next_field && saved_status_right=$field
}

# of KIND: sets, of that kind's, wanted, saved, saved_binding, saved_note, binding and note, and ending, with which
# the names of its options end. `kind` is one of our own words.
of() {
    kind=$1 ending='' wanted='' saved='' saved_binding='' saved_note='' binding='' note=''
    [ "$kind" = menu ] || ending=_$kind
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
        done | tmux source-file - 2>/dev/null
    )
    for kind in $kinds; do
        next_field && eval "${kind}_binding=\$field"
        next_field && eval "${kind}_note=\${field#* }"
    done
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
