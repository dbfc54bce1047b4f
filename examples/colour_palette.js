// The colours of a picture: k-means of its pixels with the nearest-code search.
//
//   node examples/colour_palette.js picture.png [--colours 8] [--steps 20] [--out palette.png]
//
// Prints the colours, the most frequent first, and writes the picture in them.
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { convertIndexedToRgb, decode, encode } from "fast-png";
import {
	add,
	div,
	embedding,
	greater,
	indexSelect,
	maximum,
	mul,
	nearestCode,
	openDevice,
	reshape,
	scatterAdd,
	where,
} from "tessera-gpu";

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		colours: { type: "string", default: "8" },
		steps: { type: "string", default: "20" },
		out: { type: "string", default: "palette.png" },
	},
});
const [path] = positionals;
if (path === undefined) {
	console.error("Which picture? node examples/colour_palette.js picture.png");
	process.exit(1);
}
const colours = Number(values.colours);

const image = decode(await readFile(path));
const { width, height, palette } = image;
const data = palette ? convertIndexedToRgb(image) : image.data;
const [depth, channels] = palette ? [8, palette[0].length] : [image.depth, image.channels];
if (depth < 8) throw new Error(`${path} has ${depth} bits per channel; 8 or 16 are needed.`);
const count = width * height;
/** Red, green or blue of a pixel, 0 … 1; of grey pictures all three are the grey. */
const channelOf = (pixel, channel) => data[pixel * channels + (channels < 3 ? 0 : channel)] / (2 ** depth - 1);

const gpu = await openDevice();
const pixels = gpu.tensor(
	Float32Array.from({ length: 3 * count }, (_, i) => channelOf(Math.floor(i / 3), i % 3)),
	[count, 3],
);
const ones = gpu.ones([count]);

// The first colours are those of pixels that are spread over the picture.
const spread = Uint32Array.from({ length: colours }, (_, i) => Math.floor(((i + 0.5) * count) / colours));
const codebook = indexSelect(pixels, 0, gpu.tensor(spread));
const step = () => {
	const nearest = nearestCode(pixels, codebook); // uint32 [count]
	const counts = scatterAdd(gpu.zeros([colours]), 0, nearest, ones);
	// The sums of the pixels of each colour, channel by channel.
	const rows = reshape(nearest, [count, 1]);
	const sums = scatterAdd(gpu.zeros([colours, 3]), 0, rowsOf(rows), pixels);
	const means = div(sums, reshape(maximum(counts, 1), [colours, 1]));
	// A colour that no pixel is near to stays.
	gpu.copy(where(greater(reshape(counts, [colours, 1]), 0), means, codebook), codebook);
};
/** The same index for the three channels. */
const zeros = gpu.zeros([1, 3], "uint32");
const rowsOf = (rows) => add(rows, zeros);

for (let i = 0; i < Number(values.steps); i++) gpu.scope(step);

const [picture, counts] = gpu.scope(() => {
	const nearest = nearestCode(pixels, codebook);
	return [mul(embedding(nearest, codebook), 255), scatterAdd(gpu.zeros([colours]), 0, nearest, ones)];
});
const found = await codebook.array();
const shares = await counts.array();
const hex = (colour) =>
	`#${colour
		.map((value) =>
			Math.round(255 * value)
				.toString(16)
				.padStart(2, "0"),
		)
		.join("")}`;
for (const [i] of found.map((_, i) => [i, shares[i]]).sort((a, b) => b[1] - a[1]))
	console.log(`${hex(found[i])}  ${((100 * shares[i]) / count).toFixed(1)} %`);
const bytes = Uint8Array.from(await picture.data(), Math.round);
await writeFile(values.out, encode({ width, height, data: bytes, channels: 3 }));
console.log(`${values.out}: the picture in these colours`);
