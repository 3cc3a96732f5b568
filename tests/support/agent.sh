#!/bin/sh
# A scripted agent: does what the test wrote down for this phase and this start, with the commands that a brief
# names. $1 is the folder of all scripts; the last script serves all later starts.
set -eu
here=$1/$BATTY_PHASE
echo "$BATTY_BRIEF" >>"$here/starts"
number=$(($(wc -l <"$here/starts")))
while [ ! -f "$here/$number.sh" ]; do number=$((number - 1)); done

commit() {
    git diff --cached --quiet || git commit --quiet --message "$1"
}

take() {
    picked=$(batty-tmux board pick --dir "$BATTY_BOARD" --claim "$BATTY_PHASE" --move in-progress --json 2>&1) || :
    task=$(printf '%s\n' "$picked" | sed -n 's/^[^a-z]*"id": *\([0-9]*\).*/\1/p' | head -n 1)
}

finish() {
    [ -n "$task" ] || return 0
    batty-tmux board move "$task" "done" --dir "$BATTY_BOARD" --claim "$BATTY_PHASE"
    if [ "${board:-committed}" = committed ]; then
        git add -- "$BATTY_BOARD"
        commit "Finish task $task"
    fi
}

write() {
    mkdir -p "$(dirname "$1")"
    printf '%s\n' "$2" >"$1"
}

commits() {
    take
    write "$1" "$2"
    git add --force -- "$1"
    commit "Write $1"
    finish
}

removes() {
    git rm --quiet -- "$1"
    commit "Remove $1"
}

closes() {
    take
    while [ -n "$task" ]; do
        finish
        take
    done
}

asks() {
    printf '%s ' "$1"
    IFS= read -r answer
    printf '%s\n' "$answer" >>"$here/answers"
}

waits() {
    echo "$1" >>"$here/waiting"
    IFS= read -r _ <"$here/door"
}

# shellcheck source=/dev/null
. "$here/$number.sh"
