import { readFile } from "node:fs/promises";
import { imageSetFromIdx } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import golden from "../../golden/ddp/losses.json" with { type: "json" };
import { device } from "../../support.js";
import { largestDifference, trainLosses } from "./train_losses.js";

const test = suite("the losses of PyTorch's DistributedDataParallel");

const folder = "test/golden/ddp";

for (const [name, rows] of Object.entries(golden.losses))
	test(name, async () => {
		const images = await imageSetFromIdx("digits", await readFile(`${folder}/images.idx.gz`));
		const records = await trainLosses(await device(), `${folder}/${name}.safetensors`, images, golden);
		const column = (i: number) => rows.map((row) => row[i] as number);
		for (const [i, key] of (["loss", "reconLoss"] as const).entries()) {
			const difference = largestDifference(
				records.map((record) => record[key]),
				column(i),
			);
			if (process.env.SHOW) console.log(name, key, difference);
			assert.ok(difference < 1e-4, `${key}: a relative difference of ${difference}`);
		}
	});

test.run();
