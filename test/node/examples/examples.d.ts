/** What the tests use of the examples, which are JavaScript. */
declare module "*/examples/character_transformer.js" {
	import type { Gpu, Module, Tensor } from "tessera-gpu";

	export class GPT extends Module {
		constructor(
			gpu: Gpu,
			sizes: { vocabulary: number; context: number; width?: number; layers?: number; heads?: number },
		);
		forward(tokens: Tensor<"uint32">): Tensor;
	}
	export function lossOf(model: GPT, tokens: Tensor<"uint32">, targets: Tensor<"uint32">): Tensor;
}
