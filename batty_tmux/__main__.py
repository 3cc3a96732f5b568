from batty_tmux.cli import main

raise SystemExit(main())
