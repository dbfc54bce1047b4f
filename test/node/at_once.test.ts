import { suite } from "uvu";
import * as assert from "uvu/assert";
import { gridsAtOnce, imagesAtOnce } from "../../src/node/at_once.js";

const test = suite("how many at once");

test("small images go through the network 128 at once", () => {
	assert.is(imagesAtOnce({ height: 28, width: 28 }), 128);
	assert.is(gridsAtOnce({ height: 7, width: 7, channels: 32, numEmbeddings: 128 }), 128);
});

test("a layer of large ones fits into what every device binds, in whole blocks of 16 as well", () => {
	const padded = (images: number) => (images < 4 ? images : Math.ceil(images / 16) * 16);
	for (const [height, width] of [
		[96, 128],
		[160, 100],
		[256, 256],
		[300, 300],
		[1000, 1000],
	] as const) {
		const images = imagesAtOnce({ height, width });
		assert.ok(images >= 1 && padded(images) * height * width * 32 * 4 <= 2 ** 27, `${height} × ${width}: ${images}`);
		for (const numEmbeddings of [16, 512, 4096]) {
			const grids = gridsAtOnce({ height: height / 4, width: width / 4, channels: 32, numEmbeddings });
			const words = (height / 4) * (width / 4) * Math.max(numEmbeddings, 4 * 32);
			assert.ok(grids >= 1 && (grids === 1 || padded(grids) * words * 4 <= 2 ** 27), `${numEmbeddings}: ${grids}`);
		}
	}
});

test.run();
