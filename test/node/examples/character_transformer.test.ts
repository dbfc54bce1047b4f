import { AdamW, backward, clipGradNorm } from "tessera-gpu";
import { suite } from "uvu";
import { GPT, lossOf } from "../../../examples/character_transformer.js";
import golden from "../../golden/transformer/transformer.json" with { type: "json" };
import { assertClose, variants } from "../../support.js";

const test = suite("examples/character_transformer.js");

test("its loss over 20 steps is PyTorch's from the same weights, eager and captured", async () => {
	const { sizes, rate, text, starts, losses, weights } = golden;
	const { context } = sizes;
	for (const gpu of await variants({ tiled: true }))
		for (const captured of [false, true]) {
			const model = new GPT(gpu, sizes);
			model.loadStateDict(
				Object.fromEntries(
					Object.entries(weights).map(([name, { shape, units }]) => [
						name,
						{ shape, data: units.map((unit) => unit / 1024) },
					]),
				),
			);
			const optimizer = new AdamW(model.parameters(), { lr: rate });
			const shape = [(starts[0] as number[]).length, context];
			const [tokens, targets] = [gpu.zeros(shape, "uint32"), gpu.zeros(shape, "uint32")];
			const step = () => {
				const loss = lossOf(model, tokens, targets);
				optimizer.zeroGrad();
				backward(loss);
				clipGradNorm(model.parameters(), 1).dispose();
				optimizer.step();
				return loss;
			};
			const replay = captured ? gpu.capture(step) : undefined;
			const found: number[] = [];
			for (const at of starts) {
				const windows = (first: number) => at.flatMap((start) => text.slice(start + first, start + first + context));
				gpu.upload(tokens, Uint32Array.from(windows(0)));
				gpu.upload(targets, Uint32Array.from(windows(1)));
				const loss = replay ? replay.replay() : gpu.scope(step);
				found.push(await loss.item());
				if (!replay) loss.dispose();
			}
			assertClose(found, losses, 1e-4, `${gpu.variants[0]}, ${captured ? "captured" : "eager"}`);
			replay?.dispose();
			optimizer.dispose();
			model.dispose();
			tokens.dispose();
			targets.dispose();
		}
});

test.run();
