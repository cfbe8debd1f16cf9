"""From bytes on disk to documents, one at a time.

finding.py     which files are meant: a file, a folder, a glob
decoding.py    bytes to characters: UTF-8 and gzip, block by block
documents.py   where a document begins and ends: whole files, separator lines, fields of JSON lines
parts.py       a file of any size in parts, cut where nothing changes by it
"""
