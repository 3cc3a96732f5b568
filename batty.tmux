#!/bin/sh
# tmux's plugin manager runs the *.tmux files of a plugin's root folder only; the plugin is in tmux/.
exec "${0%/*}/tmux/batty.tmux"
