import { ArgumentError } from "../../base/errors.js";
import { Conv2d, ConvTranspose2d } from "../../nn/convolutions.js";
import { ReLU } from "../../nn/layers.js";
import type { Layer } from "../../nn/module.js";
import { pair } from "../../ops/check.js";
import { geometryOf } from "../../ops/convolution/options.js";
import { ResidualBlock } from "../../vqvae/residual_block.js";
import type { Stack } from "../../vqvae/stack.js";
import type { Attributes, OnnxGraph } from "./onnx_graph.js";

/**
 * Adds the nodes of an encoder, a decoder or a residual block.
 *
 * @param path its name in the state dict
 * @param x the name of its input, float32 [batch, channels, height, width]
 * @returns the name of its output
 * @throws ArgumentError if a layer is of another class than those of encoders and decoders
 */
export function addStack(graph: OnnxGraph, stack: Stack, path: string, x: string): string {
	return stack.convs.layers.reduce((value, layer, i) => addLayer(graph, layer, `${path}.convs.${i}`, value), x);
}

function addLayer(graph: OnnxGraph, layer: Layer, path: string, x: string): string {
	if (layer instanceof ReLU) return graph.add("Relu", path, [x]);
	if (layer instanceof ResidualBlock) return graph.add("Add", path, [x, addStack(graph, layer, path, x)]);
	if (layer instanceof Conv2d && layer.options.paddingEnd === undefined)
		return addConvolution(graph, "Conv", layer, path, x, {});
	if (layer instanceof ConvTranspose2d) {
		const outputPadding = pair(path, "outputPadding", layer.options.outputPadding ?? 0, 0);
		return addConvolution(graph, "ConvTranspose", layer, path, x, { output_padding: outputPadding });
	}
	throw new ArgumentError(`${path} is a ${layer.constructor.name} that cannot be written as ONNX.`);
}

/** ONNX has PyTorch's layouts of weights. All attributes are written, so no runtime has to infer or round a shape. */
function addConvolution(
	graph: OnnxGraph,
	operator: "Conv" | "ConvTranspose",
	layer: Conv2d | ConvTranspose2d,
	path: string,
	x: string,
	more: Attributes,
): string {
	const { stride, padding, dilation, groups } = geometryOf(path, layer.options);
	const inputs = [x, graph.weight(`${path}.weight`)];
	if (layer.bias !== undefined) inputs.push(graph.weight(`${path}.bias`));
	const y = graph.add(operator, path, inputs, {
		kernel_shape: layer.weight.shape.slice(2),
		strides: stride,
		pads: [...padding, ...padding],
		dilations: dilation,
		group: groups,
		...more,
	});
	return layer.options.activation === "relu" ? graph.add("Relu", path, [y]) : y;
}
