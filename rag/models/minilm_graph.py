"""all-MiniLM-L6-v2 as an ONNX graph, made from its safetensors without torch, and its int8 form.

The network is BERT (Devlin et al. 2018, arXiv:1810.04805) in the size of MiniLM (Wang et al. 2020, arXiv:2002.10957):
6 layers of width 384 with 12 heads; mean pooling and L2 normalisation (Reimers & Gurevych 2019, arXiv:1908.10084) are
part of the graph, so that a session returns finished vectors.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

LAYERS, WIDTH, HEADS = 6, 384, 12
HEAD_WIDTH = WIDTH // HEADS
LAYER_NORM_EPSILON = 1e-12
OPSET, IR_VERSION = 20, 9
WRONG_WEIGHTS = 3
"""Exit code of this module as a program, when the weights are not those of MiniLM-L6."""


def build_graph(weights: Path) -> ModelProto:
    """The fp32 network.

    Inputs `ids` and `mask`: int64 `[batch, length]`, length ≤ 512. Output `vectors`: float32 `[batch, 384]`, of unit
    length.

    Raises:
        OSError, ValueError, KeyError, SafetensorError: the weights are not those of MiniLM-L6.
    """
    from safetensors.numpy import load_file

    return _Graph(load_file(weights)).model()


def quantize(model: ModelProto, target: Path) -> None:
    """Writes the int8 form. One scale a channel: with one a tensor the vectors fall to cosine 0.84.

    Uses some 200 MB beside `target` meanwhile.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # Says that the graph needs no pre-processing; otherwise the quantizer configures the root logger to complain.
    entry = model.metadata_props.add()
    entry.key, entry.value = "onnx.quant.pre_process", "onnxruntime.quant"
    source = target.with_name("fp32.onnx")
    onnx.save(model, source)
    quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8)
    source.unlink()


class _Graph:
    """Collects nodes and constants; each method adds one part of the network and returns the name of its output."""

    def __init__(self, tensors: dict[str, NDArray[np.float32]]) -> None:
        self._tensors = tensors
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def model(self) -> ModelProto:
        from onnx import TensorProto, checker, helper

        hidden, bias = self._embed(), self._attention_bias()
        for layer in range(LAYERS):
            hidden = self._layer(hidden, bias, f"encoder.layer.{layer}")
        self._pool(hidden)
        shape = ["batch", "length"]
        graph = helper.make_graph(
            self._nodes,
            "all-MiniLM-L6-v2",
            [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("ids", "mask")],
            [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", WIDTH])],
            list(self._constants.values()),
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        checker.check_model(model)
        return model

    def _embed(self) -> str:
        words = self._op("Gather", self._weight("embeddings.word_embeddings.weight"), "ids")
        # Every text is of token type 0, so its vector is part of each position.
        places = self._tensors["embeddings.position_embeddings.weight"]
        places = places + self._tensors["embeddings.token_type_embeddings.weight"][0]
        length = self._op("Shape", "ids", start=1, end=2)
        # Slice, as Gather by a Range trips a fusion of onnxruntime.
        first = self._op(
            "Slice", self._constant("places", places), self._whole("zero", 0), length, self._whole("zero", 0)
        )
        return self._layer_norm(self._op("Add", words, first), "embeddings.LayerNorm")

    def _attention_bias(self) -> str:
        """0 where there is a token, -1e9 where there is padding: `[batch, 1, 1, length]`."""
        mask = self._op("Cast", self._op("Unsqueeze", "mask", self._whole("heads_axes", 1, 2)), to=1)
        padding = self._op("Sub", self._constant("one", np.float32(1)), mask)
        return self._op("Mul", padding, self._constant("minus_infinity", np.float32(-1e9)))

    def _layer(self, hidden: str, bias: str, name: str) -> str:
        mixed = self._linear(self._attend(hidden, bias, f"{name}.attention.self"), f"{name}.attention.output.dense")
        hidden = self._layer_norm(self._op("Add", hidden, mixed), f"{name}.attention.output.LayerNorm")
        wide = self._op("Gelu", self._linear(hidden, f"{name}.intermediate.dense"))
        narrow = self._linear(wide, f"{name}.output.dense")
        return self._layer_norm(self._op("Add", hidden, narrow), f"{name}.output.LayerNorm")

    def _attend(self, hidden: str, bias: str, name: str) -> str:
        heads = self._whole("heads", 0, 0, HEADS, HEAD_WIDTH)
        split = {
            part: self._op("Reshape", self._linear(hidden, f"{name}.{part}"), heads)
            for part in ("query", "key", "value")
        }
        query = self._op("Transpose", split["query"], perm=[0, 2, 1, 3])
        key = self._op("Transpose", split["key"], perm=[0, 2, 3, 1])
        value = self._op("Transpose", split["value"], perm=[0, 2, 1, 3])
        scale = self._constant("scale", np.float32(HEAD_WIDTH**-0.5))
        scores = self._op("Add", self._op("Mul", self._op("MatMul", query, key), scale), bias)
        mixed = self._op("MatMul", self._op("Softmax", scores, axis=-1), value)
        return self._op("Reshape", self._op("Transpose", mixed, perm=[0, 2, 1, 3]), self._whole("joined", 0, 0, WIDTH))

    def _pool(self, hidden: str) -> None:
        mask = self._op("Cast", self._op("Unsqueeze", "mask", self._whole("last_axis", 2)), to=1)
        axis = self._whole("length_axis", 1)
        total = self._op("ReduceSum", self._op("Mul", hidden, mask), axis, keepdims=0)
        mean = self._op("Div", total, self._op("ReduceSum", mask, axis, keepdims=0))
        self._op("Div", mean, self._op("ReduceL2", mean, axis, keepdims=1), output="vectors")

    def _linear(self, hidden: str, name: str) -> str:
        weight = self._constant(f"{name}.weight", np.ascontiguousarray(self._tensors[f"{name}.weight"].T))
        return self._op("Add", self._op("MatMul", hidden, weight), self._weight(f"{name}.bias"))

    def _layer_norm(self, hidden: str, name: str) -> str:
        weight, bias = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        return self._op("LayerNormalization", hidden, weight, bias, axis=-1, epsilon=LAYER_NORM_EPSILON)

    def _weight(self, name: str) -> str:
        return self._constant(name, self._tensors[name])

    def _whole(self, name: str, *values: int) -> str:
        return self._constant(name, np.array(values, np.int64))

    def _constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def _op(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        from onnx import helper

        name = output or re.sub(r"\W", "_", f"{kind}_{len(self._nodes)}")
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name


def main(weights: str, target: str) -> int:
    """Writes the int8 form of `weights` to `target`; returns the exit code."""
    from safetensors import SafetensorError

    try:
        quantize(build_graph(Path(weights)), Path(target))
    except (SafetensorError, KeyError, ValueError):
        return WRONG_WEIGHTS
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
