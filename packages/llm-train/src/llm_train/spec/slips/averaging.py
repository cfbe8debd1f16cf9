"""Mistakes with the average of the weights."""

from torch import Tensor

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("train.ema")


def _moved(average: Tensor, parameter: Tensor, share: float) -> Tensor:
    return average + share * (parameter - average)


slip("no correction: the initial weights stay in it", "The first step makes it the parameter itself.")(
    lambda average, parameter, step, decay: _moved(average, parameter, 1 - decay)
)
slip("the shares exchanged", "The average keeps decay, the parameter gets what is left.")(
    lambda average, parameter, step, decay: _moved(parameter, average, (1 - decay) / (1 - decay**step))
)
slip("steps counted from 0", "The first step has t = 1.")(
    lambda average, parameter, step, decay: (
        _moved(average, parameter, (1 - decay) / (1 - decay ** (step - 1))) if step > 1 else parameter.clone()
    )
)
slip("corrected again: the average divided by 1 − β^t", "The average that is kept is corrected already.")(
    lambda average, parameter, step, decay: _moved(average, parameter, 1 - decay) / (1 - decay**step)
)
slip("a plain mean of all steps", "Old weights are forgotten: the fraction ends at 1 − β.")(
    lambda average, parameter, step, decay: _moved(average, parameter, 1 / step)
)
slip("a decay that rises by the rule (1 + t) / (10 + t)", "Another warm start; here the shares are exact.")(
    lambda average, parameter, step, decay: _moved(average, parameter, 1 - min(decay, (1 + step) / (10 + step)))
)
slip("only the first step is corrected", "The correction fades, it does not end.")(
    lambda average, parameter, step, decay: _moved(average, parameter, 1.0 if step == 1 else 1 - decay)
)
slip("the parameter itself after all", "The average is what comes back.")(
    lambda average, parameter, step, decay: parameter.clone()
)
