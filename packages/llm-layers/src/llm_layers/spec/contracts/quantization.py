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
    summary="Write each row of a weight as whole numbers from -127 to 127, and one scale.",
    formula=r"s_o = \tfrac{1}{127}\max_i |w_{oi}|, \qquad c_{oi} = \operatorname{round}(w_{oi} / s_o)",
    why="A byte in place of four is read four times faster. Rounding moves a weight by half a step at most, and in a "
    "sum over many weights the errors, up as often as down, mostly cancel.",
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
    source="Jacob et al. 2017, arXiv:1712.05877; Dettmers et al. 2022, arXiv:2208.07339",
)

DEQUANTIZE_INT8 = Contract(
    id="layers.dequantize_int8",
    summary="Give the weight that 8-bit codes stand for.",
    formula=r"w_{oi} = c_{oi} \, s_o",
    why="A code counts steps, and the scale says how long a step of this row is.",
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
    source="Jacob et al. 2017, arXiv:1712.05877",
)

INT8_LINEAR = Contract(
    id="layers.int8_linear",
    summary="Multiply vectors with a weight that is stored as 8-bit codes.",
    formula=r"y_o = s_o \sum_i x_i \, c_{oi}",
    why="All numbers of a row share one scale, so it can be taken out of the sum and used once per output. x keeps its "
    "precision: a few of its coordinates are so large that rounding them would cost far more.",
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
    source="Dettmers et al. 2022, arXiv:2208.07339",
)

QUANTIZE_INT4 = Contract(
    id="layers.quantize_int4",
    summary="Write groups of neighbouring weights as whole numbers from -7 to 7 and one scale, two codes in a byte.",
    formula=r"s_{og} = \tfrac{1}{7}\max_{i \in g} |w_{oi}|, \quad c_{oi} = \operatorname{round}(w_{oi} / s_{og}), \quad"
    r" b_{oj} = (c_{o,2j} + 8) + 16\,(c_{o,2j+1} + 8)",
    why="Fifteen levels are few, and one large number would take most of them from its neighbours. In a small group "
    "the largest number is not much larger than the others, and all levels are used.",
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
    source="Dettmers and Zettlemoyer 2022, arXiv:2212.09720",
)

DEQUANTIZE_INT4 = Contract(
    id="layers.dequantize_int4",
    summary="Give the weight that 4-bit codes stand for.",
    formula=r"w_{oi} = (n_{oi} - 8) \, s_{o,\lfloor i / g \rfloor}, \quad n_{o,2j} = b_{oj} \bmod 16, \quad"
    r" n_{o,2j+1} = \lfloor b_{oj} / 16 \rfloor",
    why="Half a byte counts from 0 to 15; 8 less, it is a count of steps with a sign. How long a step is, the group "
    "says.",
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
    source="Dettmers and Zettlemoyer 2022, arXiv:2212.09720",
)

INT4_LINEAR = Contract(
    id="layers.int4_linear",
    summary="Multiply vectors with a weight that is stored as 4-bit codes.",
    formula=r"y_o = \sum_i x_i \,(n_{oi} - 8)\, s_{o,\lfloor i / g \rfloor}",
    why="Memory is what a small weight saves. It is unpacked where it is used; a row has many scales, so none of them "
    "can be taken out of the whole sum.",
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
    source="Frantar et al. 2022, arXiv:2210.17323",
)

CONTRACTS = (QUANTIZE_INT8, DEQUANTIZE_INT8, INT8_LINEAR, QUANTIZE_INT4, DEQUANTIZE_INT4, INT4_LINEAR)
