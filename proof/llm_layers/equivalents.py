"""Planted faults that change no answer, each with the reason."""

BOTH_AGREE = "at that end both formulas agree"
ALIKE = "without this way around the conversion the answer is the same; in a case all types are alike"
STILL_REFUSED = "dividing by the zero, or the shapes, refuse what the check does not"
NOT_STATED = "the contract says nothing of such values"
TWO_AXES = "two axes: the last is number 1"
ANY_ROWS = "any number of rows at a time gives the same answer"
SMALL = "the values are smaller than that by their nature"

_LINEAR = "layers.linear in llm_layers.layers.linear: "
_HEAD_SUM = "layers.linear_cross_entropy_sum in llm_layers.layers.linear_cross_entropy: "
_QUANTIZED = "layers.{} in llm_layers.layers.quantization: "
_HEADS = "layers.{} in llm_layers.layers.multi_head_attention: "
_CONVERTED = "alike = x.dtype == weight.dtype and (bias is None or bias.dtype == x.dtype)"
_GROUPED = "grouped = steps.reshape(*scales.shape, steps.shape[-1] // scales.shape[-1])"
_CHECKED = "layers.truncated_normal in llm_layers.layers.initialization: if not deviation >= 0 or not limit > 0:"

EQUIVALENT: dict[str, str] = {
    "layers.llama3_scaling: if rotations >= high_frequency_factor:: GtE became Gt": BOTH_AGREE,
    "layers.llama3_scaling: elif rotations <= low_frequency_factor:: LtE became Lt": BOTH_AGREE,
    "layers.yarn_scaling: elif pair >= high:: GtE became Gt": BOTH_AGREE,
    "layers.yarn_attention_factor in llm_layers.layers.rotary_scaling: "
    "return 1.0 if factor <= 1.0 else 0.1 * math.log(factor) + 1.0: LtE became Lt": BOTH_AGREE,
    "layers.load_balancing_loss: _, chosen = top_k_router(logits, k, norm_topk_prob=True)"
    ": True became False": "only the choice is used there, and it is the same either way",
    _LINEAR + _CONVERTED + ": And became Or": ALIKE,
    _LINEAR + _CONVERTED + ": Eq became NotEq": ALIKE,
    _LINEAR + "if alike or under_autocast(x):: Or became And": ALIKE,
    _LINEAR + "return F.linear(x.to(common), weight.to(common), None if bias is None else bias.to(common)).to(x.dtype)"
    ": Is became IsNot": "types that differ, which no case has, go this way",
    _HEAD_SUM + "if rows < 1:: Lt became LtE": NOT_STATED,
    _HEAD_SUM + "if rows < 1:: 1 became 2": NOT_STATED,
    **{
        f"{_HEAD_SUM}rows = max(64, LOGITS // max(1, len(head))): {change}": ANY_ROWS
        for change in ("'max' became 'min'", "64 became 65", "1 became 2")
    },
    "layers.split_heads: if heads < 1 or x.shape[-1] % heads:: Or became And": STILL_REFUSED,
    _HEADS.format("split_heads") + "if heads < 1 or width % heads:: Or became And": STILL_REFUSED,
    "layers.grouped_query_attention: if kv_heads < 1 or heads % kv_heads:: Or became And": STILL_REFUSED,
    _HEADS.format("grouped_query_attention") + "if kv_heads < 1 or heads % kv_heads:: Or became And": STILL_REFUSED,
    _HEADS.format("grouped_query_attention") + "if mask is not None and mask.dim() > 2:: Gt became GtE": NOT_STATED,
    _HEADS.format("grouped_query_attention") + "if mask is not None and mask.dim() > 2:: 2 became 3": NOT_STATED,
    "layers.quantize_int4: if group < 1 or width % group or width % 2:: Or became And": STILL_REFUSED,
    _QUANTIZED.format("quantize_int4") + "if group < 1 or width % group or width % 2:: Or became And": STILL_REFUSED,
    _QUANTIZED.format("quantize_int4") + "width = weight.shape[-1]: USub became UAdd": TWO_AXES,
    _QUANTIZED.format("dequantize_int4") + _GROUPED + ": USub became UAdd": TWO_AXES,
    "layers.smoothed_cross_entropy in llm_layers.layers.loss: if not 0 <= smoothing <= 1:: 1 became 2": NOT_STATED,
    _CHECKED + ": Or became And": NOT_STATED,
    _CHECKED + ": GtE became Gt": NOT_STATED,
    _CHECKED + ": Gt became GtE": NOT_STATED,
    "layers.yarn_scaling: frequencies is cut off at 10": SMALL,
    "layers.yarn_scaling: frequencies is cut off at 80": SMALL,
    "layers.truncated_normal: uniforms is cut off at 10": SMALL,
    "layers.truncated_normal: uniforms is cut off at 80": SMALL,
    "layers.z_loss: targets is held in int8": "targets say only which rows count",
    **{
        f"layers.{name}: codes is held in {width}": "codes are numbers of 8 bits"
        for name in ("dequantize_int8", "int8_linear", "dequantize_int4", "int4_linear")
        for width in ("int8", "int16")
    },
}
