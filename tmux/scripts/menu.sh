#!/bin/sh
# Draws batty's menus and does what is chosen in them: menu.sh CLIENT PANE SESSION [ACTION [WORD]].
#
# No Python: the menu is there as soon as the key is let go. tmux expands titles, names and commands of
# a menu as formats, so they hold fixed text, numbers, and names of phases that passed is_plain.
set -u

here=$(CDPATH='' cd -P -- "${0%/*}" && pwd -P) || exit 1
# shellcheck source=tmux/scripts/common.sh
. "$here/common.sh"
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

client=${1-} pane=${2-} session=${3-} action=${4:-menu} word=${5-}
most=18

# To whoever pressed the key, where that is known: tmux's own choice may be a program's control connection.
say() {
    tmux display-message -c "$client" "batty: $*" 2>/dev/null || tmux display-message "batty: $*"
    exit 0
}

# Letters, digits, dot, underscore, dash, and none of the last three first: what batty lets a phase be called.
is_plain() {
    case $1 in
        '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) return 1 ;;
        *) [ "${#1}" -le 64 ] ;;
    esac
}

# Ids come from tmux, but a person may type this command too.
case $pane:$session in
    %*[!0-9]*:* | *:\$*[!0-9]*) say 'menu.sh was given a pane or session that is no id' ;;
    %[0-9]*:\$[0-9]*) ;;
    *) say 'menu.sh wants a client, a pane and a session: press the key instead' ;;
esac

# A client is always named: without -c, tmux may draw the menu on a program's control connection, where
# nobody sees it, and wait for ever.
read_place() {
    answers=$(tmux display-message -p "$mark" \; \
        display-message -p -c "$client" -t "$pane" '#{version}' \; display-message -p "$mark" \; \
        display-message -p -c "$client" -t "$pane" '#{client_control_mode}:#{client_height}' \; \
        display-message -p "$mark" \; \
        display-message -p -c "$client" -t "$pane" '#{pane_current_path}' \; display-message -p "$mark" \; \
        show-options -gqv @batty-command \; display-message -p "$mark" \; \
        show-options -gqv @batty-parallel \; display-message -p "$mark" 2>/dev/null)
    next_field && server_version=$field
    next_field && height=$field
    next_field && directory=$field
    next_field && batty=$field
    next_field && parallel=$field
    case $height in
        0:[0-9]*) height=${height#0:} ;;
        *) say 'no terminal to draw the menu on' ;;
    esac
    [ -d "$directory" ] || directory=${HOME:-/}
    case $parallel in '' | *[!0-9]* | ?????*) parallel=3 ;; esac
    # A menu that is higher than the screen is not drawn at all.
    [ "$height" -gt $((most + 6)) ] || most=$((height - 6))
    [ "$most" -ge 1 ] || most=1
}

# The user's choice, this checkout's launcher, the environment these files are installed in, or the PATH's.
find_batty() {
    root=${here%/tmux/scripts}
    # An option's value keeps its tilde, and this is where it is understood.
    # shellcheck disable=SC2088
    case $batty in
        '~/'*) batty=${HOME-}/${batty#'~/'} ;;
        '')
            if [ -x "$root/bin/batty" ]; then
                batty=$root/bin/batty
            elif [ -x "$root/../../../../../bin/batty" ]; then
                batty=$root/../../../../../bin/batty
            else
                batty=batty
            fi
            ;;
    esac
    command -v "$batty" >/dev/null 2>&1 || say 'no batty to run: set @batty-command to its path'
}

is_set_up() {
    [ "$batty" != "$root/bin/batty" ] || "$batty" --is-set-up
}

# Opened by a key, menus know the mouse from 3.5 on, with both flags.
draw() {
    title=$1
    shift
    mouse=
    ! is_at_least "$server_version" 3 5 || mouse=-M
    tmux display-menu -O $mouse -c "$client" -t "$pane" -x C -y C -T " $title " -- "$@"
}

# command ACTION [WORD]: what an item does. The doubled # outlives the drawing of the menu; the formats
# are expanded when the item is chosen, each quoted for the shell by tmux.
command_for() {
    printf '%s' "run-shell -b \"##{q:@batty_menu} ##{q:client_name} '##{pane_id}' '##{session_id}' $*\""
}

main_menu() {
    is_set_up || {
        draw 'batty is not set up yet' \
            'Set batty up (virtual environment)' s "$(command_for setup)" \
            'Not now' n ''
        return
    }
    draw batty \
        'Answer...' a "$(command_for answer)" \
        '' \
        "Launch all phases, $parallel at once" L "$(command_for work-all)" \
        'Launch a phase...' l "$(command_for launch)" \
        'Go to a phase...' w "$(command_for go)" \
        '' \
        'Review...' r "$(command_for review)" \
        'Merge queue' m "$(command_for queue)" \
        'Status' s "$(command_for status)" \
        '' \
        'Stop...' x "$(command_for stop)"
}

# choose TITLE EMPTY ACTION FROM: a menu of the lines on stdin, each `word label`; a page at a time.
choose() {
    title=$1 none=$2 chosen=$3 from=$4
    case $from in '' | *[!0-9]*) from=0 ;; esac
    set --
    line=0
    while read -r item label; do
        line=$((line + 1))
        [ "$line" -gt "$from" ] || continue
        if [ "$line" -gt $((from + most)) ]; then
            set -- "$@" '' 'More...' + "$(command_for "$action" "$((from + most))")"
            break
        fi
        number=$((line - from))
        [ "$number" -le 9 ] || number=
        set -- "$@" "$label" "$number" "$(command_for "$chosen" "$item")"
    done
    [ $# -gt 0 ] || set -- "-$none" '' ''
    draw "$title" "$@"
}

in_natural_order() {
    sort -V 2>/dev/null || sort
}

# The boards of the repository that the pane is in.
boards() {
    top=$(git -C "$directory" rev-parse --show-toplevel 2>/dev/null) || return 0
    for board in "$top"/kanban/*/config.yml; do
        board=${board%/config.yml}
        board=${board##*/}
        ! is_plain "$board" || printf '%s %s\n' "$board" "$board"
    done | in_natural_order
}

# windows_of STATE: `id phase  state` of every window that a phase works in; all states when empty.
windows_of() {
    tmux list-windows -a -F '#{session_id}:#{window_id} #{@batty_phase} #{@batty_state}' |
        while read -r where phase state; do
            case $where in '$'[0-9]*:@[0-9]*) ;; *) continue ;; esac
            is_plain "$phase" || continue
            is_plain "$state" || state=
            [ -z "$1" ] || [ "$1" = "$state" ] || continue
            printf '%s %s\n' "${where#*:@}" "$phase${state:+  $state}"
        done
}

reviews() {
    windows_of reviewing | while read -r _ phase state; do
        printf '%s %s\n' "$phase" "$phase  $state"
    done
}

# The directory and the command are words of their own: neither tmux nor a shell reads them.
in_window() {
    tmux new-window -t "$session:" -n batty -- \
        sh "$here/run.sh" "$(protected "$directory")" "$(protected "$batty")" "$@"
}

in_popup() {
    tmux display-popup -E -c "$client" -t "$pane" -w 90% -h 80% -- \
        sh "$here/run.sh" "$(protected "$directory")" "$(protected "$batty")" "$@"
}

# Where something is asked, it is asked on top of what the user looks at, and gone when it is answered.
answers() {
    set -- sh "$here/run.sh" -q "$(protected "$directory")" "$(protected "$batty")" answer
    if tmux list-commands display-popup >/dev/null 2>&1; then
        tmux display-popup -E -c "$client" -t "$pane" -w 90% -h 80% -- "$@"
    else
        tmux new-window -t "$session:" -n batty -- "$@"
    fi
}

# hold ACTION SAYS: pause or unpause the phase of the pane's window. Which phase and which repository that is,
# batty finds by the pane: what the window is called, and where its panes have gone, does not count.
hold() {
    (cd -- "$directory" && TMUX_PANE=$pane "$batty" "$1") >/dev/null 2>&1 ||
        say "the phase of this window stays as it is: batty $1 tells why"
    say "$2"
}

needs_phase() { is_plain "$word" || say 'that is no name of a phase'; }

read_place
find_batty
case $action in
    menu) main_menu ;;
    setup) in_window --setup-only ;;
    answer) answers ;;
    pause) hold pause 'supervision of this phase is paused' ;;
    unpause) hold unpause 'supervision of this phase goes on' ;;
    work-all) in_window work all --parallel "$parallel" --detach ;;
    launch) boards | choose 'Launch a phase' 'No boards in kanban/ here' work "$word" ;;
    work) needs_phase && in_window work "$word" --detach ;;
    go) windows_of '' | choose 'Go to a phase' 'No phase has a window' goto "$word" ;;
    goto)
        case $word in '' | *[!0-9]*) say 'that is no window' ;; esac
        tmux switch-client -c "$client" -t "$session:@$word" 2>/dev/null ||
            tmux switch-client -c "$client" -t "@$word"
        ;;
    review) reviews | choose 'Review' 'Nothing waits for a review' review-one "$word" ;;
    review-one) needs_phase && in_window review "$word" ;;
    queue) in_popup queue ;;
    status) in_popup status ;;
    stop)
        draw 'Stop the work here?' \
            'Stop' y "$(command_for stop-now)" \
            'Go on' n ''
        ;;
    stop-now) in_window stop ;;
    *) say 'menu.sh was given an action that it does not know' ;;
esac
