import { ArgumentError } from "../../base/errors.js";
import { Conv2d, ConvTranspose2d } from "../../nn/convolutions.js";
import { ReLU } from "../../nn/layers.js";
import type { Layer } from "../../nn/module.js";
import { CodebookQuantizer } from "../../quantizers/codebook_quantizer.js";
import { FiniteScalarQuantizer } from "../../quantizers/finite_scalar_quantizer.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import { ResidualQuantizer } from "../../quantizers/residual_quantizer.js";
import { ResidualBlock } from "../../vqvae/residual_block.js";
import type { VQVAE } from "../../vqvae/vqvae.js";

/** A PyTorch program with this model's layers, which loads its state dict and has `encode` and `decode`. */
export function pythonExample({ encoder, decoder, vqLayer, inChannels }: VQVAE<Quantizer>): string {
	const layers = [...encoder.convs.layers, ...decoder.convs.layers];
	return [
		"import torch",
		"from safetensors.torch import load_file",
		"from torch import nn",
		...(layers.some((layer) => layer instanceof ResidualBlock) ? residualClass : []),
		"",
		...sequential("encoder", encoder.convs.layers),
		...sequential("decoder", decoder.convs.layers),
		"",
		'weights = load_file("model.safetensors")',
		'for prefix, part in {"encoder.convs.": encoder, "decoder.convs.": decoder}.items():',
		"    part.load_state_dict({key[len(prefix):]: weights[key] for key in weights if key.startswith(prefix)})",
		"",
		...quantizerLines(vqLayer, `float32 [N, ${inChannels}, H, W]: bytes / 255 - 0.5`),
	].join("\n");
}

const residualClass = [
	"",
	"",
	"class Residual(nn.Module):",
	"    def __init__(self, channels):",
	"        super().__init__()",
	"        inner = channels // 2",
	"        self.convs = nn.Sequential(",
	"            nn.ReLU(), nn.Conv2d(channels, inner, 3, padding=1), nn.ReLU(), nn.Conv2d(inner, channels, 1)",
	"        )",
	"",
	"    def forward(self, x):",
	"        return x + self.convs(x)",
	"",
];

function sequential(name: string, layers: readonly Layer[]): string[] {
	return [`${name} = nn.Sequential(`, ...layers.map((layer) => `    ${layerInPython(layer)},`), ")"];
}

function layerInPython(layer: Layer): string {
	if (layer instanceof ReLU) return "nn.ReLU()";
	if (layer instanceof ResidualBlock) {
		const [, convolution] = layer.convs.layers;
		if (convolution instanceof Conv2d) return `Residual(${convolution.weight.shape[1]})`;
	}
	if (layer instanceof Conv2d || layer instanceof ConvTranspose2d) {
		const [first, second, kernel] = layer.weight.shape;
		const sizes = layer instanceof Conv2d ? [second, first, kernel] : [first, second, kernel];
		const options = Object.entries(layer.options).map(
			([name, value]) => `${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}=${value}`,
		);
		return `nn.${layer.constructor.name}(${[...sizes, ...options].join(", ")})`;
	}
	throw new ArgumentError(`A ${layer.constructor.name} cannot be written as PyTorch.`);
}

function quantizerLines(quantizer: Quantizer, images: string): string[] {
	if (quantizer instanceof FiniteScalarQuantizer) return finiteScalarLines(quantizer.levelsPerDimension, images);
	const parts = quantizer instanceof ResidualQuantizer ? quantizer.codebooks : [quantizer];
	const cosine = parts[0] instanceof CodebookQuantizer && parts[0].cosine;
	const codebook = (name: string) => (cosine ? `nn.functional.normalize(weights[${name}])` : `weights[${name}]`);
	const nearest = [
		"def nearest(z, codebook):",
		...(cosine ? ["    z = nn.functional.normalize(z, dim=-1)"] : []),
		'    distances = torch.cdist(z.flatten(0, 2), codebook, compute_mode="donot_use_mm_for_euclid_dist")',
		"    return distances.argmin(1).view(z.shape[:3])",
		"",
		"",
	];
	if (!(quantizer instanceof ResidualQuantizer))
		return [
			`codebook = ${codebook('"vq_layer.embeddings.weight"')}`,
			"",
			"",
			...nearest,
			`def encode(images):  # ${images}`,
			"    return nearest(encoder(images).permute(0, 2, 3, 1), codebook)",
			"",
			"",
			"def decode(codes):  # int64 [N, H / 4, W / 4]",
			"    return decoder(codebook[codes].permute(0, 3, 1, 2))",
		];
	const name = 'f"vq_layer.codebooks.{level}.embeddings.weight"';
	return [
		`codebooks = [${codebook(name)} for level in range(${quantizer.levels})]`,
		"",
		"",
		...nearest,
		`def encode(images):  # ${images}`,
		"    residual = encoder(images).permute(0, 2, 3, 1)",
		"    codes = []",
		"    for codebook in codebooks:",
		"        codes.append(nearest(residual, codebook))",
		"        residual = residual - codebook[codes[-1]]",
		"    return torch.stack(codes, -1)",
		"",
		"",
		`def decode(codes):  # int64 [N, H / 4, W / 4, ${quantizer.levels}]`,
		"    vectors = sum(codebook[codes[..., level]] for level, codebook in enumerate(codebooks))",
		"    return decoder(vectors.permute(0, 3, 1, 2))",
	];
}

function finiteScalarLines(levels: readonly number[], images: string): string[] {
	return [
		`levels = torch.tensor([${levels.join(", ")}])`,
		"width = levels // 2",
		"basis = torch.cat([torch.ones(1, dtype=torch.long), levels.cumprod(0)[:-1]])",
		"",
		"",
		`def encode(images):  # ${images}`,
		"    z = encoder(images).permute(0, 2, 3, 1)",
		"    half = (levels - 1) * 0.4995",
		"    offset = 0.5 - levels % 2 * 0.5",
		"    rounded = (torch.tanh(z + torch.tan(offset / half)) * half - offset).round().long()",
		"    return ((rounded + width) * basis).sum(-1)",
		"",
		"",
		"def decode(codes):  # int64 [N, H / 4, W / 4]",
		'    digits = torch.div(codes.unsqueeze(-1), basis, rounding_mode="floor") % levels',
		"    return decoder(((digits - width) / width).permute(0, 3, 1, 2))",
	];
}
