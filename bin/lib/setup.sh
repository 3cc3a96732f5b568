# shellcheck shell=sh
# What bin/batty and bin/test share: find or install what batty needs, and build a virtual environment.
# Read by `.`, after the caller has set `root` (the checkout), `home` (where batty keeps things) and
# `place` (the folder of this environment). Narrates on stderr, one line a step.
: "${root:?}" "${home:?}" "${place:?}"

say() { printf 'batty: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# at_least VERSION MAJOR MINOR: 3.3a and next-3.8 are numbers too; master and openbsd-7.3 are newer than any.
at_least() {
    version=${1#next-}
    case $version in
        master | openbsd-*) return 0 ;;
        [0-9]*) ;;
        *) return 1 ;;
    esac
    major=${version%%[!0-9]*}
    minor=${version#"$major"}
    minor=${minor#.}
    minor=${minor%%[!0-9]*}
    [ "$major" -gt "$2" ] || { [ "$major" -eq "$2" ] && [ "${minor:-0}" -ge "$3" ]; }
}

tmux_version() {
    version=$(tmux -V 2>/dev/null) || version=
    printf '%s' "${version#tmux }"
}

git_version() {
    version=$(git --version 2>/dev/null) || version=
    version=${version#git version }
    printf '%s' "${version%% *}"
}

probe='
import sys
if sys.version_info < (3, 11):
    sys.exit(1)
try:
    import ensurepip, venv
    whole = "whole"
except ImportError:
    whole = "bare"
print("%s %d.%d %s" % (whole, sys.version_info[0], sys.version_info[1], sys.executable))
'

# Sets python, python_version and python_is (whole, bare: without the venv module, or empty: none).
# The real executable is kept, not a pyenv shim: a shim costs a tenth of a second every time.
look_for_python() {
    python='' python_version='' python_is=''
    for candidate in ${BATTY_PYTHON:+"$BATTY_PYTHON"} python3.13 python3.12 python3.11 python3; do
        facts=$("$candidate" -c "$probe" 2>/dev/null) || facts=
        if [ -z "$facts" ]; then
            [ "$candidate" != "${BATTY_PYTHON-}" ] || fail "BATTY_PYTHON=$BATTY_PYTHON is no Python >= 3.11"
            continue
        fi
        [ -z "$python" ] || [ "${facts%% *}" = whole ] || continue
        python_is=${facts%% *}
        facts=${facts#* }
        python_version=${facts%% *}
        python=${facts#* }
        [ "$python_is" != whole ] || break
    done
}

# Sets lacking: the words among python, venv, tmux, git that are not there (and ps and node, for bin/test).
look() {
    lacking=''
    look_for_python
    if [ -z "$python" ] && has uv; then
        say "no Python >= 3.11 here; uv brings one"
        uv python install --quiet 3.12 && BATTY_PYTHON=$(uv python find 3.12) && look_for_python
    fi
    if [ -z "$python" ]; then
        lacking="$lacking python"
    elif [ "$python_is" = bare ] && ! has uv; then
        lacking="$lacking venv"
    fi
    at_least "$(tmux_version)" 3 2 || lacking="$lacking tmux"
    at_least "$(git_version)" 2 38 || lacking="$lacking git"
    [ -z "${wants_ps-}" ] || has ps || lacking="$lacking ps"
    [ -z "${wants_node-}" ] || has_node || lacking="$lacking node"
    lacking=${lacking# }
}

has_node() {
    has npm && major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) && [ "${major:-0}" -ge 18 ]
}

# Sets manager, the system's package manager, and as: what to put before it, where it may be run at all.
look_for_manager() {
    manager='' as='' may=''
    for candidate in apt-get dnf pacman apk brew; do
        has "$candidate" || continue
        manager=$candidate
        break
    done
    if [ "$manager" = brew ]; then
        may=yes
    elif [ "$(id -u)" = 0 ]; then
        may=yes
    elif has sudo; then
        as=sudo
        ! sudo -n true >/dev/null 2>&1 || may=yes
    fi
    [ -z "${BATTY_NO_INSTALL-}" ] || may=''
}

# Debian and Ubuntu name a Python by its version, and python3 may be older than 3.11.
apt_python() {
    for candidate in python3.13 python3.12 python3.11; do
        if [ -n "$(apt-cache search --names-only "^$candidate\$" 2>/dev/null)" ]; then
            printf '%s %s-venv' "$candidate" "$candidate"
            return
        fi
    done
    printf 'python3 python3-venv'
}

packages() {
    for thing in $lacking; do
        case $manager:$thing in
            apt-get:python) apt_python ;;
            apt-get:venv) printf 'python%s-venv' "$python_version" ;;
            dnf:python) printf 'python3.12' ;;
            brew:python) printf 'python@3.13' ;;
            pacman:python) printf 'python' ;;
            *:python | *:venv) printf 'python3' ;;
            brew:node) printf 'node' ;;
            *:node) printf 'nodejs npm' ;;
            dnf:ps | pacman:ps) printf 'procps-ng' ;;
            *:ps) printf 'procps' ;;
            *) printf '%s' "$thing" ;;
        esac
        printf ' '
    done
}

install_line() {
    names=$(packages)
    names=${names% }
    sudo=${as:+$as }
    case $manager in
        apt-get) printf '%s' "${sudo}apt-get update && ${sudo}apt-get install -y $names" ;;
        dnf) printf '%s' "${sudo}dnf install -y $names" ;;
        pacman) printf '%s' "${sudo}pacman -Sy --noconfirm $names" ;;
        apk) printf '%s' "${sudo}apk add $names" ;;
        brew) printf '%s' "brew install $names" ;;
    esac
}

in_words() {
    for thing in $lacking; do
        case $thing in
            python) say "  Python >= 3.11 was not found" ;;
            venv) say "  Python $python_version has no venv module (ensurepip is missing)" ;;
            tmux) say "  tmux >= 3.2 is needed, found: $(tmux_version | grep . || echo none)" ;;
            git) say "  git >= 2.38 is needed, found: $(git_version | grep . || echo none)" ;;
            ps) say "  ps is needed for the tests" ;;
            node) say "  Node.js >= 18 with npm is needed for the tests of the agents' own command lines" ;;
        esac
    done
}

# Installs what is lacking where that needs no password; else names the command to type and gives up.
need() {
    look
    [ -n "$lacking" ] || return 0
    look_for_manager
    if [ -z "$manager" ]; then
        say "missing:"
        in_words
        fail "no package manager that batty knows was found: install these, then type the command again"
    fi
    if [ -z "$may" ]; then
        say "missing:"
        in_words
        say "type this, then the same command again:"
        say "  $(install_line)"
        exit 1
    fi
    install_packages
    look
    [ -n "$lacking" ] || return 0
    say "still missing after $manager has run:"
    in_words
    # shellcheck source=/dev/null
    case "$lacking:$(. /etc/os-release 2>/dev/null && printf '%s' "${ID-}")" in
        git:ubuntu)
            say "this release of Ubuntu has an older git; its newer ones are in a PPA:"
            say "  sudo add-apt-repository -y ppa:git-core/ppa && sudo apt-get install -y git"
            ;;
        *) say "install a newer one by hand, put it first on the PATH, and type the command again" ;;
    esac
    exit 1
}

install_packages() {
    # The list of packages comes first: what apt offers decides which Python is asked for.
    [ "$manager" != apt-get ] || {
        say "apt-get update"
        logged ${as:+sudo -n} apt-get update || :
    }
    # One word each, and none of them from outside.
    # shellcheck disable=SC2046
    set -- $(packages)
    say "installing $* with $manager"
    case $manager in
        apt-get)
            logged ${as:+sudo -n} env DEBIAN_FRONTEND=noninteractive \
                apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@"
            ;;
        dnf) logged ${as:+sudo -n} dnf install -y "$@" ;;
        pacman) logged ${as:+sudo -n} pacman -Sy --noconfirm --needed "$@" ;;
        apk) logged ${as:+sudo -n} apk add "$@" ;;
        brew) logged brew install "$@" ;;
    esac || say "$manager did not succeed; looking at what is there"
}

# Runs a step quietly; what it said is shown only if it failed.
logged() {
    mkdir -p "$place"
    if "$@" >"$place/setup.log" 2>&1 </dev/null; then
        return 0
    fi
    say "failed: $*"
    tail -n 25 "$place/setup.log" >&2
    say "all of it: $place/setup.log"
    return 1
}

# The kernel's lock on descriptor 9: it belongs to this shell and to the installers it starts, and ends
# with the last of them, so a killed setup never leaves a lock behind nor lets a second one in too early.
lock_the_place() {
    mkdir -p "$place"
    exec 9>"$place/lock"
    "$python" -c '
import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("batty: waiting for another one that works in", sys.argv[1], file=sys.stderr)
    fcntl.flock(9, fcntl.LOCK_EX)
' "$place"
}

# A virtual environment cannot be moved (its scripts name their interpreter), so it is built where it
# stays and the stamp is written last: without the stamp it is debris, whatever is in it.
fresh_venv() {
    rm -f "$place/stamp"
    if [ -e "$place/venv" ]; then
        say "starting over: the virtual environment in $place is unfinished or its Python is gone"
        rm -rf "$place/venv"
    fi
    say "making a virtual environment with Python $python_version in $place"
    if has uv; then
        logged uv venv --quiet --python "$python" "$place/venv" && return 0
        [ "$python_is" = whole ] || return 1
        rm -rf "$place/venv"
    fi
    logged "$python" -m venv "$place/venv"
}

install_into_venv() {
    if has uv; then
        logged uv pip install --quiet --compile-bytecode --python "$place/venv/bin/python" "$@" && return 0
        [ -x "$place/venv/bin/pip" ] || return 1
        say "trying again with pip"
    fi
    [ -x "$place/venv/bin/pip" ] || logged "$place/venv/bin/python" -m ensurepip || return 1
    PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 logged "$place/venv/bin/python" -m pip install --quiet "$@"
}

write_stamp() {
    printf '%s\n' "$root" >"$place/stamp.new"
    mv "$place/stamp.new" "$place/stamp"
}

give_up() {
    fail "could not set up; nothing half-made is ever used. Mend the cause above, then type the command again"
}

# For bin/batty, which says what is_set_up means: the checkout itself, so that a pull is all an update takes.
set_up_for_use() {
    unset PYTHONPATH PYTHONHOME
    say "setting up, once (for $root)"
    need
    lock_the_place
    if ! is_set_up; then
        fresh_venv || give_up
        say "installing batty and the libraries it stands on"
        install_into_venv --editable "$root" || give_up
        write_stamp
    fi
    exec 9>&-
}
