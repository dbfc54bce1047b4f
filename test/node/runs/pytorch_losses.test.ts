import { readFile } from "node:fs/promises";
import { imageSetFromIdx } from "tessera-gpu";
import { suite } from "uvu";
import golden from "../../golden/ddp/losses.json" with { type: "json" };
import { device } from "../../support.js";
import { assertLossesAgree, trainLosses } from "./train_losses.js";

const test = suite("the losses of PyTorch's DistributedDataParallel");

const folder = "test/golden/ddp";

for (const [name, rows] of Object.entries(golden.losses))
	test(name, async () => {
		const images = await imageSetFromIdx("digits", await readFile(`${folder}/images.idx.gz`));
		const records = await trainLosses(await device(), `${folder}/${name}.safetensors`, images, golden);
		const expected = rows.map(([loss, reconLoss, commitmentLoss, perplexity]) => {
			return { loss, reconLoss, commitmentLoss, perplexity };
		});
		assertLossesAgree(records, expected as typeof records);
	});

test.run();
