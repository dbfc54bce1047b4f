import type { Area } from "./mutant.js";

export const exports: Area = {
	name: "exports",
	mutants: {
		"latents and codes keep what they have in common": {
			file: "src/node/export/onnx_codebook.ts",
			find: "centre, [centre.length])",
			replace: "new Float32Array(centre.length), [centre.length])",
			suites: ["node/export/onnx_codebook"],
		},
		"the centre is a mean, which one code can move": {
			file: "src/node/export/onnx_codebook.ts",
			find: "values.sort()[Math.floor((rows - 1) / 2)]",
			replace: "values.reduce((sum, value) => sum + value / rows, 0)",
			suites: ["node/export/onnx_codebook"],
		},
		"two distances are computed again": {
			file: "src/node/export/onnx_codebook.ts",
			find: "const candidateCount = 8;",
			replace: "const candidateCount = 2;",
			suites: ["node/export/onnx_codebook"],
		},
		"the highest of equal codes": {
			file: "src/node/export/onnx_codebook.ts",
			find: 'graph.add("ReduceMin", path, [nearest]',
			replace: 'graph.add("ReduceMax", path, [graph.add("Mod", path, [nearest, graph.integer(numEmbeddings)])]',
			suites: ["node/export/onnx_codebook"],
		},
		"a NaN distance has no candidate": {
			file: "src/node/export/onnx_codebook.ts",
			find: 'graph.add("Greater", path, [squares, smallest])',
			replace: 'graph.add("Not", path, [graph.add("Equal", path, [squares, smallest])])',
			suites: ["node/export/onnx_codebook"],
		},
		"codes by cosine keep their length": {
			file: "src/node/export/onnx_codebook.ts",
			find: "const codes = cosine ? addUnitVectors(graph, path, weight) : weight;",
			replace: "const codes = weight;",
			suites: ["node/export/onnx_model"],
		},
		"each level quantizes the latents": {
			file: "src/node/export/onnx_quantizers.ts",
			find: 'residual = graph.add("Sub", codebook.path, [residual, found]);',
			replace: 'graph.add("Sub", codebook.path, [residual, found]);',
			suites: ["node/export/onnx_model"],
		},
		"all levels are read from the first": {
			file: "src/node/export/onnx_quantizers.ts",
			find: "graph.integer(level)",
			replace: "graph.integer(0 * level)",
			suites: ["node/export/onnx_model"],
		},
		"an even number of values is bounded as an odd one": {
			file: "src/node/export/onnx_finite_scalar.ts",
			find: "(level % 2 === 0 ? 0.5 : 0)",
			replace: "(level % 2 === 0 ? 0 : 0)",
			suites: ["node/export/onnx_model"],
		},
		"the first dimension varies slowest": {
			file: "src/node/export/onnx_finite_scalar.ts",
			find: "product *= level;",
			replace: "product *= levels[levels.length - 1];",
			suites: ["node/export/onnx_model"],
		},
		"padding at the start alone": {
			file: "src/node/export/onnx_layers.ts",
			find: "pads: [...padding, ...padding]",
			replace: "pads: [...padding, 0, 0]",
			suites: ["node/export/onnx_model"],
		},
		"a residual block without its input": {
			file: "src/node/export/onnx_layers.ts",
			find: 'graph.add("Add", path, [x, addStack(graph, layer, path, x)])',
			replace: "addStack(graph, layer, path, x)",
			suites: ["node/export/onnx_model"],
		},
		"attributes of 0 are left out": {
			file: "src/node/export/onnx_schema.ts",
			find: 'edition: "proto2"',
			replace: 'edition: "proto3"',
			suites: ["node/export/onnx_model"],
		},
		"a folder with other files is written to": {
			file: "src/node/export/export_files.ts",
			find: "if (visible.length === 0 || overwrite) return;",
			replace: "if (visible.length >= 0 || overwrite) return;",
			suites: ["node/cli/export_cli"],
		},
		"a run's config.json is overwritten": {
			file: "src/node/export/export_files.ts",
			find: 'if (names.includes("config.json") &&',
			replace: 'if (names.includes("config.jsonl") &&',
			suites: ["node/cli/export_cli"],
		},
		"the best weights have the numbers of the worst": {
			file: "src/node/export/run_facts.ts",
			find: "test.nmse < best.nmse",
			replace: "test.nmse > best.nmse",
			suites: ["node/export/run_facts"],
		},
		"the program for PyTorch leaves out the options of layers": {
			file: "src/node/export/python_example.ts",
			find: "[...sizes, ...options]",
			replace: "[...sizes, ...options.slice(9)]",
			suites: ["node/cli/export_cli"],
		},
	},
};
