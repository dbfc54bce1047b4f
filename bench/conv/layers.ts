/**
 * A convolution between a larger and a smaller image: conv2d goes from the larger to the smaller, a transposed
 * convolution the other way, each other's gradients. The weight is [small, large, kernel, kernel] for both.
 */
export interface Layer {
	readonly name: string;
	readonly transposed: boolean;
	readonly batch: number;
	/** Channels and height (and width) of the larger image. */
	readonly large: readonly [channels: number, size: number];
	readonly small: readonly [channels: number, size: number];
	readonly kernel: number;
	readonly stride: number;
	readonly padding: number;
}

/** The arrays of a layer in our layouts, row-major. */
export interface LayerData {
	readonly large: Float32Array<ArrayBuffer>;
	readonly small: Float32Array<ArrayBuffer>;
	readonly weight: Float32Array<ArrayBuffer>;
}

export const directions = ["forward", "input-gradient", "weight-gradient"] as const;
export type Direction = (typeof directions)[number];

/** The layers of the reference network on 28 × 28 images, and two of larger networks. */
export function layers(software: boolean): Layer[] {
	// On a CPU the two large ones would take seconds each with more images.
	const few = software ? 16 : 64;
	return [
		{ name: "enc1", transposed: false, batch: 128, large: [1, 28], small: [32, 14], kernel: 3, stride: 2, padding: 1 },
		{ name: "enc2", transposed: false, batch: 128, large: [32, 14], small: [64, 7], kernel: 3, stride: 2, padding: 1 },
		{ name: "enc3", transposed: false, batch: 128, large: [64, 7], small: [16, 7], kernel: 1, stride: 1, padding: 0 },
		{ name: "dec1", transposed: true, batch: 128, large: [64, 14], small: [16, 7], kernel: 3, stride: 2, padding: 1 },
		{ name: "dec2", transposed: true, batch: 128, large: [32, 28], small: [64, 14], kernel: 3, stride: 2, padding: 1 },
		{ name: "dec3", transposed: true, batch: 128, large: [1, 28], small: [32, 28], kernel: 3, stride: 1, padding: 1 },
		{
			name: "64-64",
			transposed: false,
			batch: few,
			large: [64, 56],
			small: [64, 56],
			kernel: 3,
			stride: 1,
			padding: 1,
		},
		{
			name: "128-256",
			transposed: false,
			batch: few,
			large: [128, 28],
			small: [256, 14],
			kernel: 3,
			stride: 2,
			padding: 1,
		},
	];
}

/** Multiply-adds of each direction: one for each weight at each position of the smaller image. */
export function multiplyAdds({ batch, large, small, kernel }: Layer): number {
	return batch * small[1] ** 2 * small[0] * large[0] * kernel ** 2;
}

/** What a reader should know the layer by. */
export function describe({ transposed, batch, large, small, kernel, stride }: Layer): string {
	const [from, to] = transposed ? [small, large] : [large, small];
	return `${batch}×${from[0]}×${from[1]}² → ${to[0]}×${to[1]}², ${kernel}×${kernel}${stride > 1 ? ` s${stride}` : ""}`;
}
