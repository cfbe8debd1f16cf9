import pytest
import torch

from llm_layers import Decoder, ModelConfig
from llm_train.backends.threads import Workers
from llm_train.interface import Optimizer, TrainError
from llm_train.optimizers import AdamW, Muon, build_optimizer, orthogonalize
from llm_train.optimizers.clipping import clip_gradients, gradient_norm
from llm_train.recipes.settings import OptimizerSettings

CONFIG = ModelConfig(vocab_size=20, d_model=8, layers=1, heads=2, kv_heads=1, d_head=4, d_ff=12, context_length=16)


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e6])
def test_adamw_is_torchs(scale):
    ours, theirs = numbers(3, 4), torch.nn.Parameter(numbers(3, 4))
    optimizer = AdamW({"w": ours}, {"w": 0.1}, beta1=0.8, beta2=0.9, eps=1e-6, weight_decay={"w": 0.3})
    other = torch.optim.AdamW([theirs], lr=0.1, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.3)
    for step in range(5):
        gradient = numbers(3, 4, seed=step + 1) * scale * (step != 3)
        share = 1 / (step + 1)
        other.param_groups[0]["lr"] = 0.1 * share
        theirs.grad = gradient.clone()
        other.step()
        optimizer.step({"w": gradient}, share)
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(2, 6, 6), (3, 10, 4), (1, 4, 10)])
def test_orthogonalize_sets_singular_values_to_about_one_and_keeps_directions(shape):
    matrices = numbers(*shape)
    result = orthogonalize(matrices, torch.float64)
    u, _, vt = torch.linalg.svd(matrices, full_matrices=False)
    values = u.mT @ result @ vt.mT
    assert torch.allclose(values, torch.diag_embed(values.diagonal(dim1=-2, dim2=-1)), atol=1e-9)
    assert (values.diagonal(dim1=-2, dim2=-1) - 1).abs().max() < 0.2


def test_orthogonalize_leaves_zero_alone():
    assert orthogonalize(torch.zeros(1, 3, 3)).abs().max() == 0


def test_muon_moves_every_direction_equally_far():
    weight = torch.zeros(6, 4, dtype=torch.float64)
    gradient = numbers(6, 4) * 1000
    Muon({"w": weight}, learning_rate=0.1, dtype=torch.float64).step({"w": gradient})
    lengths = torch.linalg.svdvals(weight)
    expected = 0.1 * (6 / 4) ** 0.5
    assert ((lengths / expected - 1).abs() < 0.2).all()
    assert (weight * gradient).sum() < 0


def test_muon_gives_the_same_alone_and_in_a_group():
    def moved(names):
        weights = {name: numbers(4, 4, seed=index) for index, name in enumerate("ab")}
        optimizer = Muon({name: weights[name] for name in names}, learning_rate=0.1, momentum=0.5)
        for step in range(3):
            optimizer.step({name: numbers(4, 4, seed=10 * step + ord(name)) for name in names}, 0.5)
        return weights["a"]

    torch.testing.assert_close(moved("a"), moved("ab"), rtol=1e-5, atol=1e-6)


def test_each_sort_of_weight_gets_its_rule():
    optimizer = build_optimizer(Decoder(CONFIG), OptimizerSettings())
    muon, adamw = optimizer.parts["muon"][0], optimizer.parts["adamw"][0]
    assert all(name.startswith("blocks.") and name.endswith("weight") for name in muon.parameters)
    assert len(muon.parameters) == 7
    assert adamw.learning_rates["embedding.table"] == 0.1
    assert adamw.learning_rates["head.weight"] == 0.02
    assert {*muon.parameters, *adamw.parameters} == dict(Decoder(CONFIG).named_parameters()).keys()
    assert isinstance(optimizer, Optimizer)


def test_adamw_can_have_them_all():
    parts = build_optimizer(Decoder(CONFIG), OptimizerSettings(matrix_optimizer="adamw", weight_decay=0.1)).parts
    assert set(parts) == {"adamw"}
    assert {name for name, decay in parts["adamw"][0].weight_decay.items() if decay} == {
        name for name in parts["adamw"][0].parameters if name.startswith("blocks.") and name.endswith("weight")
    }


def test_workers_share_the_matrices_evenly_and_move_them_equally():
    def moved(count):
        model = Decoder(CONFIG, generator=torch.Generator().manual_seed(1))
        optimizer = build_optimizer(model, OptimizerSettings(), workers=Workers(count))
        for step in range(3):
            generator = torch.Generator().manual_seed(step)
            optimizer.step({n: torch.randn(w.shape, generator=generator) for n, w in model.named_parameters()}, 1.0)
        return dict(model.named_parameters()), [
            len(part.parameters) for some in optimizer.parts.values() for part in some
        ]

    one, _ = moved(1)
    two, sizes = moved(2)
    assert sizes == [4, 3, 7]
    for name, weight in one.items():
        torch.testing.assert_close(weight, two[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_a_state_goes_on_exactly(kind):
    def gradients(step):
        generator = torch.Generator().manual_seed(step)
        return {name: torch.randn(w.shape, generator=generator) for name, w in Decoder(CONFIG).named_parameters()}

    whole, first, second = (Decoder(CONFIG, generator=torch.Generator().manual_seed(1)) for _ in range(3))
    unbroken, before, after = (
        build_optimizer(model, OptimizerSettings(matrix_optimizer=kind)) for model in (whole, first, second)
    )
    for step in range(4):
        unbroken.step(gradients(step), 1.0)
    for step in range(2):
        before.step(gradients(step), 1.0)
    second.load_state_dict(first.state_dict())
    after.load_state({name: value.clone() for name, value in before.state().items()})
    for step in range(2, 4):
        after.step(gradients(step), 1.0)
    for name, weight in whole.named_parameters():
        assert torch.equal(weight, dict(second.named_parameters())[name]), name


def test_clipping_shortens_all_together_and_leaves_short_ones_alone():
    gradients = [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])]
    clipped, norm = clip_gradients(gradients, 2.5)
    assert norm == 5
    assert [part.flatten().tolist() for part in clipped] == [[1.5, 0], [2]]
    for limit in (5.0, 6.0):
        same, _ = clip_gradients(gradients, limit)
        assert all(one is other for one, other in zip(same, gradients, strict=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_the_norm_is_computed_in_float32_at_least(dtype):
    gradients = [torch.full((1000,), 0.1, dtype=dtype), torch.full((3,), 0.3, dtype=dtype)]
    norm = gradient_norm(gradients)
    assert norm.dtype == torch.promote_types(dtype, torch.float32)
    assert norm.item() == pytest.approx(sum(g.double().square().sum() for g in gradients).sqrt().item(), rel=1e-6)
    assert clip_gradients(gradients, 1.0)[0][0].dtype == dtype


@pytest.mark.parametrize(
    ("rates", "decay", "wrong"), [({}, {}, "w"), ({"w": 0.1, "v": 0.1}, {}, "v"), ({"w": 0.1}, {"tabel": 0.1}, "tabel")]
)
def test_adamw_refuses_names_that_are_no_parameters(rates, decay, wrong):
    with pytest.raises(TrainError, match=f"must have the names of the parameters.*differ in {wrong}$"):
        AdamW({"w": torch.zeros(2)}, rates, weight_decay=decay)


def test_the_norm_of_nothing_is_zero():
    assert gradient_norm([]) == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("size", [300.0, 1e-4])
def test_a_step_has_the_size_of_the_rate_in_every_dtype(dtype, size):
    weight = torch.zeros(3, dtype=dtype)
    AdamW({"w": weight}, {"w": 0.1}).step({"w": torch.full((3,), size, dtype=dtype)})
    torch.testing.assert_close(weight, torch.full((3,), -0.1, dtype=dtype), rtol=1e-2, atol=0)
