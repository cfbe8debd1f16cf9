"""When a run looks up from its work: a pure function of its length."""


def milestones(steps: int, count: int) -> frozenset[int]:
    """Give `count` steps spread evenly over a run, the last step not among them (the end does everything anyway)."""
    return frozenset(round(index * steps / (count + 1)) for index in range(1, count + 1)) - {0, steps}
