import { type HostTensor, loadSafetensors, loadSafetensorsMetadata } from "tessera-gpu";
import { accepted, conflict, parseSetting, type SettingName, type Settings } from "../shared/settings.js";

type Tensors = Readonly<Record<string, HostTensor>>;

/** The settings that a file's metadata states. */
const described = [
	"quantizer",
	"codes",
	"dim",
	"beta",
	"decay",
	"deadBelow",
	"similarity",
	"gradient",
	"levels",
	"init",
	"seed",
] as const satisfies readonly SettingName[];

/** The quantizer of a file without metadata, such as one of PyTorch: the paper's. */
const paper = { quantizer: "loss", init: "normal", deadBelow: 0, gradient: "straight-through" } as const;

/** What a file of a model says. */
export interface ModelFile {
	/** Those of the file; what it does not state is as in `others`. */
	readonly settings: Settings;
	/** Of the images. */
	readonly channels: number;
}

/**
 * The settings of a model in a safetensors file of this page, of `tessera train` or of PyTorch. The sizes of the network follow
 * from the weights.
 *
 * @param others what a file does not state: images, batch, learning rate
 * @throws FormatError if it is not a safetensors file; Error if it is no model that this page can show
 */
export function readModelFile(bytes: Uint8Array, others: Settings): ModelFile {
	const tensors = loadSafetensors(bytes);
	const metadata = loadSafetensorsMetadata(bytes);
	const [hidden = 0] = shapeOf(tensors, "encoder.convs.2.weight", 4);
	const [, channels = 0] = shapeOf(tensors, "encoder.convs.0.weight", 4);
	if (
		tensors["encoder.convs.3.convs.1.weight"] !== undefined ||
		tensors["decoder.convs.1.convs.1.weight"] !== undefined
	)
		throw new Error("This model has residual blocks, which the network of this page does not have.");
	for (const [name, { data }] of Object.entries(tensors))
		if (data.some((value) => !Number.isFinite(value)))
			throw new Error(`${name} has numbers that are not finite: the training of this model has diverged.`);
	const quantizer = metadata.quantizer === undefined ? undefined : parse(metadata.quantizer);
	const values: Record<string, unknown> = { ...others, hidden };
	if (quantizer === undefined) {
		const [codes, dim] = shapeOf(tensors, "vq_layer.embeddings.weight", 2);
		Object.assign(values, paper, {
			similarity: "euclidean",
			beta: Number(metadata.commitmentCost ?? 0.25),
			codes,
			dim,
		});
	} else for (const name of described) values[name] = checked(name, quantizer[name] ?? others[name]);
	for (const name of ["hidden", "codes", "dim"] as const) values[name] = checked(name, values[name]);
	const settings = values as unknown as Settings;
	const contradiction = conflict(settings);
	if (contradiction !== undefined) throw new Error(`The file describes a model that cannot be: ${contradiction}`);
	return { settings, channels };
}

function shapeOf(tensors: Tensors, name: string, rank: number): readonly number[] {
	const { shape } = tensors[name] ?? {};
	if (shape?.length === rank) return shape;
	const names = Object.keys(tensors);
	const has = names.length === 0 ? "no tensors" : `${names.slice(0, 4).join(", ")}${names.length > 4 ? ", …" : ""}`;
	throw new Error(
		shape === undefined
			? `This file has no VQ-VAE: the tensor ${name} is missing. It has ${has}.`
			: `This file has another model: ${name} has shape [${shape.join(", ")}], and must have ${rank} dimensions.`,
	);
}

function parse(text: string): Readonly<Record<string, unknown>> {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (cause) {
		throw new Error("The file's metadata does not describe a quantizer: it is not valid JSON.", { cause });
	}
	if (typeof value !== "object" || value === null)
		throw new Error("The file's metadata does not describe a quantizer.");
	return value as Record<string, unknown>;
}

/** @throws Error if a setting of this page does not accept the value */
function checked(name: SettingName, value: unknown): Settings[SettingName] {
	const parsed = parseSetting(name, String(value));
	if (parsed === undefined)
		throw new Error(`The file's ${name} is ${JSON.stringify(value)}; this page shows models with ${accepted(name)}.`);
	return parsed;
}
