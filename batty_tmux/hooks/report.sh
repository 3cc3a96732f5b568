#!/bin/sh
# An agent's hook: tells the supervisor what the agent does. Run as `sh report.sh FOLDER TOKEN [wait]`, the event as
# JSON on stdin. With `wait` it prints the one line that the supervisor answers, if it answers.
#
# It is on the agent's path, so it starts as few programs as it can: one, two with `wait`. It never fails, since an
# agent takes a hook's status 2 for a refusal, and it says nothing of its own: the pane is the agent's.
folder=$1 token=$2
trap 'exit 0' 0
exec 2>/dev/null

# Nobody listens: what would be written would never be read.
[ -p "$folder/bell" ] && [ -r "$folder/listener" ] || exit 0
IFS= read -r pid <"$folder/listener"
case $pid in '' | 0* | *[!0-9]*) exit 0 ;; esac
kill -0 "$pid" || exit 0

# Nor does one that has not read the last 64: its number may have gone to another process.
set -- "${3-}" "$folder"/*.report
[ $# -le 64 ] || exit 0

# A number is used again once its process has ended; the file may still be there. Not `:`, at whose failed redirection
# a shell ends.
set -C
number=$$ more=0
until true >"$folder/$number.report"; do
    more=$((more + 1)) && number=$$-$more
    [ "$more" -le 64 ] || exit 0
done
set +C
{ printf '%s\n' "$token" && head -c 262144; } >"$folder/$number.report" || exit 0

# Opened for both, a FIFO waits for nobody. The line is shorter than what a pipe takes as one.
if [ "$1" != wait ]; then
    echo "$number" 1<>"$folder/bell"
    exit 0
fi
mkfifo -m 600 "$folder/$number.reply" || exit 0
# The rest of a message that was cut is not read: an agent that goes on writing must learn it now, not at the answer.
exec </dev/null 3<>"$folder/$number.reply"
echo "$number" 1<>"$folder/bell"
IFS= read -r answer <&3 && printf '%s\n' "$answer"
