"""Has ONNX's own checker look at model.onnx in this folder, shapes included; prints its version."""
import onnx

model = onnx.load("model.onnx")
onnx.checker.check_model(model, full_check=True)
inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
produced = {value.name for value in [*inferred.value_info, *inferred.output]}
missing = {name for node in model.graph.node for name in node.output} - produced
assert not missing, f"no shape is known of {missing}"
print(onnx.__version__)
