import { summary } from "../../../nn/summary.js";
import { type AdapterChoice, openDevice } from "../../adapters/open_device.js";
import { modelFile } from "../../runs/inputs.js";
import { loadModel } from "../../runs/load_model.js";

export interface SummaryOptions {
	readonly height: number;
	readonly width: number;
	readonly adapter: AdapterChoice | undefined;
}

/** `tessera summary`: the table of a model's layers for one image. */
export async function printSummary(path: string, options: SummaryOptions): Promise<void> {
	const file = await modelFile(path);
	const gpu = await openDevice({ adapter: options.adapter, announce: false });
	const model = await loadModel(gpu, file);
	console.log(summary(model, [1, model.inChannels, options.height, options.width]));
	gpu.dispose();
}
