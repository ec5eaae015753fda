"""A weights file becomes a network that runs fast: the same function in a better shape.

The files hold their weights as int8 blocks. Three exact changes are made each time one is
loaded (float32 rounding aside; the tests bound the difference):
1. block-wise DequantizeLinear (and the Reshape after it) is folded into float32 weights;
2. inputs other than the picture are dropped, and sizes that were fixed become free;
3. BatchNormalization is folded into the convolution before it, and PRelu is written as
   relu((1-a) y) + a/(1-a) (1-a) y, with (1-a) folded into the convolution too. onnxruntime
   has no PRelu for its blocked layout: with it, it reorders the tensor before and after each
   one and takes over twice as long.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from vultus.faces.weights import Weights, read_weights

if TYPE_CHECKING:
    import onnxruntime

Array = npt.NDArray[Any]
CONVOLUTION = ["Conv", "BatchNormalization"]
STEEPEST = 0.99  # PRelu slopes above this are not divided by (1 - a): it would lose digits


def open_network(weights: Weights, n_threads: int = 1) -> "onnxruntime.InferenceSession":
    """Verify, fold and load a network.

    Raises what `read_weights` raises.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # sizes change from run to run
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        fold(read_weights(weights), weights.input), options, providers=["CPUExecutionProvider"]
    )


def fold(model: bytes, picture: str) -> bytes:
    """Return the same network with float32 weights, free sizes and no PRelu.

    `picture` names the input to keep, (n, 3, height, width). Where the first dimension of an
    output counts pictures, it becomes free as well; a detector keeps its batch of one.
    """
    loaded = onnx.load_from_string(model)
    graph = loaded.graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = _without_prelu(_without_dequantise(list(graph.node), arrays), arrays)
    used = {name for node in nodes for name in node.input}
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(array), name)
        for name, array in arrays.items()
        if name in used
    )
    for index in reversed(range(len(graph.input))):
        if graph.input[index].name != picture:
            del graph.input[index]
    _free_sizes(graph)
    return bytes(loaded.SerializeToString())


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def _without_dequantise(
    nodes: list[onnx.NodeProto], arrays: dict[str, Array]
) -> list[onnx.NodeProto]:
    """Put float32 weights into `arrays`; return the nodes that are left."""
    left = []
    for node in nodes:
        if node.op_type == "DequantizeLinear" and node.input[0] in arrays:
            quantised, scale, zero = (arrays[name] for name in node.input)
            how = _attributes(node)
            spread = [np.repeat(v, how["block_size"], axis=how["axis"]) for v in (scale, zero)]
            weights = quantised.astype(np.float32)
            weights -= spread[1].astype(np.float32)
            weights *= spread[0]
            arrays[node.output[0]] = weights
        elif node.op_type == "Reshape" and node.input[0] in arrays:
            arrays[node.output[0]] = arrays.pop(node.input[0]).reshape(arrays[node.input[1]])
        else:
            left.append(node)
    return left


def _without_prelu(nodes: list[onnx.NodeProto], arrays: dict[str, Array]) -> list[onnx.NodeProto]:
    """Replace each Conv, BatchNormalization, PRelu in a row by Conv, Relu and a 1 x 1 Conv."""
    left: list[onnx.NodeProto] = []
    for node in nodes:
        if node.op_type == "PRelu" and [n.op_type for n in left[-2:]] == CONVOLUTION:
            left[-2:] = _convolution_with_slope(left[-2], left[-1], node, arrays)
        else:
            left.append(node)
    return left


def _convolution_with_slope(
    convolution: onnx.NodeProto,
    normalise: onnx.NodeProto,
    prelu: onnx.NodeProto,
    arrays: dict[str, Array],
) -> list[onnx.NodeProto]:
    gamma, beta, mean, variance = (arrays[name].astype(np.float64) for name in normalise.input[1:])
    gain = gamma / np.sqrt(variance + _attributes(normalise).get("epsilon", 1e-5))
    slope = arrays[prelu.input[1]].reshape(-1).astype(np.float64)
    steep = bool((slope > STEEPEST).any())
    shrink = np.ones_like(slope) if steep else 1 - slope
    bias = arrays[convolution.input[2]] if len(convolution.input) > 2 else 0.0
    name = prelu.output[0]

    def keep(part: str, array: Array) -> str:
        arrays[f"{name}_{part}"] = array.astype(np.float32)
        return f"{name}_{part}"

    def by_channel(part: str, factor: Array, source: str) -> onnx.NodeProto:
        weights = keep(f"{part}_weight", factor.reshape(-1, 1, 1, 1))
        return helper.make_node(
            "Conv", [source, weights], [f"{name}_{part}"], kernel_shape=[1, 1], group=len(slope)
        )

    weights = arrays[convolution.input[1]] * (gain * shrink).reshape(-1, 1, 1, 1)
    parts = [keep("weight", weights), keep("bias", ((bias - mean) * gain + beta) * shrink)]
    raw, positive = f"{name}_raw", f"{name}_positive"
    nodes = [
        helper.make_node("Conv", [convolution.input[0], *parts], [raw], **_attributes(convolution)),
        helper.make_node("Relu", [raw], [positive]),
    ]
    if steep:
        nodes.append(by_channel("rest", 1 - slope, positive))
        positive = f"{name}_rest"
    nodes.append(by_channel("slope", slope / shrink, raw))
    nodes.append(helper.make_node("Add", [f"{name}_slope", positive], [name]))
    return nodes


def _free_sizes(graph: onnx.GraphProto) -> None:
    """Free the batch where nothing fixes it, height and width where the outputs follow them."""
    sides = graph.input[0].type.tensor_type.shape.dim
    if len(graph.output) == 1:
        sides[0].dim_param = "n"
        graph.output[0].type.tensor_type.shape.dim[0].dim_param = "n"
        return
    sides[2].dim_param, sides[3].dim_param = "height", "width"
    for output in graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = f"n_{output.name}"
