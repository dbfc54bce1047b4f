import { type ImageSize, imageSizeOf } from "../images/image_size.js";
import { inOrder } from "../in_order.js";

/** Files whose sizes are looked at. */
const looked = 64;
/** Images up to this side are taken as they are, if they have one size. */
const mostUnscaled = 256;
/** The side to which others are scaled. */
const standardSize = 64;

/** The size that is chosen for images if --size is not given. */
export interface SizeChoice {
	/** undefined: images are taken as they are. */
	readonly size: number | undefined;
	/** Why images are scaled, as a sentence; undefined if they are not. */
	readonly because: string | undefined;
}

/** Looks at some of the files: images of one size that the network takes are left as they are, others scaled to at most 64. */
export async function chooseSize(files: readonly string[]): Promise<SizeChoice> {
	const step = Math.max(1, files.length / looked);
	const chosen = Array.from({ length: Math.min(looked, files.length) }, (_, i) => files[Math.floor(i * step)]);
	const sizes: ImageSize[] = [];
	for await (const [, size] of inOrder(chosen, 8, (file) => imageSizeOf(file)))
		if (size !== undefined) sizes.push(size);
	const [first] = sizes;
	if (first === undefined) return { size: undefined, because: undefined };
	const other = sizes.find(({ width, height }) => width !== first.width || height !== first.height);
	const fits = first.width % 4 === 0 && first.height % 4 === 0 && Math.max(first.width, first.height) <= mostUnscaled;
	if (other === undefined && fits) return { size: undefined, because: undefined };
	const shorter = sizes.map(({ width, height }) => Math.min(width, height)).sort((a, b) => a - b);
	const median = shorter[Math.floor(shorter.length / 2)];
	const size = Math.min(standardSize, Math.max(8, 4 * Math.floor(median / 4)));
	const inWords = ({ width, height }: ImageSize) => `${width} × ${height}`;
	const what =
		other === undefined
			? `The images are ${inWords(first)}`
			: `Images have several sizes, such as ${inWords(first)} and ${inWords(other)}`;
	return {
		size,
		because: `${what}: their shorter side is scaled to ${size}, and the middle ${size} × ${size} is used. --size changes that.`,
	};
}
