import type { Random } from "../base/random.js";
import type { Trace } from "../gpu/capture/trace.js";
import type { Gpu, RandomKey, Tensor } from "./tensor.js";

/**
 * Makes the keys of operations with random numbers from the host's generator. In a captured step each
 * operation has a tensor for its key, which is fed before each replay.
 *
 * @internal
 */
export class RandomKeys {
	/** The tensors of the first, the second, … operation of a captured step; they live as long as the device. */
	private readonly tensors: Tensor<"uint32">[] = [];
	private trace: Trace | undefined;
	private used = 0;

	/** @param seed if it is given, the key depends on it alone */
	next(gpu: Gpu, seed?: number): RandomKey {
		const { random, trace } = gpu;
		if (seed !== undefined || trace === undefined) {
			const words = seed === undefined ? draw(random) : Uint32Array.of(seed, Math.floor(seed / 2 ** 32));
			return () => gpu.uniform(words);
		}
		if (trace !== this.trace) this.used = 0;
		this.trace = trace;
		const at = this.used++;
		this.tensors[at] ??= gpu.runEagerly(() => gpu.keep(gpu.tensor(new Uint32Array(2))));
		const tensor = this.tensors[at];
		gpu.feed(tensor, () => draw(gpu.random));
		return () => tensor.memory();
	}
}

function draw(random: Random): Uint32Array {
	return Uint32Array.of(random.integer(2 ** 32), random.integer(2 ** 32));
}
