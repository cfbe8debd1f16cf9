import gc
import math
import os
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from llm_layers import Decoder, ModelConfig
from llm_train.backends.compiled import compiled_call, compiler_found
from llm_train.backends.loss_module import LossModule
from llm_train.backends.module import ModuleBackend
from llm_train.backends.threads import ThreadBackend, Workers, worker_count, worker_threads
from llm_train.combining import combine
from llm_train.data.batch import IGNORE_INDEX, Batch
from llm_train.interface import NonFiniteError
from llm_train.objectives.next_token import next_token_loss
from llm_train.optimizers import build_optimizer
from llm_train.optimizers.loss_scale import LossScale
from llm_train.recipes.settings import OptimizerSettings
from llm_train.schedule import batch_size
from llm_train.trainer import Trainer

CONFIG = ModelConfig(vocab_size=20, d_model=16, layers=1, heads=2, kv_heads=1, d_head=8, d_ff=24, context_length=16)


class ForeignModel(nn.Module):
    """Somebody else's model: only logits."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(20, 20))

    def forward(self, tokens, cache=None):
        return self.table[tokens]


class ForeignOptimizer:
    """Somebody else's optimizer: plain descent."""

    def __init__(self, model):
        self.weights = dict(model.named_parameters())

    @torch.no_grad()
    def step(self, gradients, lr_multiplier):
        for name, weight in self.weights.items():
            weight -= 5.0 * lr_multiplier * gradients[name]

    def state(self):
        return {}

    def load_state(self, state):
        pass


def counting(number, rows=4):
    """Batches of a text that counts up, modulo 20: easy to learn."""
    start = torch.arange(rows)[:, None] * 3 + number
    text = (start + torch.arange(9)) % 20
    return Batch(tokens=text[:, :-1], targets=text[:, 1:])


def trainer(model, optimizer=None, batches=counting, **changes):
    optimizer = optimizer or build_optimizer(model, OptimizerSettings())
    return Trainer(ThreadBackend(model, next_token_loss), optimizer, batches, lambda step: 1.0, **changes)


def gradients_of(backend, *batches):
    """The mean loss and the gradients of one update."""
    loss, gradients, _ = combine(backend.parts(batches))
    return float(loss), gradients


def model():
    return Decoder(CONFIG, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("kind", "rate"), [("muon", 0.02), ("adamw", 0.01)])
def test_it_learns_to_count(kind, rate):
    subject = model()
    settings = OptimizerSettings(matrix_optimizer=kind, matrix_lr=rate)
    steps = list(trainer(subject, build_optimizer(subject, settings)).run(0, 40))
    assert steps[0].loss == pytest.approx(math.log(20), abs=1e-4)  # it begins with an even guess
    assert steps[-1].loss < 0.1
    assert [step.number for step in steps] == list(range(1, 41))


def test_a_foreign_model_and_a_foreign_optimizer_fit():
    subject = ForeignModel()
    steps = list(trainer(subject, ForeignOptimizer(subject), clip=1e9).run(0, 60))
    assert steps[-1].loss < 0.5 < steps[0].loss


def test_our_shortcut_through_the_head_gives_the_loss_of_the_logits():
    subject = model()
    for weight in subject.parameters():
        nn.init.normal_(weight, std=0.3, generator=torch.Generator().manual_seed(weight.numel()))
    batch = counting(3)
    plain = torch.nn.functional.cross_entropy(subject(batch.tokens).flatten(0, 1), batch.targets.flatten())
    total, count = next_token_loss(subject, batch)
    torch.testing.assert_close(total / count, plain)
    assert count == 32


def test_gradients_are_those_of_autograd():
    subject = model()
    loss, gradients = gradients_of(ThreadBackend(subject, next_token_loss), counting(3))
    total, count = next_token_loss(subject, counting(3))
    (total / count).backward()
    for name, weight in subject.named_parameters():
        torch.testing.assert_close(gradients[name], weight.grad)
    assert loss == pytest.approx(math.log(20), abs=1e-4)


def test_bfloat16_passes_leave_weights_and_gradients_in_float32():
    subject = model()
    _, gradients = gradients_of(ThreadBackend(subject, next_token_loss, torch.bfloat16), counting(0))
    _, exact = gradients_of(ThreadBackend(subject, next_token_loss), counting(0))
    for name, weight in subject.named_parameters():
        assert weight.dtype == gradients[name].dtype == torch.float32
        assert (gradients[name] - exact[name]).norm() <= 0.03 * exact[name].norm() + 1e-6


def test_accumulated_halves_are_the_whole_batch():
    whole = trainer(model())
    twice = partial(batch_size, sizes=[2], stage_steps=[])
    parted = trainer(model(), batches=lambda number: counting(number // 2).split(2)[number % 2], accumulate=twice)
    loss, gradients, tokens = whole.gradients(5)
    other_loss, other, other_tokens = parted.gradients(5)
    assert loss == pytest.approx(other_loss, abs=1e-6)
    assert tokens == other_tokens == 32
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, other[name], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("cut", ["threads", "passes", "rows"])
def test_a_part_with_few_counted_targets_weighs_as_its_targets_do(cut):
    """28 of the 32 targets of the first half are ignored: the mean of the halves' means is another number."""
    whole = counting(3, rows=8)
    ignored = torch.arange(64).view(8, 8) < 28
    batch = replace(whole, targets=whole.targets.masked_fill(ignored, IGNORE_INDEX))
    subject = model()
    for weight in subject.parameters():
        nn.init.normal_(weight, std=0.3, generator=torch.Generator().manual_seed(weight.numel()))
    loss, gradients = gradients_of(ThreadBackend(subject, next_token_loss), batch)
    plain = torch.nn.functional.cross_entropy(subject(batch.tokens).flatten(0, 1), batch.targets.flatten())
    assert loss == pytest.approx(plain.item(), abs=1e-5)
    if cut == "threads":
        with worker_threads(2) as workers:
            parted = gradients_of(ThreadBackend(subject, next_token_loss, workers=workers), batch)
    else:
        parted = gradients_of(ThreadBackend(subject, next_token_loss), *batch.split(2 if cut == "passes" else 8))
    assert parted[0] == pytest.approx(loss, abs=1e-6)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, parted[1][name], rtol=1e-4, atol=1e-7)


def test_a_batch_in_which_nothing_counts_moves_no_weight():
    batch = replace(counting(3), targets=torch.full((4, 8), IGNORE_INDEX))
    loss, gradients = gradients_of(ThreadBackend(model(), next_token_loss), batch)
    assert loss == 0.0
    assert all(not gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_module_gives_the_gradients_of_one_thread(dtype):
    """Backward through the rounding of the weights is the same as through rounded copies."""
    subject = model()
    loss, gradients = gradients_of(ThreadBackend(subject, next_token_loss, dtype), counting(0))
    backend = ModuleBackend(LossModule(subject, next_token_loss, dtype), dict(subject.named_parameters()))
    other_loss, others = gradients_of(backend, counting(0))
    assert loss == other_loss
    for name, gradient in gradients.items():
        assert torch.equal(gradient, others[name]), name


def test_a_loss_scale_changes_no_gradient():
    subject = model()
    weights = dict(subject.named_parameters())
    _, gradients = gradients_of(ModuleBackend(LossModule(subject, next_token_loss), weights), counting(0))
    for backend in (
        ModuleBackend(LossModule(subject, next_token_loss), weights),
        ThreadBackend(subject, next_token_loss),
    ):
        backend.loss_scale = 1024.0
        _, scaled = gradients_of(backend, counting(0))
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, scaled[name], rtol=1e-5, atol=1e-9)


def test_float16_learns_with_a_loss_scale_and_leaves_out_what_overflows():
    subject = model()
    backend = ThreadBackend(subject, next_token_loss, torch.float16)
    scale = LossScale(2.0**40)  # far too large: the first updates are left out, and the scale falls
    optimizer = build_optimizer(subject, OptimizerSettings(), torch.float16)
    steps = list(Trainer(backend, optimizer, counting, lambda step: 1.0, loss_scale=scale).run(0, 60))
    left_out = [step.left_out for step in steps]
    assert left_out[0]
    assert left_out == sorted(left_out, reverse=True)
    assert scale.scale == 2.0 ** (40 - sum(left_out))
    assert steps[-1].loss < 0.2


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_before_the_update(value):
    subject = model()
    with torch.no_grad():
        subject.final_norm.gain[0] = value
    before = {name: weight.clone() for name, weight in subject.named_parameters()}
    optimizer = build_optimizer(subject, OptimizerSettings())
    with pytest.raises(NonFiniteError, match=r"step 8.*was not made.*precision=float32"):
        trainer(subject, optimizer).update(7)
    for name, weight in subject.named_parameters():
        assert torch.equal(weight, before[name]) or name == "final_norm.gain"
    assert optimizer.parts["adamw"][0].steps == 0


def test_the_schedule_scales_the_step():
    still = model()
    subject = trainer(still)
    subject.lr_multiplier = lambda step: 0.0
    before = still.embedding.table.clone()
    assert subject.update(0).lr_multiplier == 0.0
    assert torch.equal(still.embedding.table, before)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_workers_give_the_gradients_of_one(count):
    subject = model()
    batch = counting(3, rows=5)  # parts of unequal size, and with eight workers idle ones
    loss, gradients = gradients_of(ThreadBackend(subject, next_token_loss), batch)
    with worker_threads(count) as workers:
        backend = ThreadBackend(subject, next_token_loss, workers=workers)
        shared_loss, shared = gradients_of(backend, batch)
        _, again = gradients_of(backend, batch)
    assert loss == pytest.approx(shared_loss, abs=1e-6)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, shared[name], rtol=1e-4, atol=1e-7)
        assert torch.equal(shared[name], again[name])


def test_workers_share_the_memory_of_the_model():
    def parameters():
        return sum(type(one) is nn.Parameter for one in gc.get_objects())

    subject = model()
    before = parameters()
    backend = ThreadBackend(subject, next_token_loss, workers=Workers(3))
    assert backend.workers.count == 3
    assert parameters() == before


def test_workers_leave_the_model_as_it_was():
    subject = model()
    before = {name: weight.clone() for name, weight in subject.named_parameters()}
    with worker_threads(2) as workers:
        backend = ThreadBackend(subject, next_token_loss, torch.bfloat16, workers)
        gradients_of(backend, counting(0))
    for name, weight in subject.named_parameters():
        assert torch.equal(weight, before[name])
        assert weight.dtype == torch.float32


def test_workers_keep_the_order_and_pass_errors_on():
    with worker_threads(3) as workers:
        assert workers.map(lambda item: item * 2, range(10)) == list(range(0, 20, 2))
        with pytest.raises(ZeroDivisionError):
            workers.map(lambda item: 1 / item, [1, 0])


def test_operations_are_split_again_afterwards():
    torch.set_num_threads(2)
    try:
        with worker_threads(2):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_small_batches_get_few_workers(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    assert [worker_count(batch) for batch in (1, 7, 8, 1000)] == [1, 1, 2, 6]
    assert Workers().count == 1


@pytest.mark.skipif(not compiler_found(), reason="torch.compile needs a C++ compiler, and there is none")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, about itself
def test_compiled_workers_give_the_gradients_of_eager_ones():
    subject = model()
    for weight in subject.parameters():
        nn.init.normal_(weight, std=0.3, generator=torch.Generator().manual_seed(weight.numel()))
    batch = replace(counting(3), row_keys=torch.arange(4))
    with worker_threads(2) as workers:
        _, eager = gradients_of(ThreadBackend(subject, next_token_loss, workers=workers), batch)
        backend = ThreadBackend(subject, next_token_loss, workers=workers, call=compiled_call())
        _, first = gradients_of(backend, batch)
        _, again = gradients_of(backend, batch)
    for name, gradient in eager.items():
        torch.testing.assert_close(gradient, first[name], rtol=1e-4, atol=1e-5)
        assert torch.equal(first[name], again[name])
