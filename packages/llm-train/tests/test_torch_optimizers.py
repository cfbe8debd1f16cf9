"""torch's own optimizers as outside witnesses: of one step, and of whole trainings of a small model."""

import pytest
import torch

from llm_layers import Decoder, ModelConfig, cross_entropy
from llm_train.optimizers import SGD, AdamW, CombinedOptimizer, LossScale, Muon, build_optimizer
from llm_train.optimizers.muon import NEWTON_SCHULZ
from llm_train.optimizers.param_groups import kind_of_weight
from llm_train.recipes.settings import OptimizerSettings

CONFIG = ModelConfig(vocab_size=20, d_model=16, layers=2, heads=2, kv_heads=1, d_head=8, d_ff=24, context_length=16)
STEPS = 20


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_sgd_is_torchs(nesterov, weight_decay):
    ours, theirs = numbers(3, 4), torch.nn.Parameter(numbers(3, 4))
    optimizer = SGD({"w": ours}, {"w": 0.1}, momentum=0.8, nesterov=nesterov, weight_decay={"w": weight_decay})
    other = torch.optim.SGD([theirs], lr=0.1, momentum=0.8, nesterov=nesterov, weight_decay=weight_decay)
    for step in range(5):
        theirs.grad = numbers(3, 4, seed=step + 1)
        other.param_groups[0]["lr"] = 0.1 / (step + 1)
        optimizer.step({"w": theirs.grad.clone()}, 1 / (step + 1))
        other.step()
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(12, 12), (30, 8), (8, 30)])
@pytest.mark.parametrize("adjust", ["original", "match_rms_adamw"])
def test_muon_is_torchs_to_the_rounding_of_bfloat16(shape, adjust):
    rows, columns = shape
    factor = 0.2 * max(shape) ** 0.5 / max(1.0, rows / columns) ** 0.5 if adjust == "match_rms_adamw" else 1.0
    ours, theirs = numbers(*shape).float(), torch.nn.Parameter(numbers(*shape).float())
    optimizer = Muon(
        {"w": ours}, 0.02 * factor, momentum=0.95, weight_decay=0.1 / factor, dtype=torch.bfloat16,
        polynomials=NEWTON_SCHULZ, margin=1.0,
    )  # fmt: skip
    other = torch.optim.Muon([theirs], lr=0.02, momentum=0.95, weight_decay=0.1, adjust_lr_fn=adjust)
    start = ours.clone()
    for step in range(3):
        theirs.grad = numbers(*shape, seed=step + 1).float()
        optimizer.step({"w": theirs.grad.clone()})
        other.step()
    assert (ours - theirs).norm() < 0.02 * (ours - start).norm()


def losses_of(model, update):
    generator = torch.Generator().manual_seed(3)
    texts = torch.randint(0, 20, (4, 4, 9), generator=generator)  # four batches, again and again
    losses = []
    for step in range(STEPS):
        text = texts[step % len(texts)]
        loss = cross_entropy(model(text[:, :-1]), text[:, 1:])
        losses.append(loss.item())
        weights = dict(model.named_parameters())
        update(dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True)))
    return torch.tensor(losses)


def stepping(optimizers, weights):
    def step(gradients):
        for name, gradient in gradients.items():
            weights[name].grad = gradient
        for optimizer in optimizers:
            optimizer.step()

    return step


def two_models():
    return (Decoder(CONFIG, generator=torch.Generator().manual_seed(1)) for _ in range(2))


def test_a_model_trains_with_adamw_as_with_torchs():
    one, other = two_models()
    weights, theirs = dict(one.named_parameters()), dict(other.named_parameters())
    decay = {name: 0.1 for name, weight in weights.items() if weight.ndim == 2}
    ours = AdamW(weights, dict.fromkeys(weights, 0.01), weight_decay=decay)
    groups = [
        {"params": [weight for name, weight in theirs.items() if (name in decay) == decayed], "weight_decay": value}
        for decayed, value in ((True, 0.1), (False, 0.0))
    ]
    torchs = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.95))
    mine, reference = losses_of(one, ours.step), losses_of(other, stepping([torchs], theirs))
    torch.testing.assert_close(mine, reference, rtol=1e-4, atol=1e-5)
    assert mine[-1] < mine[0] - 0.3, "it learns"


def test_a_model_trains_with_muon_as_with_torchs():
    one, other = two_models()
    weights, theirs = dict(one.named_parameters()), dict(other.named_parameters())
    matrices = [name for name, weight in weights.items() if kind_of_weight(name, weight.ndim) == "matrix"]
    rest = [name for name in weights if name not in matrices]
    muon = Muon(
        {name: weights[name] for name in matrices}, 0.02, momentum=0.95, weight_decay=0.1, dtype=torch.bfloat16,
        polynomials=NEWTON_SCHULZ, margin=1.0,
    )  # fmt: skip
    adamw = AdamW({name: weights[name] for name in rest}, dict.fromkeys(rest, 0.01))
    both = CombinedOptimizer({"muon": [muon], "adamw": [adamw]})
    torchs = [
        torch.optim.Muon([theirs[name] for name in matrices], lr=0.02, momentum=0.95, weight_decay=0.1),
        torch.optim.AdamW([theirs[name] for name in rest], lr=0.01, betas=(0.9, 0.95), weight_decay=0.0),
    ]
    mine = losses_of(one, lambda gradients: both.step(gradients, 1.0))
    reference = losses_of(other, stepping(torchs, theirs))
    torch.testing.assert_close(mine, reference, rtol=0.02, atol=0.0)
    assert mine[-1] < mine[0] - 0.3, "it learns"


def test_a_model_trains_with_sgd_for_all_weights():
    model = next(two_models())
    settings = OptimizerSettings(
        matrix_optimizer="sgd", other_optimizer="sgd", matrix_lr=0.1, embedding_lr=0.1, head_lr=0.1, norm_lr=0.1
    )
    optimizer = build_optimizer(model, settings)
    assert optimizer.parts.keys() == {"sgd"}
    losses = losses_of(model, lambda gradients: optimizer.step(gradients, 1.0))
    assert losses[-1] < losses[0] - 0.1


def test_the_loss_scale_follows_torchs_scaler():
    ours = LossScale(2.0**20, interval=4)
    theirs = torch.amp.GradScaler("cpu", init_scale=2.0**20, growth_interval=4)
    theirs.scale(torch.zeros(1))
    weight = torch.nn.Parameter(torch.zeros(1))
    sgd = torch.optim.SGD([weight], lr=1.0)
    for found in (True, True, *[False] * 9, True, *[False] * 5):
        weight.grad = torch.full((1,), torch.inf if found else 1.0)
        theirs.step(sgd)
        theirs.update()
        ours.update(found)
        assert ours.scale == theirs.get_scale()
