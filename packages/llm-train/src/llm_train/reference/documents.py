"""Documents in rows of tokens, one token and one document at a time."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def document_targets(tokens: Numbers, ends: Numbers, separator: int | None) -> tuple[Numbers, Numbers]:
    """What follows each token, unless a document ends there; a separator that ends one begins the next."""
    targets, documents, number = [], [], 0
    finished = ends.tolist()
    for i in range(len(tokens) - 1):
        if i > 0:
            if tokens[i - 1] != separator:
                number += finished.count(i)
            if tokens[i] == separator:
                number += finished.count(i + 1)
        ends_here = i + 1 in finished and tokens[i] != separator
        targets.append(-100 if ends_here else tokens[i + 1])
        documents.append(number)
    return np.array(targets, dtype=np.int64), np.array(documents, dtype=np.int64)


def pack_documents(lengths: Numbers, context_length: int) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Look at every window for every piece, the longest piece first."""
    pieces = []
    for document, length in enumerate(lengths.tolist()):
        for offset in range(0, length, context_length):
            pieces.append((document, offset, min(context_length, length - offset)))
    pieces.sort(key=lambda piece: -piece[2])  # pieces of one length stay in order
    windows: list[list[tuple[int, int, int]]] = []
    for piece in pieces:
        rooms = [context_length - sum(length for _, _, length in window) for window in windows]
        fitting = [(room, number) for number, room in enumerate(rooms) if piece[2] <= room]
        if not fitting:
            fitting = [(context_length, len(windows))]
            windows.append([])
        windows[min(fitting)[1]].append(piece)
    rows = [(*piece, number) for number, window in enumerate(windows) for piece in window]
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 4).T
    return table[0].copy(), table[1].copy(), table[2].copy(), table[3].copy()


def hold_out(sizes: list[int], most: int) -> tuple[int, int]:
    """Hold out whole documents from the end; cut one only where what is whole is less than half of what is wanted."""
    total = sum(sizes)
    if total < 20 or most < 0:
        raise ValueError("a text must have 20 characters")
    wanted = min(total // 10, most)
    if wanted == 0:
        wanted = 1
    held = 0
    document = len(sizes)
    while held < wanted:
        if held + sizes[document - 1] > 2 * wanted:
            if 2 * held < wanted:
                return document - 1, sizes[document - 1] - wanted + held
            break
        document -= 1
        held += sizes[document]
    return document, 0
