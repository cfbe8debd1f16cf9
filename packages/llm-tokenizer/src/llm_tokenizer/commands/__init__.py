"""The verbs of the command `llm-tokenizer`, each with its options.

learning.py      train
translating.py   encode, decode
looking.py       show, compare, stats
surveying.py     corpus
options.py       what several of them share
ending.py        how a command ends: Ctrl-C, a full disk, a reader that stops
"""
