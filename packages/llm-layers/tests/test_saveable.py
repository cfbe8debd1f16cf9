"""What is not a plain Decoder is refused by every format, with what it is and what to do."""

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from llm_layers import (
    Decoder,
    LayersError,
    add_lora,
    export_onnx,
    merge_all_lora,
    quantize_model,
    save_gguf,
    save_model,
)
from llm_layers.formats.weights import saveable_weights


class Doubled(Decoder):
    def __init__(self, config):
        super().__init__(config)
        self.more = nn.Linear(3, 3)


def changed(model, change):
    change(model)
    return model


def resize(model):
    model.embedding.table = nn.Parameter(torch.zeros(40, 12))


CASES = {
    "compiled": (lambda m: torch.compile(m), "is compiled .*: save the model that was given to torch.compile"),
    "one compiled block": (
        lambda m: changed(m, lambda m: m.blocks.__setitem__(0, torch.compile(m.blocks[0]))),
        "is compiled",
    ),
    "DataParallel": (nn.DataParallel, "is wrapped in DataParallel: save model.module"),
    "compiled and wrapped": (lambda m: nn.DataParallel(torch.compile(m)), "is compiled"),
    "adapters": (lambda m: changed(m, lambda m: add_lora(m, rank=2, alpha=4)), "has LoRA adapters: merge_all_lora"),
    "merged adapters": (
        lambda m: changed(m, lambda m: (add_lora(m, rank=2, alpha=4), merge_all_lora(m))),
        "has LoRA adapters: .* remove_lora",
    ),
    "quantized": (lambda m: changed(m, lambda m: quantize_model(m, 8)), "is quantized .*: save it before"),
    "adapters beside quantized weights": (
        lambda m: changed(m, lambda m: (quantize_model(m, 8), add_lora(m, rank=2, alpha=4))),
        "has LoRA adapters: .*if those are quantized: add_lora to the model as it was before",
    ),
    "pruned": (
        lambda m: changed(m, lambda m: prune.l1_unstructured(m.final_norm, "gain", 0.5)),
        r"differs from Decoder\(model.config\) in final_norm.gain, final_norm.gain_mask, final_norm.gain_orig: undo",
    ),
    "subclass": (lambda m: Doubled(m.config), r"differs from Decoder\(model.config\) in more.bias, more.weight"),
    "another module": (lambda m: nn.Linear(2, 2), "is a Linear: build it with Decoder"),
    "weights alone": (lambda m: m.state_dict(), "was of type OrderedDict: pass the model itself, not its weights"),
    "resized": (lambda m: changed(m, resize), r"differs from Decoder\(model.config\) in embedding.table"),
    "meta": (lambda m: m.to("meta"), "has no values in .*, which is on the meta device"),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch.compile uses what torch has declared old
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("save", [save_model, save_gguf, export_onnx], ids=["folder", "gguf", "onnx"])
def test_a_model_that_cannot_be_saved_is_told_why(tmp_path, small_config, case, save):
    make, words = CASES[case]
    model = make(Decoder(small_config()))
    if not isinstance(model, Decoder) and hasattr(save, "__wrapped__"):  # types are checked at run time
        save = lambda model, path: saveable_weights(model)  # noqa: E731
    with pytest.raises(LayersError, match=f"^the model must be a Decoder with plain weights to be saved, but {words}"):
        save(model, tmp_path / "new.onnx")
    assert not list(tmp_path.iterdir())


def test_a_subclass_without_weights_of_its_own_is_saved(tmp_path, small_config):
    class Named(Decoder):
        pass

    save_model(Named(small_config()), tmp_path / "model")
    save_gguf(Named(small_config()), tmp_path / "model.gguf")


@pytest.mark.parametrize(
    ("place", "words"),
    [("file/model", "Not a directory; create the folder first"), ("/proc/model", "cannot be written")],
)
def test_the_remedy_fits_the_failure(tmp_path, model, place, words):
    (tmp_path / "file").touch()
    with pytest.raises(LayersError, match=words):
        save_model(model, tmp_path / place)
