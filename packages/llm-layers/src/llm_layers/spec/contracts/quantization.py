"""What weights stored as codes must be."""

from llm_tokenizer.conformance import Argument, Contract

_WEIGHT = Argument("weight", "d_out d_in", "one row per output")
_CODES8 = Argument("codes", "d_out d_in", "whole numbers from -127 to 127")
_SCALES8 = Argument("scales", "d_out", "the length of a step, one per row")
_CODES4 = Argument("codes", "d_out pairs", "two codes in a byte, each with 8 added; the even column in the low half")
_SCALES4 = Argument("scales", "d_out groups", "the length of a step, one per group")
_X = Argument("x", "*batch d_in", "the vectors")
_Y = Argument("y", "*batch d_out", "the product")

QUANTIZE_INT8 = Contract(
    id="layers.quantize_int8",
    clauses=(
        "Each row has a scale of its own: its largest absolute number divided by 127.",
        "A code is the nearest whole number to weight / scale, a half going to the even one; it is not cut off.",
        "Codes are 8-bit whole numbers from -127 to 127; -128 is never used, so that both signs are alike.",
        "A row of zeros has the scale 0 and codes 0.",
        "A weight that is infinite or not a number is refused.",
        "Any number of rows, none among them, and any memory layout is allowed.",
    ),
    inputs=(_WEIGHT,),
    outputs=(_CODES8, _SCALES8),
    page="explanation/quantization",
)

DEQUANTIZE_INT8 = Contract(
    id="layers.dequantize_int8",
    clauses=(
        "Each code is multiplied by the scale of its row.",
        "The weight has the number type of the scales.",
        "Only the scales have a gradient: the sum over the row of what came back, each times its code.",
        "Any number of rows and any memory layout is allowed.",
    ),
    inputs=(_CODES8, _SCALES8),
    outputs=(_WEIGHT,),
    gradients=("scales",),
    page="explanation/quantization",
)

INT8_LINEAR = Contract(
    id="layers.int8_linear",
    clauses=(
        "The answer is the product with the weight that the codes stand for; codes are stored (out, in).",
        "x is not rounded to codes itself.",
        "x and the scales have gradients; those of the scales are summed over all leading axes.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(_X, _CODES8, _SCALES8),
    outputs=(_Y,),
    gradients=("x", "scales"),
    page="explanation/quantization",
)

QUANTIZE_INT4 = Contract(
    id="layers.quantize_int4",
    clauses=(
        "Each group of `group` neighbours in a row has a scale of its own: its largest absolute number divided by 7.",
        "A code is the nearest whole number to weight / scale, a half going to the even one; it lies from -7 to 7.",
        "8 is added to each code; a byte holds column 2j in its low half and column 2j + 1 in its high half.",
        "A group of zeros has the scale 0 and codes 0, which are bytes of 136.",
        "A row whose width is odd or no multiple of group is refused, and so is a weight that is not finite.",
        "Any number of rows, none among them, and any memory layout is allowed.",
    ),
    inputs=(_WEIGHT, Argument("group", None, "how many neighbours share a scale")),
    outputs=(_CODES4, _SCALES4),
    page="explanation/quantization",
)

DEQUANTIZE_INT4 = Contract(
    id="layers.dequantize_int4",
    clauses=(
        "The low half of byte j is column 2j and the high half column 2j + 1; 8 is subtracted from both.",
        "Each step is multiplied by the scale of its group; a group is a run of d_in / groups neighbours in a row.",
        "Only the scales have a gradient: the sum over the group of what came back, each times its step.",
        "Any number of rows and any memory layout is allowed.",
    ),
    inputs=(_CODES4, _SCALES4),
    outputs=(_WEIGHT,),
    gradients=("scales",),
    page="explanation/quantization",
)

INT4_LINEAR = Contract(
    id="layers.int4_linear",
    clauses=(
        "The answer is the product with the weight that codes and scales stand for.",
        "x is not rounded to codes itself.",
        "x and the scales have gradients; those of the scales are summed over all leading axes.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(_X, _CODES4, _SCALES4),
    outputs=(_Y,),
    gradients=("x", "scales"),
    page="explanation/quantization",
)

CONTRACTS = (QUANTIZE_INT8, DEQUANTIZE_INT8, INT8_LINEAR, QUANTIZE_INT4, DEQUANTIZE_INT4, INT4_LINEAR)
