"""Documents in rows of tokens by torch: borders that are counted, windows as a table of rooms."""

import torch
from torch import Tensor

IGNORED = -100


class TorchWitness:
    """Comparisons of everything with everything, and running sums."""

    @staticmethod
    def document_targets(tokens: Tensor, ends: Tensor, separator: int | None) -> tuple[Tensor, Tensor]:
        inputs = torch.arange(len(tokens) - 1)
        within = ends[(ends >= 1) & (ends < len(tokens))]
        is_separator = torch.zeros(len(within), dtype=torch.bool)
        if separator is not None:
            is_separator = tokens[within - 1] == separator
        closed = (inputs[:, None] + 1 == within[~is_separator]).any(1)
        borders = within - is_separator.long()
        documents = ((inputs[:, None] >= borders) & (borders > 0)).sum(1)
        return torch.where(closed, torch.tensor(IGNORED), tokens[1:].long()), documents

    @staticmethod
    def pack_documents(lengths: Tensor, context_length: int) -> tuple[Tensor, ...]:
        rows = [
            (document, offset, piece)
            for document, length in enumerate(lengths.tolist())
            for offset, piece in zip(
                range(0, length, context_length),
                [context_length] * (length // context_length) + [length % context_length],
                strict=False,
            )
        ]
        rooms: list[int] = []
        packed: list[tuple[int, ...]] = []
        for document, offset, piece in sorted(rows, key=lambda row: (-row[2], row[0], row[1])):
            fitting = [(room, window) for window, room in enumerate(rooms) if room >= piece]
            if not fitting:
                rooms.append(context_length)
                fitting = [(context_length, len(rooms) - 1)]
            window = min(fitting)[1]
            rooms[window] -= piece
            packed.append((window, len(packed), document, offset, piece))
        table = torch.tensor(sorted(packed), dtype=torch.int64).reshape(-1, 5)
        return tuple(table[:, column].clone() for column in (2, 3, 4, 0))

    @staticmethod
    def hold_out(sizes: list[int], most: int) -> tuple[int, int]:
        if sum(sizes) < 20:
            raise ValueError("too short")
        after = torch.tensor(sizes).flip(0).cumsum(0).flip(0)  # characters from the beginning of each document on
        wanted = max(1, min(int(after[0]) // 10, most))
        whole = (after <= 2 * wanted).nonzero().flatten()  # a suffix of the documents, since sizes are not negative
        enough = (after >= wanted).nonzero().flatten()
        first = int(whole[0]) if len(whole) else len(sizes)
        if len(enough) and int(enough[-1]) >= first:
            return int(enough[-1]), 0
        held = int(after[first]) if first < len(sizes) else 0
        return (first, 0) if 2 * held >= wanted else (first - 1, sizes[first - 1] - (wanted - held))
