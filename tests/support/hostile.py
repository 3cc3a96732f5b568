"""What a board, an agent or a folder may be called; none of it may ever run, style, split or expand."""

TITLES = (
    'it\'s "quoted" `id` $(touch pwned)',
    "a: b, {c: d}, [e] # f",
    "one\ntwo\r\n- three: 3\n",
    "#(touch pwned) #[fg=red]red #{session_name} #{E:@batty_says}",
    "{{ 7 * 7 }} {% raw %} {# c #}",
    "$HOME ${HOME} ~ ~/x %H %% \\n \\",
    "~root",
    "./relative",
    "-t $0",
    "cut here;",
    "\x1b[31mred\x1b]2;t\x07\x9b31m\x00",
    "\N{PILE OF POO} \N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER} e\N{COMBINING ACUTE ACCENT} \ufeff\u2028",
    "x" * 5000,
    "",
)

FOLDERS = (
    "plain",
    "a #(touch pwned) $HOME ${HOME} ~ %H",
    "#{pid} #[fg=red] ## {{ 1 }}",
    "quote ' \" ` \\ $(touch pwned)",
    "emoji \N{PILE OF POO}: e\N{COMBINING ACUTE ACCENT}",
    "ends with;",
    "~",
    "-t",
)

MARKUP = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><style>*{display:none}",
    "<!-- ", "-->", "]]>", "&amp; &lt;script&gt; &#60;",
    "javascript:alert(1)", "[a](javascript:alert(1))", "![x](http://example.com/x.png)",
    "@everyone #1 GH-1", "| a | b |\\| c", "`` ` ```", "**bold** _it_ ~~no~~ <details>",
    "\N{RIGHT-TO-LEFT OVERRIDE}txt.exe\N{POP DIRECTIONAL FORMATTING}",
    "\N{ARABIC LETTER ALEF}\N{ARABIC LETTER LAM} 1 > 2",
    "\ud800 half", "\udcff byte",
)  # fmt: skip
"""The same for a page, a pull request, and whoever reads them."""
