import pytest
import torch
from safetensors.torch import load, save

from llm_train.optimizers import WeightAverage, ema_update


def weights_of(step):
    return torch.randn(3, 2, generator=torch.Generator().manual_seed(step), dtype=torch.float64)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_the_average_is_the_mean_of_all_weights_with_their_shares(decay):
    average = torch.full((3, 2), 7.0, dtype=torch.float64)
    for step in range(1, 30):
        ema_update(average, weights_of(step), step, decay=decay)
        shares = torch.tensor([decay ** (step - one) for one in range(1, step + 1)], dtype=torch.float64)
        every = torch.stack([weights_of(one) for one in range(1, step + 1)])
        torch.testing.assert_close(average, torch.tensordot(shares / shares.sum(), every, 1), rtol=1e-12, atol=1e-14)


def linear(dtype=torch.float32):
    return torch.nn.Linear(4, 3, dtype=dtype)


def changed(model, step):
    with torch.no_grad():
        for one in model.parameters():
            one.copy_(torch.randn(one.shape, generator=torch.Generator().manual_seed(step)))


def test_the_model_has_the_averages_for_a_while_and_then_its_own_weights_again():
    model = linear()
    average = WeightAverage(model, 0.9)
    for step in range(3):
        changed(model, step)
        average.update()
    own = {name: one.clone() for name, one in model.state_dict().items()}

    def failing_evaluation():
        with average.in_model():
            for name, one in model.named_parameters():
                assert torch.equal(one, average.averages[name])
                assert not torch.equal(one, own[name])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing_evaluation()
    assert all(torch.equal(one, own[name]) for name, one in model.state_dict().items())


def test_before_the_first_update_the_model_keeps_its_weights():
    model = linear()
    own = model.weight.clone()
    with WeightAverage(model, 0.9).in_model():
        assert torch.equal(model.weight, own)


def test_an_average_goes_on_from_its_saved_state():
    one, other = linear(), linear()
    unbroken, first = WeightAverage(one, 0.7), WeightAverage(other, 0.7)
    for step in range(4):
        for model, average in ((one, unbroken), (other, first)):
            changed(model, step)
            average.update()
        if step == 1:
            second = WeightAverage(other, 0.7)
            second.load_state(load(save({name: tensor.clone() for name, tensor in first.state().items()})))
            first = second
    assert unbroken.steps == first.steps == 4
    assert all(torch.equal(average, first.averages[name]) for name, average in unbroken.averages.items())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_small_moves_of_16_bit_weights_are_not_lost(dtype):
    model = linear(dtype)
    average = WeightAverage(model, 0.999)
    with torch.no_grad():
        model.weight.fill_(1.0)
    for _ in range(200):
        average.update()
    with torch.no_grad():
        model.weight.add_(2**-6)
    for _ in range(200):
        average.update()
    assert average.averages["weight"].dtype == torch.float32
    assert 1.006 < average.averages["weight"].mean() < 1.0125  # half of the way, and a little more
