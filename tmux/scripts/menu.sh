#!/bin/sh
# Draws batty's menus and does what is chosen in them: menu.sh CLIENT PANE SESSION [file] [ACTION [WORD]].
#
# No Python: the menu is there as soon as the key is let go. tmux expands titles, names and commands of
# a menu as formats, so they hold fixed text, numbers, and names of phases that passed is_plain. With `file` a menu is
# only written down, into @batty_menus/<client's pid>: the binding has tmux read that next.
set -u

here=$(CDPATH='' cd -P -- "${0%/*}" && pwd -P) || exit 1
# shellcheck source=tmux/scripts/common.sh
. "$here/common.sh"
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

client=${1-} pane=${2-} session=${3-} file=
[ "${4-}" != file ] || { file=1 && shift; }
action=${4:-menu} word=${5-}
most=18 wide=90% high=80%

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
    set --
    for format in '#{version}' '#{client_control_mode}:#{client_height}' '#{client_pid}' '#{pane_current_path}' \
        '#{@batty_phase}' '#{@batty_hold}'; do
        set -- "$@" display-message -p "$mark" \; display-message -p -c "$client" -t "$pane" "$format" \;
    done
    for name in @batty-command @batty-parallel @batty_menus; do
        set -- "$@" display-message -p "$mark" \; show-options -gqv "$name" \;
    done
    answers=$(tmux "$@" display-message -p "$mark" 2>/dev/null)
    next_field && server_version=$field
    next_field && height=$field
    next_field && client_pid=$field
    next_field && directory=$field
    next_field && phase=$field
    next_field && held=$field
    next_field && batty=$field
    next_field && parallel=$field
    next_field && menus=$field
    case $height in
        0:[0-9]*) height=${height#0:} ;;
        *) say 'no terminal to draw the menu on' ;;
    esac
    is_plain "$phase" || phase=
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

# Opened by a key, menus know the mouse from 3.5 on, with both flags; opened by a click they always do.
draw() {
    title=$1
    shift
    mouse=
    ! is_at_least "$server_version" 3 5 || mouse=-M
    if [ -n "$file" ]; then
        write_menu "$@"
    else
        # shellcheck disable=SC2086 # a flag or nothing
        tmux display-menu -O $mouse -c "$client" -t "$pane" -x C -y C -T " $title " -- "$@"
    fi
}

# The menu as a line of tmux's configuration, in a folder that nobody else can write to.
write_menu() {
    [ -d "$menus" ] || {
        menus=$(mktemp -d "${TMPDIR:-/tmp}/batty-menus.XXXXXX") || say 'no folder for the menu can be made'
        tmux set-option -g @batty_menus "$menus"
    }
    {
        printf 'display-menu -O %s -x C -y C -T " %s " --' "$mouse" "$title"
        for text in "$@"; do
            quoted "$text"
            printf ' %s' "$answer"
        done
        printf '\n'
    } >"$menus/$client_pid"
}

# An item's command: `does ACTION [WORD]` does something, `opens ACTION [WORD]` draws the next menu. The doubled #
# outlives the drawing of the menu; the formats are expanded when the item is chosen, each quoted for the shell by tmux.
does() {
    printf '%s' "run-shell -b \"##{q:@batty_menu} ##{q:client_name} '##{pane_id}' '##{session_id}' $*\""
}

opens() {
    printf '%s' "run-shell \"##{q:@batty_menu} ##{q:client_name} '##{pane_id}' '##{session_id}' file $*\" ; "
    printf '%s' 'source-file -q -F "##{@batty_menus}/##{client_pid}"'
}

main_menu() {
    is_set_up || {
        draw 'batty is not set up yet' \
            'Set batty up (virtual environment)' s "$(does setup)" \
            'Not now' n ''
        return
    }
    look_around
    set --
    [ "$asking" = 0 ] || set -- "$@" "Answer... ($asking)" a "$(does answer)"
    [ "$reviewing" = 0 ] || set -- "$@" "Review... ($reviewing)" r "$(does review)"
    if [ -n "$phase" ]; then
        if [ "$held" = paused ]; then
            set -- "$@" "Let supervision of $phase go on" P "$(does unpause)"
        else
            set -- "$@" "Pause supervision of $phase" P "$(does pause)"
        fi
        set -- "$@" "What happened to $phase" o "$(does log "$phase")"
    fi
    [ $# = 0 ] || set -- "$@" ''
    # first where all windows are gone: launching would begin anew what can be gone on with
    [ -z "$was_run" ] || [ "$windows" != 0 ] || set -- "$@" 'Resume' R "$(does resume)"
    if [ -n "$has_boards" ]; then
        set -- "$@" "Launch all phases, $parallel at once" L "$(does work-all)" \
            'Launch a phase...' l "$(opens launch)" \
            'Plan' p "$(does plan)"
    elif [ -n "$top" ]; then
        set -- "$@" 'Set this repository up' i "$(does init)"
    else
        set -- "$@" '-No repository here' '' ''
    fi
    set -- "$@" ''
    [ "$windows" = 0 ] || set -- "$@" 'Go to a phase...' w "$(opens go)"
    [ -z "$home_window" ] || set -- "$@" 'Dashboard' d "$(does dashboard)"
    [ -z "$has_boards" ] || set -- "$@" 'Status' s "$(does status)"
    if [ -n "$was_run" ]; then
        set -- "$@" 'Merge queue' m "$(does queue)" 'Report' e "$(does report)"
    fi
    set -- "$@" 'Is everything there? (doctor)' h "$(does doctor)"
    [ "$working" = 0 ] || set -- "$@" '' 'Stop...' x "$(opens stop)"
    draw batty "$@"
}

# What there is to offer: of this repository alone, as far as its path says so in tmux's options without being encoded.
look_around() {
    top=$(git -C "$directory" rev-parse --show-toplevel 2>/dev/null) || top=
    common=$(git -C "$directory" rev-parse --path-format=absolute --git-common-dir 2>/dev/null) || common=
    repo=${common:+$common/batty} has_boards='' was_run='' home_window=''
    case $repo in *[!A-Za-z0-9/+,=@\ ._~-]*) repo= ;; esac
    [ -z "$top" ] || [ -z "$(boards)" ] || has_boards=1
    [ ! -s "$common/batty/journal.jsonl" ] || was_run=1
    asking=0 reviewing=0 working=0 windows=0
    eval "$(count_windows)"
}

# Of the phases' windows, how many are in which state; written as what a shell evaluates: numbers and an id.
count_windows() {
    of_repo | {
        while read -r where name state; do
            if [ "$name" = - ]; then
                printf "home_window='%s'\n" "@${where#*:@}"
                continue
            fi
            windows=$((windows + 1))
            case $state in
                asking) asking=$((asking + 1)) working=$((working + 1)) ;;
                reviewing) reviewing=$((reviewing + 1)) ;;
                working | checking | stuck) working=$((working + 1)) ;;
            esac
        done
        printf 'asking=%d reviewing=%d working=%d windows=%d\n' "$asking" "$reviewing" "$working" "$windows"
    }
}

# of_repo: `$1:@2 phase state` of each window of batty's for this repository; the home window has `-` for its phase.
of_repo() {
    tmux list-windows -a -F "#{session_id}:#{window_id}|#{?@batty_phase,#{@batty_phase},#{?@batty_run,-,}}|\
#{@batty_repo}|#{@batty_state}" |
        while IFS='|' read -r where name of state; do
            case $where in '$'[0-9]*:@[0-9]*) ;; *) continue ;; esac
            case ${where#?} in *[!0-9:@]*) continue ;; esac
            [ -z "${repo-}" ] || [ "$of" = "$repo" ] || continue
            [ "$name" = - ] || is_plain "$name" || continue
            is_plain "$state" || state=-
            printf '%s %s %s\n' "$where" "$name" "$state"
        done
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
            set -- "$@" '' 'More...' + "$(opens "$action" "$((from + most))")"
            break
        fi
        number=$((line - from))
        [ "$number" -le 9 ] || number=
        set -- "$@" "$label" "$number" "$(does "$chosen" "$item")"
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
    for board in "$top"/kanban/*/; do
        # what batty takes for a board: config.yml, or a task
        [ -e "${board}config.yml" ] || [ -n "$(ls -A "${board}tasks" 2>/dev/null)" ] || continue
        board=${board%/}
        board=${board##*/}
        ! is_plain "$board" || printf '%s\n' "$board"
    done | in_natural_order
}

# Those that no window is open for.
to_launch() {
    look_around
    opened=" $(of_repo | while read -r _ name _; do printf '%s ' "$name"; done)"
    boards | while read -r board; do
        case $opened in *" $board "*) ;; *) printf '%s %s\n' "$board" "$board" ;; esac
    done
}

# `id phase  state` of every window that a phase works in.
phases_windows() {
    look_around
    of_repo | while read -r where name state; do
        [ "$name" != - ] || continue
        [ "$state" != - ] || state=
        printf '%s %s\n' "${where#*:@}" "$name${state:+  $state}"
    done
}

go_to() {
    tmux switch-client -c "$client" -t "$session:$1" 2>/dev/null || tmux switch-client -c "$client" -t "$1"
}

# The directory and the command are words of their own: neither tmux nor a shell reads them.
in_window() {
    tmux new-window -t "$session:" -n batty -- \
        sh "$here/run.sh" "$(protected "$directory")" "$(protected "$batty")" "$@"
}

# in_popup HOW COMMAND...: on top of what the user looks at; HOW is a flag of run.sh. A tmux without popups has windows.
in_popup() {
    how=$1
    shift
    set -- sh "$here/run.sh" "$how" -c "$(protected "$client")" "$(protected "$directory")" "$(protected "$batty")" "$@"
    if tmux list-commands display-popup >/dev/null 2>&1; then
        tmux display-popup -E -c "$client" -t "$pane" -w "$wide" -h "$high" -- "$@"
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

dashboard() {
    look_around
    if [ -n "$home_window" ]; then go_to "$home_window"; else in_popup -q dashboard; fi
}

needs_phase() { is_plain "$word" || say 'that is no name of a phase'; }

read_place
find_batty
case $action in
    menu) main_menu ;;
    setup) in_window --setup-only ;;
    init) in_window init ;;
    answer) in_popup -q answer ;;
    dashboard) dashboard ;;
    pause) hold pause 'supervision of this phase is paused' ;;
    unpause) hold unpause 'supervision of this phase goes on' ;;
    work-all) in_window work all --parallel "$parallel" --detach ;;
    launch) to_launch | choose 'Launch a phase' 'Nothing in kanban/ here is to be launched' work "$word" ;;
    work) needs_phase && in_window work "$word" --detach ;;
    resume) in_window resume ;;
    go) phases_windows | choose 'Go to a phase' 'No phase has a window' goto "$word" ;;
    goto)
        case $word in '' | *[!0-9]*) say 'that is no window' ;; esac
        go_to "@$word"
        ;;
    log)
        word=${word:-$phase}
        # shellcheck disable=SC2086 # a name that is plain, or none
        [ -n "$word" ] && needs_phase
        in_popup -p log ${word:+"$word"}
        ;;
    review) wide=96% high=96% && in_popup -q review ;;
    queue | status | plan | report | doctor) in_popup -w "$action" ;;
    stop)
        draw 'Stop the work here?' \
            'Stop' y "$(does stop-now)" \
            'Go on' n ''
        ;;
    stop-now) in_window stop ;;
    *) say 'menu.sh was given an action that it does not know' ;;
esac
