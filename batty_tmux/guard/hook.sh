#!/bin/sh
# batty's guard: git in a phase's worktree moves neither the base branch nor refs/batty/*. Against accidents.
#
# Git runs this for every hook of an executor, since its environment says core.hooksPath. Each then becomes the
# user's own hook of that name, with the same arguments, input, folder and environment. Written anew by batty.
base=@base@
# the remote whose branch the base is; nothing where it is one of this repository
shared=@shared@
hook=${0##*/}
guard=${0%/*}
common=${guard%/batty/guard}
known=$guard/hooks-folder

is_surely_ours() {
    case ${GIT_DIR-} in "$common" | "$common"/worktrees/*) return 0 ;; *) return 1 ;; esac
}

# Git's settings say where the user's hooks are, and asking costs a process for each change of each ref. So the
# answer is kept, and used while it is newer than what it was read from.
still_known() {
    is_surely_ours || return 1
    [ -z "${GIT_CONFIG_COUNT-}${GIT_CONFIG_GLOBAL-}" ] && [ ! -e "$GIT_DIR/config.worktree" ] || return 1
    [ -e "$known" ] || return 1
    for file in "$common/config" "${HOME-}/.gitconfig" "${XDG_CONFIG_HOME:-${HOME-}/.config}/git/config"; do
        # shellcheck disable=SC3013 # dash, bash, ksh, zsh and busybox have -nt; where not, git is asked
        [ ! -e "$file" ] || [ "$known" -nt "$file" ] || return 1
    done 2>/dev/null
    IFS= read -r folder <"$known"
}

find_theirs() {
    folder=
    # what git -c says, and so our own setting, must not answer; that of the user's files does
    still_known || folder=$(unset GIT_CONFIG_PARAMETERS && git rev-parse --git-path hooks 2>/dev/null)
    theirs=$folder/$hook
    [ -n "$folder" ] && [ "$folder" != "$guard" ] && [ -f "$theirs" ] && [ -x "$theirs" ] || theirs=
}

# The same names in another repository, a scratch one of a test perhaps, are none of ours.
is_ours() {
    here=$(CDPATH='' cd -P -- "$common" && pwd -P)
    [ -n "$here" ] && [ "$1" = "$here" ]
}

this_repository() {
    git=$(git rev-parse --git-common-dir 2>/dev/null </dev/null) && CDPATH='' cd -P -- "$git" && pwd -P
}

repository_at() {
    # shellcheck disable=SC2046 # names of variables, one word each
    unset $(git rev-parse --local-env-vars)
    CDPATH='' cd -P -- "$1" 2>/dev/null && this_repository
}

is_guarded() {
    case $1 in "$base" | refs/batty/*) return 0 ;; *) return 1 ;; esac
}

is_zero() {
    case $1 in *[!0]*) return 1 ;; *) return 0 ;; esac
}

refuse() {
    branch=${base#refs/heads/}
    {
        echo "batty: refused: this would $1 ${2#refs/heads/}"
        echo "batty: git in a phase's worktree moves neither $branch nor refs/batty/: batty alone does, after the gate."
        echo "batty: commit on the phase's own branch instead, and batty lands it on $branch. If $branch is checked"
        echo "batty: out here, \`git switch -\` goes back to the phase's branch and takes uncommitted changes along."
    } >&2
    exit 1
}

# Packing writes each ref into packed-refs as it is, then removes its file: to the hook a creation and a deletion.
# A true deletion of a packed ref holds the lock of packed-refs meanwhile.
is_packing() {
    if ! is_zero "$2"; then
        : "${current:=$(git for-each-ref --format='%(objectname) %(refname)' "$base" refs/batty/ 2>/dev/null </dev/null)}"
        case "
$current
" in *"
$2 $3
"*) return 0 ;; *) return 1 ;; esac
    fi
    ! is_zero "$1" && [ ! -e "$common/packed-refs.lock" ] && grep -Fqx -e "$1 $3" "$common/packed-refs" 2>/dev/null
}

# A branch is renamed in steps: its log goes aside, it is deleted, then the branch of the new name. To refuse only
# that last step would be too late: git dies at once, and the branch is gone.
is_renamed_to_base() {
    is_zero "$1" && [ -f "$aside" ] || return 1
    case " $(ps -ww -o args= -p "$PPID" 2>/dev/null) " in
        *" ${base#refs/heads/} "*) return 0 ;;
        *) return 1 ;;
    esac
}

put_log_back() {
    [ ! -f "$aside" ] || [ -e "$common/logs/$1" ] || mv "$aside" "$common/logs/$1"
}

check_moves() {
    current='' repository='' aside=$common/logs/refs/.tmp-renamed-log
    while IFS=' ' read -r old new ref; do
        is_guarded "$ref" || is_renamed_to_base "$new" || continue
        is_surely_ours || is_ours "${repository:=$(this_repository)}" || return 0
        is_guarded "$ref" || { put_log_back "$ref" && refuse move "$base"; }
        is_packing "$old" "$new" "$ref" && continue
        is_zero "$new" || refuse move "$ref"
        put_log_back "$ref"
        refuse delete "$ref"
    done
}

is_shared() {
    [ -n "$shared" ] || return 1
    [ "$1" = "$shared" ] || [ "$2" = "$(git remote get-url --push "$shared" 2>/dev/null </dev/null)" ]
}

# A push into this very repository ends in a program that git starts without our setting; one to the remote whose
# branch the base is would land what nothing has gated.
check_pushes() {
    folder=${2#file://}
    is_shared "$1" "$2" || { [ -d "$folder" ] && is_ours "$(repository_at "$folder")"; } || return 0
    while IFS= read -r line; do
        # what is pushed comes first and may hold spaces: HEAD@{1 day ago}
        line=${line% *}
        if is_guarded "${line##* }"; then refuse move "${line##* }"; fi
    done
}

find_theirs
case $hook/$1 in
    reference-transaction/prepared | pre-push/*) ;;
    *)
        [ -z "$theirs" ] || exec "$theirs" "$@"
        exit 0
        ;;
esac
check() {
    if [ "$hook" = pre-push ]; then check_pushes "$1" "$2"; else check_moves; fi
}
if [ -z "$theirs" ]; then
    check "${1-}" "${2-}"
    exit 0
fi
input=$(cat)
check "${1-}" "${2-}" <<END
$input
END
{ [ -z "$input" ] || printf '%s\n' "$input"; } 2>/dev/null | "$theirs" "$@"
