#!/bin/sh
# run.sh [-w | -q | -p] [-c CLIENT] DIRECTORY COMMAND...: runs a command where its output can be read; a key closes it.
#
# With -q what went well, or was left by an interrupt, closes by itself: a person has just answered it. With -p it is
# long, and shown by $PAGER, else less. -w is for what has none of it. CLIENT is who looks on: a popup is of no session,
# and a command that leads to another window must know whom to bring there.
set -u

quick='' pager=''
case $1 in
    -q) quick=1 && shift ;;
    -p) pager=${PAGER:-less} && shift ;;
    -w) shift ;;
esac
[ "$1" != -c ] || { export BATTY_CLIENT="$2" && shift 2; }
cd -- "$1" || exit 1
shift
if [ -n "$pager" ] && command -v "${pager%% *}" >/dev/null; then
    # -R for colours; what is shorter than the screen stays until a key is pressed
    "$@" 2>&1 | LESS=${LESS:-R} sh -c "$pager"
    exit
fi
printf '$ batty'
for word in "$@"; do
    [ "$word" = "$1" ] || printf ' %s' "$word"
done
printf '\n'

# An interrupt is for the command; what it said before is still to be read.
trap : INT
"$@"
status=$?
case $quick$status in 10 | 1130) exit 0 ;; esac

if [ "$status" = 0 ]; then
    printf '\ndone; any key closes this'
else
    printf '\nended with %s; any key closes this' "$status"
fi
saved=$(stty -g) || exit
stty -icanon -echo min 1 time 0
dd bs=16 count=1 >/dev/null 2>&1
stty "$saved"
