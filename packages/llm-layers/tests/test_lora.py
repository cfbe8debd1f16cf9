"""Low-rank corrections in a whole model: what no golden shows."""

import copy

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from llm_layers import (
    Decoder,
    LayersError,
    Linear,
    LoraLinear,
    add_lora,
    cross_entropy,
    load_model,
    lora_weights,
    merge_all_lora,
    merge_lora,
    quantize_model,
    remove_lora,
    save_model,
    unmerge_all_lora,
)


def stir(model):
    """Give every correction an effect: up starts at zero, with which a test could pass by accident."""
    generator = torch.Generator().manual_seed(8)
    for name, weight in model.named_parameters():
        if name.endswith(".up") and weight.requires_grad:
            weight.data.normal_(0, 0.3, generator=generator)
    return model


def train(model, tokens, steps=20):
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=0.02)
    losses = []
    for _ in range(steps):
        loss = cross_entropy(model(tokens[:, :-1]), tokens[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_at_first_nothing_is_changed_and_only_corrections_can_learn(model, tokens):
    before = model(tokens)
    names = add_lora(model, 2, 4.0)
    assert len(names) == 14 and "blocks.1.feed_forward.down" in names and "head" not in names
    assert torch.equal(model(tokens), before)
    free = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert free == {f"{name}.{kind}" for name in names for kind in ("down", "up")}


def test_training_moves_the_corrections_and_nothing_else(model, tokens):
    add_lora(model, 2, 4.0, generator=torch.Generator().manual_seed(0))
    frozen = {name: weight.clone() for name, weight in model.named_parameters() if not weight.requires_grad}
    losses = train(model, tokens)
    assert losses[-1] < 0.9 * losses[0]
    weights = dict(model.named_parameters())
    assert all(torch.equal(weights[name], before) for name, before in frozen.items())
    assert all(weight.abs().sum() > 0 for weight in lora_weights(model).values())


def test_a_correction_is_scaled_by_alpha_over_rank():
    base = Linear(3, 5)
    nn.init.ones_(base.weight)
    corrected = LoraLinear(base, 2, 6.0)
    corrected.up.data.fill_(1.0)
    x = torch.tensor([1.0, 2.0, 3.0])
    wanted = 6.0 + 6.0 / 2 * (corrected.down @ x).sum()
    torch.testing.assert_close(corrected(x), wanted.expand(5))


def test_start_values_follow_the_generator_and_keep_the_size_of_x():
    made = [LoraLinear(Linear(400, 60), 50, 1.0, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(made[0].down, made[1].down) and not torch.equal(made[0].down, made[2].down)
    assert made[0].down.std().item() == pytest.approx(400**-0.5, rel=0.02)


def test_merging_keeps_the_answers_and_unmerging_the_bits(model, tokens):
    model = model.double()
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    add_lora(model, 3, 1.5)
    stir(model)
    corrected = model(tokens)
    merge_all_lora(model)
    merge_all_lora(model)  # a second time changes nothing
    torch.testing.assert_close(model(tokens), corrected, rtol=0, atol=1e-12)
    unmerge_all_lora(model)
    torch.testing.assert_close(model(tokens), corrected, rtol=0, atol=0)
    with pytest.raises(LayersError, match=r"must be merged before they are removed.*discard=True"):
        remove_lora(model)
    assert torch.equal(model(tokens), corrected), "nothing was changed"
    remove_lora(model, discard=True)
    assert {name for name, _ in model.named_parameters()} == set(before)
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())
    assert all(weight.requires_grad for weight in model.parameters())


def test_a_merged_model_without_its_corrections_is_a_plain_model(model, tokens, tmp_path):
    add_lora(model, 2, 4.0)
    stir(model)
    corrected = model(tokens)
    with pytest.raises(LayersError, match="has LoRA adapters"):
        save_model(model, tmp_path)
    merge_all_lora(model)
    remove_lora(model)
    save_model(model, tmp_path)
    torch.testing.assert_close(load_model(tmp_path)(tokens), corrected, rtol=0, atol=2e-5)


def test_corrections_are_kept_by_themselves(model, tokens, small_config, random_model, tmp_path):
    add_lora(model, 2, 4.0, ("query", "value"))
    stir(model)
    save_file(lora_weights(model), tmp_path / "corrections.safetensors")
    other = random_model(small_config())  # the same weights: fixtures are made from one seed
    add_lora(other, 2, 4.0, ("query", "value"))
    unexpected = other.load_state_dict(load_file(tmp_path / "corrections.safetensors"), strict=False).unexpected_keys
    assert not unexpected
    assert torch.equal(other(tokens), model(tokens))
    for plain in (random_model(small_config()), other):
        if plain is other:
            remove_lora(plain, discard=True)
        with pytest.raises(LayersError, match=r"must have LoRA adapters to load blocks\.0\.attention\.query\.down"):
            plain.load_state_dict(lora_weights(model), strict=False)


@pytest.mark.parametrize("kept", [lora_weights, lambda model: model.state_dict()], ids=["adapters", "state"])
@pytest.mark.parametrize("merged", [(False, False), (False, True), (True, False), (True, True)], ids=str)
def test_what_is_kept_gives_the_same_model_merged_or_not_and_whatever_alpha(model, tokens, tmp_path, kept, merged):
    other = copy.deepcopy(model)
    add_lora(model, 2, 32.0)
    stir(model)
    corrected = model(tokens)
    add_lora(other, 2, 8.0)
    for weight in lora_weights(other).values():
        weight.fill_(0.5)
    other = copy.deepcopy(other)
    for one, wanted in zip((model, other), merged, strict=True):
        if wanted:
            merge_all_lora(one)
    save_file(kept(model), tmp_path / "kept.safetensors")
    stored = load_file(tmp_path / "kept.safetensors")
    other.load_state_dict(stored, strict=kept is not lora_weights)
    assert torch.equal(other(tokens), corrected)
    with pytest.raises(LayersError, match="must be merged before they are removed"):
        remove_lora(other)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch.compile uses what torch has declared old
def test_adapters_under_another_prefix_are_refused_instead_of_dropped(model):
    add_lora(model, 2, 4.0, ("query", "down"))
    weights = lora_weights(model)
    wrapped = [nn.DataParallel(model), torch.compile(model), nn.ModuleDict({"inner": torch.compile(model)})]
    for wrapper in wrapped:
        with pytest.raises(LayersError, match=r"none of that name: .* both with their wrapper"):
            wrapper.load_state_dict(weights, strict=False)
        wrapper.load_state_dict(lora_weights(wrapper), strict=False)
        with pytest.raises(LayersError, match="none of that name"):
            model.load_state_dict(lora_weights(wrapper), strict=False)
    with pytest.raises(LayersError, match=r"base_model\.model\.blocks\.0\.attention\.query\.down"):
        model.load_state_dict({f"base_model.model.{name}": weight for name, weight in weights.items()}, strict=False)


def test_an_adapter_that_was_merged_and_then_quantized_stays_in_the_weight(model, tokens):
    add_lora(model, 2, 4.0)
    stir(model)
    merge_all_lora(model)
    quantize_model(model)
    before = model(tokens)
    for action in (unmerge_all_lora, nn.Module.state_dict, lambda model: model.load_state_dict(lora_weights(model))):
        with pytest.raises(LayersError, match=r"cannot leave quantized weights: .*remove_lora"):
            action(model)
    remove_lora(model)
    assert torch.equal(model(tokens), before)


def test_a_correction_of_two_dtypes_is_merged_in_the_dtype_of_the_weight():
    weight, down, up = torch.zeros(5, 4), torch.ones(2, 4), torch.ones(5, 2)
    for other in (torch.bfloat16, torch.float16, torch.float64):
        assert torch.equal(merge_lora(weight, down, up.to(other), 1.5), torch.full((5, 4), 3.0))
        assert torch.equal(merge_lora(weight.to(other), down.to(other), up, 1.5), torch.full((5, 4), 3.0, dtype=other))


def test_untrained_adapters_may_be_removed(model, tokens):
    before = model(tokens)
    add_lora(model, 2, 4.0)
    remove_lora(model)
    assert torch.equal(model(tokens), before)


@pytest.mark.parametrize("bits", [8, 4])
def test_corrections_beside_a_quantized_weight_learn(model, tokens, bits):
    quantize_model(model, bits, group=2 if bits == 4 else None)
    add_lora(model, 2, 4.0, generator=torch.Generator().manual_seed(0))
    losses = train(model, tokens)
    assert losses[-1] < 0.9 * losses[0]
    with pytest.raises(LayersError, match="merged into quantized weights"):
        merge_all_lora(model)


def test_names_choose_by_the_last_part_or_the_whole(model):
    assert add_lora(model, 1, 1.0, ("query", "blocks.1.feed_forward.up", "head")) == (
        "blocks.0.attention.query", "blocks.1.attention.query", "blocks.1.feed_forward.up", "head",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rank", "alpha", "names", "message"),
    [
        (0, 1.0, None, "rank must be a whole number from 1 to"),
        (13, 1.0, None, "from 1 to 12, but was 13"),
        (7, 1.0, ("query", "key"), None),
        (2, 0.0, None, "alpha must be a number above 0"),
        (2, float("nan"), None, "alpha must be a number above 0"),
        (2, 1.0, ("query", "qeury"), "qeury is none; there are down, gate, head"),
        (2, 1.0, (), "chose none"),
    ],
)
def test_mistakes_are_explained_and_change_nothing(model, rank, alpha, names, message):
    if message is None:
        assert len(add_lora(model, rank, alpha, names)) == 4
        return
    before = [name for name, _ in model.named_parameters()]
    with pytest.raises(LayersError, match=message):
        add_lora(model, rank, alpha, names)
    assert [name for name, _ in model.named_parameters()] == before
    assert all(weight.requires_grad for weight in model.parameters())


def test_corrections_are_asked_for_only_where_they_are(model):
    for action in (merge_all_lora, unmerge_all_lora, remove_lora, lora_weights):
        with pytest.raises(LayersError, match="call add_lora first"):
            action(model)
    add_lora(model, 2, 1.0)
    with pytest.raises(LayersError, match="call remove_lora first"):
        add_lora(model, 2, 1.0)


def test_a_skeleton_without_numbers_can_be_corrected_too(small_config):
    with torch.device("meta"):
        model = Decoder(small_config())
    assert add_lora(model, 2, 1.0)
    assert all(weight.is_meta for weight in model.parameters())
