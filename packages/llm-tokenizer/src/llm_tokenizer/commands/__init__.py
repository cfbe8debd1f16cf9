"""The command `llm-tokenizer`, one file a verb, and what the commands of all packages share.

main.py            the command
train.py, encode.py, decode.py, show.py, compare.py, stats.py, corpus.py   the verbs
options.py         options that several of them have
token_display.py   tokens in color, in a terminal or on a page
parser.py          the command line: verbs, options anywhere, the nearest name for a mistyped one
exit_status.py     how a command ends: Ctrl-C, a full disk, a reader that stops
progress.py        how far a long piece of work has come
wording.py         counts and times as words
console.py         printing in color
deferred_imports.py   public names that are imported when they are first used
"""
