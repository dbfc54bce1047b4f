import copyCodesKernel from "../../../kernels/copy_codes.wgsl";
import type { Tensor } from "../../tensor/tensor.js";
import { launchElements } from "../launch.js";

type Codes = Tensor<"uint32"> | Tensor<"int32">;

/** The codes of several levels, next to each other: L tensors [B, H, W] → [B, H, W, L]. Level l has `offset` · l added. */
export function launchJoinLevels(
	levels: readonly [Tensor<"uint32">, ...Tensor<"uint32">[]],
	offset = 0,
): Tensor<"uint32"> {
	const [{ gpu, shape, size }] = levels;
	const joined = gpu.empty([...shape, levels.length], "uint32");
	for (const [level, codes] of levels.entries())
		launchElements(copyCodesKernel, size, [codes, joined], {
			constants: { COUNT: size, TO_STRIDE: levels.length, TO_OFFSET: level, ADD: level * offset },
		});
	return joined;
}

/** The codes of one level out of several: [B, H, W, L] → [B, H, W]. `offset` is added to them. */
export function launchTakeLevel(codes: Codes, level: number, offset = 0): Tensor<"uint32"> {
	const shape = codes.shape.slice(0, -1);
	const count = codes.size / (codes.shape.at(-1) ?? 1);
	const taken = codes.gpu.empty(shape, "uint32");
	launchElements(copyCodesKernel, count, [codes, taken], {
		constants: { COUNT: count, FROM_STRIDE: codes.size / count, FROM_OFFSET: level, ADD: offset },
	});
	return taken;
}
