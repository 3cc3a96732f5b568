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
'#{?@batty_state, #{q/e:@batty_state},}#{?@batty_task, #{=/40/...;q/e:@batty_task},},}'\
'#{?@batty_summary, #{q/e:@batty_summary},}'
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

# All that the scripts read of the server's options, in one call.
read_options() {
    set -- display-message -p "$mark" \; display-message -p '#{version}'
    for name in @batty-key @batty-status @batty_saved_key @batty_saved_binding @batty_saved_note \
        status-left status-right @batty_saved_status_left @batty_saved_status_right; do
        set -- "$@" \; display-message -p "$mark" \; show-options -gqv "$name"
    done
    answers=$(tmux "$@" \; display-message -p "$mark")
    next_field && server_version=$field
    next_field && wanted_key=${field:-B}
    next_field && wanted_status=${field:-on}
    next_field && saved_key=$field
    next_field && saved_binding=$field
    next_field && saved_note=$field
    next_field && status_left=$field
    next_field && status_right=$field
    next_field && saved_status_left=$field
    next_field && saved_status_right=$field
}

# Sets binding, the command that binds the key as it is now, and its note; both empty when it is free.
read_binding() {
    answers=$(tmux display-message -p "$mark" \; list-keys -T prefix -- "$(protected "$1")" \; \
        display-message -p "$mark" \; list-keys -N -T prefix -- "$(protected "$1")" 2>/dev/null)
    next_field && binding=$field
    next_field && note=${field#* }
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
