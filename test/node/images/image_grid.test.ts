import { decode } from "fast-png";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArgumentError, ShapeError } from "../../../src/base/errors.js";
import { imageGrid, reconstructionGrid } from "../../../src/node/images/image_grid.js";

const test = suite("grids of images");

test("lays images out in rows", () => {
	const images = Uint8Array.of(1, 2, 3, 4, 5, 6);
	const png = decode(imageGrid({ images, count: 3, channels: 1, height: 1, width: 2, columns: 2, scale: 1, gap: 1 }));
	assert.equal([png.width, png.height, png.channels, png.depth], [7, 5, 1, 8]);
	const b = png.data[0];
	const expected = [
		[b, b, b, b, b, b, b],
		[b, 1, 2, b, 3, 4, b],
		[b, b, b, b, b, b, b],
		[b, 5, 6, b, b, b, b],
		[b, b, b, b, b, b, b],
	];
	assert.equal([...png.data], expected.flat());
});

test("scales images up by whole pixels, 28 × 28 by default to twice that", () => {
	const images = Uint8Array.of(10, 20, 30, 40);
	const png = decode(imageGrid({ images, count: 1, channels: 1, height: 2, width: 2, columns: 9, scale: 2, gap: 0 }));
	assert.equal([...png.data], [10, 10, 20, 20, 10, 10, 20, 20, 30, 30, 40, 40, 30, 30, 40, 40]);
	const digit = decode(
		imageGrid({ images: new Uint8Array(784), count: 1, channels: 1, height: 28, width: 28, columns: 1 }),
	);
	assert.equal([digit.width, digit.height], [2 * 28 + 8, 2 * 28 + 8]);
});

test("draws three channels in colour, two as grey, more as their first three", () => {
	const layout = { count: 1, height: 1, width: 2, columns: 1, scale: 1, gap: 0 };
	const rgb = decode(imageGrid({ ...layout, channels: 3, images: Uint8Array.of(1, 2, 3, 4, 5, 6) }));
	assert.equal([rgb.channels, ...rgb.data], [3, 1, 3, 5, 2, 4, 6]);
	const two = decode(imageGrid({ ...layout, channels: 2, images: Uint8Array.of(1, 2, 3, 4) }));
	assert.equal([two.channels, ...two.data], [1, 1, 2]);
	const four = decode(imageGrid({ ...layout, channels: 4, images: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }));
	assert.equal([four.channels, ...four.data], [3, 1, 3, 5, 2, 4, 6]);
});

test("puts each row of originals over its reconstructions, the last row too", () => {
	const layout = { count: 3, channels: 1, height: 1, width: 1, columns: 2, scale: 1, gap: 0 };
	const png = decode(reconstructionGrid({ ...layout, images: Uint8Array.of(1, 2, 3) }, Uint8Array.of(101, 102, 103)));
	assert.equal([png.width, png.height], [2, 4]);
	const [one, two, oneBack, twoBack, three, empty, threeBack, emptyBack] = png.data;
	assert.equal([one, two, oneBack, twoBack, three, threeBack], [1, 2, 101, 102, 3, 103]);
	assert.is(empty, emptyBack);
});

test("refuses grids that make no sense", () => {
	const layout = { images: new Uint8Array(8), count: 2, channels: 1, height: 2, width: 2, columns: 2 };
	for (const wrong of [{ count: 0 }, { columns: 0 }, { scale: 0.5 }, { scale: 0 }, { gap: -1 }, { width: 1.5 }]) {
		const [name] = Object.keys(wrong);
		assert.throws(
			() => imageGrid({ ...layout, ...wrong }),
			(error: Error) => error instanceof ArgumentError && error.message.includes(name),
		);
	}
	const isShapeError = (pattern: RegExp) => (error: Error) =>
		error instanceof ShapeError && pattern.test(error.message);
	assert.throws(() => imageGrid({ ...layout, count: 3 }), isShapeError(/\[3, 1, 2, 2\].* are 8/));
	assert.throws(() => reconstructionGrid(layout, new Uint8Array(4)), isShapeError(/8 values.* are 4/));
});

test.run();
