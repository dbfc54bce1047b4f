import { checkNumber, checkOptions, wrongArgument } from "../base/arguments.js";
import { ArgumentError, ShapeError } from "../base/errors.js";
import { Random } from "../base/random.js";
import { checkShape, formatShape, type Shape, sameShape } from "../base/shape.js";
import { Conv2d } from "../nn/convolutions.js";
import { Embedding, ReLU } from "../nn/layers.js";
import { type LayerCost, Module } from "../nn/module.js";
import { Sequential } from "../nn/sequential.js";
import { add } from "../ops/binary.js";
import { checkBindable, checkGpu, checkParts } from "../ops/check.js";
import { checkSeededDropout, dropout, type SeededDropout } from "../ops/dropout.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Gpu, Parameter, Tensor } from "../tensor/tensor.js";
import { GatedLayer, type Stacks, smallNormal } from "./gated_layer.js";

export interface GatedPixelCNNOptions {
	/** K, the number of codes. */
	readonly numEmbeddings: number;
	/**
	 * h, of the grid of codes. Codes with several levels, [B, h, w, L], can be reshaped to a grid [h, w · L].
	 */
	readonly height: number;
	/** w */
	readonly width: number;
	/** C, the channels of each of the two stacks (default 32). */
	readonly channels?: number;
	/** The number of layers (default 6). */
	readonly layers?: number;
	/** k, odd (default 3): in each layer the receptive field reaches ⌊k/2⌋ positions further. */
	readonly kernelSize?: number;
	/** The number of classes that the codes are conditioned on (default 0: none). */
	readonly numClasses?: number;
	/** Of the random numbers that the parameters start with (default 0). */
	readonly seed?: number;
}

/** The names of the options. */
const optionNames = [
	"numEmbeddings",
	"height",
	"width",
	"channels",
	"layers",
	"kernelSize",
	"numClasses",
	"seed",
] as const satisfies readonly (keyof GatedPixelCNNOptions)[];

/** The embedding of codes, along the channels: uint32 [B, h, w] → float32 [B, C, h, w]. */
class CodeEmbedding extends Embedding {
	static override readonly name: string = "CodeEmbedding";

	override forward(codes: Tensor<"uint32">): Tensor {
		return super.forward(codes, { layout: "NCHW" });
	}

	override cost([batch, ...grid]: Shape): LayerCost {
		return { output: [batch as number, this.weight.shape[1] as number, ...grid], multiplyAdds: 0 };
	}
}

/**
 * The gated PixelCNN (van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016): the
 * probability of each code of a grid, given the codes before it, row by row. A vertical and a horizontal
 * stack leave no blind spot. In addition to the paper, each position has a learnt vector, because codes in a
 * small grid depend on where they are.
 *
 * @example
 * const prior = new GatedPixelCNN(gpu, { numEmbeddings: 128, height: 7, width: 7, numClasses: 10 });
 * const logits = prior.forward(codes, labels); // float32 [B, 128, 7, 7]
 */
export class GatedPixelCNN extends Module {
	static override readonly name: string = "GatedPixelCNN";

	readonly embedding: CodeEmbedding;
	/** [C, h, w] */
	readonly position: Parameter;
	readonly layers: readonly GatedLayer[];
	/** [C, h, w] → [K, h, w] */
	readonly head: Sequential;
	readonly numEmbeddings: number;
	readonly height: number;
	readonly width: number;
	readonly channels: number;
	readonly kernelSize: number;
	readonly numClasses: number;

	/**
	 * @throws ArgumentError if an option is out of range, LimitError if the device cannot hold the weights
	 */
	constructor(
		readonly gpu: Gpu,
		options: GatedPixelCNNOptions,
	) {
		super();
		const caller = "GatedPixelCNN";
		checkGpu(caller, gpu, "write new GatedPixelCNN(gpu, { numEmbeddings, height, width })");
		checkOptions(caller, options, optionNames);
		const { numEmbeddings, height, width, channels = 32, layers = 6, kernelSize = 3, numClasses = 0 } = options;
		const { seed = 0 } = options;
		for (const [name, size] of Object.entries({ numEmbeddings, height, width, channels, layers }))
			checkNumber(caller, name, size, { least: 1, whole: true });
		if (!(Number.isInteger(kernelSize) && kernelSize >= 3 && kernelSize % 2 === 1))
			throw wrongArgument(caller, "kernelSize", "an odd number of at least 3", kernelSize);
		const taps = ((kernelSize + 1) / 2) * (kernelSize + 1);
		checkParts(caller, gpu, "layers", layers, (2 * taps + 5) * channels * channels);
		checkNumber(caller, "numClasses", numClasses, { least: 0, whole: true });
		checkNumber(caller, "seed", seed, { whole: true });
		checkBindable(caller, "numEmbeddings and channels", gpu, [numEmbeddings, 4 * channels]);
		checkBindable(caller, "channels and kernelSize", gpu, [2 * channels, channels, (kernelSize + 1) / 2, kernelSize]);
		const random = new Random(seed);
		this.numEmbeddings = numEmbeddings;
		this.height = height;
		this.width = width;
		this.channels = channels;
		this.kernelSize = kernelSize;
		this.numClasses = numClasses;
		this.embedding = new CodeEmbedding(gpu, numEmbeddings, channels, { random });
		this.position = smallNormal(gpu, random, [channels, height, width]);
		this.layers = Array.from(
			{ length: layers },
			(_, i) =>
				new GatedLayer(gpu, random, { channels, kernelSize, numClasses, first: i === 0, last: i === layers - 1 }),
		);
		this.head = new Sequential([
			new ReLU(),
			new Conv2d(gpu, channels, 4 * channels, 1, { random }),
			new ReLU(),
			new Conv2d(gpu, 4 * channels, numEmbeddings, 1, { random }),
		]);
	}

	/**
	 * The logits of each position's code, which depend only on the codes before it.
	 *
	 * @param codes uint32 [B, h, w]
	 * @param labels uint32 [B], for a model with classes
	 * @param dropoutOptions dropout for training, of the gated values before the 1×1 convolutions of the
	 * horizontal stack and of the head's hidden values
	 * @returns float32 [B, K, h, w]
	 * @throws ShapeError if the shapes do not match, ArgumentError if labels are given to a model without
	 * classes or missing for one with classes; DTypeError, DeviceMismatchError
	 */
	forward(codes: Tensor<"uint32">, labels?: Tensor<"uint32">, dropoutOptions?: SeededDropout): Tensor {
		const caller = "GatedPixelCNN.forward";
		checkTensor(caller, "codes", codes, "uint32", "int32");
		if (labels !== undefined) checkTensor(caller, "labels", labels, "uint32", "int32");
		if (dropoutOptions !== undefined) checkSeededDropout(caller, dropoutOptions);
		this.check(caller, codes.shape, labels?.shape);
		let elements = 0;
		const drop = (x: Tensor) => {
			if (dropoutOptions === undefined) return x;
			elements += x.size;
			return dropout(x, dropoutOptions, elements - x.size);
		};
		const codeVectors = add(this.embedding.forward(codes), this.position);
		let stacks: Stacks = { vertical: undefined, horizontal: codeVectors };
		for (const [i, layer] of this.layers.entries()) {
			stacks = layer.forward(stacks, labels, drop);
			// The first layer's output no longer depends on the position itself.
			if (i === 0) stacks = { ...stacks, horizontal: add(stacks.horizontal, this.position) };
		}
		// The head's layers one by one, because there is dropout before the last.
		const [rectify, expand, , classify] = this.head.layers;
		return classify.forward(drop(expand.forwardRelu(rectify.forward(stacks.horizontal))));
	}

	/** @param input the shape of codes, [B, h, w] */
	override cost(input: Shape): LayerCost {
		this.checkGrid("GatedPixelCNN.cost", input);
		const vectors = [input[0], this.channels, this.height, this.width];
		const layers = this.layers.reduce((sum, layer) => sum + layer.cost(vectors).multiplyAdds, 0);
		const head = this.head.cost(vectors);
		return { output: head.output, multiplyAdds: layers + head.multiplyAdds };
	}

	/**
	 * @param caller for messages
	 * @param codes the shape of the codes
	 * @param labels the shape of their labels, if there are any
	 * @throws ShapeError, ArgumentError if the model does not take such a batch
	 */
	check(caller: string, codes: Shape, labels: Shape | undefined): void {
		this.checkGrid(caller, codes);
		if ((labels === undefined) !== (this.numClasses === 0))
			throw new ArgumentError(
				this.numClasses === 0
					? `${caller}: labels must be left out, since the model was made without classes.`
					: `${caller}: labels must be given, since the model is conditioned on ${this.numClasses} classes.`,
			);
		if (labels !== undefined && !sameShape(labels, codes.slice(0, 1)))
			throw new ShapeError(
				`${caller}: labels must be [${codes[0]}] for codes ${formatShape(codes)}, but have ${formatShape(labels)}.`,
			);
	}

	private checkGrid(caller: string, shape: Shape): void {
		checkShape(caller, shape, "codes");
		if (shape.length !== 3 || shape[1] !== this.height || shape[2] !== this.width)
			throw new ShapeError(
				`${caller}: codes must be [B, ${this.height}, ${this.width}], but have shape ${formatShape(shape)}.`,
			);
	}
}
