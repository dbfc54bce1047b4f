import { basename } from "node:path";
import { FiniteScalarQuantizer } from "../../quantizers/finite_scalar_quantizer.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import { ResidualQuantizer } from "../../quantizers/residual_quantizer.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { plural } from "../plural.js";
import { pythonExample } from "./python_example.js";
import type { RunFacts } from "./run_facts.js";

/** What a model card has besides the facts. */
export interface CardOptions {
	/** The identifier of a licence, such as "mit". */
	readonly license: string | undefined;
	/** The folder of the ONNX files, relative to that of the card, if it is the same one or inside it. */
	readonly onnx: string | undefined;
}

/** README.md of a folder for Hugging Face's hub: YAML that the hub reads, and a description with a program that loads the model. */
export function modelCard(model: VQVAE<Quantizer>, facts: RunFacts, options: CardOptions): string {
	return `${[
		...frontMatter(facts, options),
		`# ${facts.name}`,
		"",
		"A VQ-VAE ([van den Oord et al. 2017](https://arxiv.org/abs/1711.00937)): an encoder turns an image into a grid of codes,",
		"a quarter as high and as wide, and a decoder turns codes into an image. Trained with Tessera (`tessera-gpu`).",
		"",
		...(facts.picture === undefined ? [] : [`![Originals above reconstructions](${pictureName})`, ""]),
		"| | |",
		"| --- | --- |",
		...rows(model, facts).map(([name, value]) => `| ${name} | ${value.replaceAll("|", "\\|")} |`),
		"",
		"## PyTorch",
		"",
		"```python",
		pythonExample(model),
		"```",
		...(options.onnx === undefined ? [] : onnxSection(options.onnx)),
		"",
		"## Tessera",
		"",
		"```sh",
		"npx tessera reconstruct model.safetensors image.png --out reconstruction.png",
		"```",
	].join("\n")}\n`;
}

/** The name of the picture in the folder. */
export const pictureName = "reconstructions.png";

function frontMatter({ name, config, heldOut, numbers }: RunFacts, { license, onnx }: CardOptions): string[] {
	const tags = ["vq-vae", "image-tokenizer", "vector-quantization", "pytorch", "safetensors"];
	const data = basename(config.data);
	return [
		"---",
		license === undefined ? "# license: the licence that you choose, such as mit" : `license: ${yaml(license)}`,
		"library_name: tessera-gpu",
		"tags:",
		...[...tags, ...(onnx === undefined ? [] : ["onnx"])].map((tag) => `  - ${tag}`),
		...(numbers === undefined
			? []
			: [
					"metrics:",
					"  - mse",
					"  - perplexity",
					"model-index:",
					`  - name: ${yaml(name)}`,
					"    results:",
					"      - task:",
					"          type: image-reconstruction",
					"        dataset:",
					`          name: ${yaml(`${data}, ${heldOut} images`)}`,
					`          type: ${yaml(data)}`,
					"        metrics:",
					...[
						["nmse", `NMSE (${heldOut})`, numbers.nmse],
						["perplexity", `Perplexity (${heldOut})`, numbers.perplexity],
						["codes_in_use", `Codes in use (${heldOut})`, numbers.codesInUse],
					].flatMap(([type, title, value]) => [
						`          - type: ${type}`,
						`            name: ${title}`,
						`            value: ${value}`,
					]),
				]),
		"---",
		"",
	];
}

/** Text in double quotes, as YAML and JSON have it. */
function yaml(text: string): string {
	return JSON.stringify(text);
}

function rows({ inChannels, vqLayer }: VQVAE<Quantizer>, facts: RunFacts): [name: string, value: string][] {
	const { config, heldOut, numbers } = facts;
	const { height, width, trainImages, epochs } = config;
	const size = height === undefined || width === undefined ? "" : `${width} × ${height}, `;
	const images = typeof trainImages === "number" ? `${plural(trainImages, "image")} of ` : "";
	const passes = typeof epochs === "number" ? `, ${plural(epochs, "epoch")}` : "";
	const found: [string, string][] = [
		["images", `${size}${plural(inChannels, "channel")}; other sizes divisible by 4 too`],
		["codes", codesInWords(vqLayer)],
		["trained on", `${images}${basename(config.data)}${passes}`],
	];
	if (numbers === undefined) return found;
	const codes = (vqLayer.levels * vqLayer.numEmbeddings).toLocaleString("en-US");
	return [
		...found,
		[`${heldOut} NMSE`, `${numbers.nmse.toFixed(4)} (mean squared error over the variance of the training images)`],
		[`${heldOut} perplexity`, numbers.perplexity.toFixed(1)],
		[`codes in use (${heldOut})`, `${numbers.codesInUse.toLocaleString("en-US")} of ${codes}`],
	];
}

function codesInWords(quantizer: Quantizer): string {
	const { numEmbeddings, embeddingDim } = quantizer;
	if (quantizer instanceof FiniteScalarQuantizer)
		return `${plural(numEmbeddings, "code")} (finite scalar quantization with levels ${quantizer.levelsPerDimension.join(", ")})`;
	const one = `${plural(numEmbeddings, "code")} of ${plural(embeddingDim, "number")}`;
	return quantizer instanceof ResidualQuantizer ? `${plural(quantizer.levels, "level")} of ${one}` : one;
}

function onnxSection(folder: string): string[] {
	const path = (file: string) => JSON.stringify(folder === "" ? file : `${folder}/${file}`);
	return [
		"",
		"## ONNX Runtime",
		"",
		"```python",
		"import onnxruntime",
		"",
		`encoder = onnxruntime.InferenceSession(${path("encoder.onnx")})`,
		`decoder = onnxruntime.InferenceSession(${path("decoder.onnx")})`,
		'(codes,) = encoder.run(None, {"images": images})  # float32 [N, C, H, W]: bytes / 255 - 0.5',
		'(images,) = decoder.run(None, {"codes": codes})',
		"```",
	];
}
