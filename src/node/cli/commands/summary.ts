import { summary } from "../../../nn/summary.js";
import { openDevice } from "../../adapters/open_device.js";
import { modelFile } from "../../runs/inputs.js";
import { loadModel } from "../../runs/load_model.js";
import { print, printResult } from "../../runs/output.js";
import { defineCommand } from "../command.js";
import { adapter, count, modelArgument } from "../shared_options.js";

const pixels = { ...count, value: "pixels", least: 4, divisibleBy: 4, default: 28 } as const;

export const summaryCommand = defineCommand({
	name: "summary",
	summary: "Print the table of a model's layers",
	description: "Print the table of a model's layers, with the shape of each layer's output for one image.",
	examples: ["tessera summary runs/digits", "tessera summary model.safetensors --width 64 --height 64"],
	arguments: { model: modelArgument },
	options: {
		width: { ...pixels, help: "width of the image" },
		height: { ...pixels, help: "height of the image" },
		adapter,
	},
	async run({ model: path, width, height, adapter }) {
		const file = await modelFile(path);
		const gpu = await openDevice({ adapter, announce: false });
		const model = await loadModel(gpu, file);
		const input = [1, model.inChannels, height, width];
		print(summary(model, input));
		const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0);
		const { output, multiplyAdds } = model.cost(input);
		printResult({ model: file, input, output, parameters, multiplyAdds });
		gpu.dispose();
	},
});
