#!/bin/sh
# run.sh [-q] DIRECTORY COMMAND...: runs a command where its output can be read; a key closes it.
#
# With -q what went well, or was left by an interrupt, closes by itself: a person has just answered it.
set -u

quick=
[ "$1" != -q ] || { quick=1 && shift; }
cd -- "$1" || exit 1
shift
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
