import { useSignal } from "@preact/signals";
import { linkTo, loadModel, showError } from "../actions.js";
import { copyText } from "../clipboard.js";
import { download, downloadWeights, toNpy } from "../download.js";
import { engine } from "../engine.js";
import { formatBytes, formatCount } from "../formats.js";
import { Card } from "../parts/card.js";
import { toImageData } from "../parts/pixels.js";
import { toJson } from "../run_file.js";
import { curves, isReady, machine, originals, reconstructions, run, seconds, settings, step } from "../store.js";
import "./take_along.css";

/** Pixels of the file for each pixel of the strip. */
const enlarged = 4;

/** Files of the shown run, and a model from a file. */
export function TakeAlong() {
	const said = useSignal("");
	const isBusy = useSignal(false);
	const isOver = useSignal(false);
	const problem = useSignal<string | undefined>(undefined);
	const off = !isReady.value || isBusy.value || run.value === undefined;

	const work = (text: string, body: () => Promise<string>) => async () => {
		isBusy.value = true;
		said.value = text;
		problem.value = undefined;
		try {
			said.value = await body();
		} catch (error) {
			said.value = "";
			showError(error);
		} finally {
			isBusy.value = false;
		}
	};

	const saveModel = work("The weights are read …", async () => {
		const { bytes, step } = await engine.takeAlong.model();
		downloadWeights("model.safetensors", bytes);
		return `model.safetensors of step ${formatCount(step)}, ${formatBytes(bytes.length)}.`;
	});
	const saveCodes = (split: "train" | "test") =>
		work("The images are encoded …", async () => {
			const { codes, shape, most, step } = await engine.takeAlong.codes(split);
			download(`codes-${split}.npy`, toNpy(codes, shape, most), "application/octet-stream");
			return `codes-${split}.npy of step ${formatCount(step)}: [${shape.join(", ")}], numbers below ${formatCount(most)}.`;
		});
	const savePicture = work("", async () => {
		download("reconstructions.png", await stripAsPng(), "image/png");
		return "reconstructions.png: test images over their reconstructions.";
	});
	const copyLink = work("", async () => {
		const link = linkTo(settings.value);
		return (await copyText(link)) ? "The link is copied." : link;
	});
	const saveJson = work("The run is evaluated …", async () => {
		const evaluation = await engine.takeAlong.evaluation();
		const text = toJson({
			name: undefined,
			settings: settings.value,
			step: step.value,
			milliseconds: seconds.value * 1000,
			evaluation,
			curves,
			machine: machine.value,
		});
		download("run.json", text, "application/json");
		return "run.json: settings, metrics and curves.";
	});
	const open = async (file: File | undefined) => {
		if (file === undefined) return;
		isBusy.value = true;
		problem.value = undefined;
		try {
			await loadModel(file);
			said.value = `${file.name} is the run above now. It does not train until you press Play.`;
		} catch (error) {
			problem.value = `${file.name}: ${error instanceof Error ? error.message : error}`;
		} finally {
			isBusy.value = false;
		}
	};

	return (
		<Card
			id="take-along"
			title="Take it along"
			lead={
				<>
					The files are those of <code>tessera train</code> and <code>tessera encode</code>, and PyTorch and NumPy read
					them. Pause first, so that the codes and the weights are of one step.
				</>
			}
		>
			<div class="row">
				<button type="button" class="primary" disabled={off} onClick={saveModel}>
					model.safetensors
				</button>
				<button type="button" disabled={off} onClick={saveCodes("train")}>
					Codes of the training images
				</button>
				<button type="button" disabled={off} onClick={saveCodes("test")}>
					Codes of the test images
				</button>
				<button type="button" disabled={off || reconstructions.value === undefined} onClick={savePicture}>
					Picture (PNG)
				</button>
				<button type="button" disabled={off} onClick={copyLink}>
					Copy link
				</button>
				<button type="button" disabled={off} onClick={saveJson}>
					Run as JSON
				</button>
			</div>
			<p class="hint" aria-live="polite" data-figure="taken">
				{said.value}
			</p>
			<h3>Load a model back</h3>
			{/* biome-ignore lint/a11y/noStaticElementInteractions: files are dropped here; the input in it does the same */}
			<div
				class={`drop ${isOver.value ? "over" : ""}`}
				onDragOver={(event) => {
					event.preventDefault();
					isOver.value = true;
				}}
				onDragLeave={() => (isOver.value = false)}
				onDrop={(event) => {
					event.preventDefault();
					isOver.value = false;
					open(event.dataTransfer?.files[0]);
				}}
			>
				<label for="load-model">A model.safetensors of this page, of tessera train or of PyTorch</label>
				<input
					id="load-model"
					type="file"
					accept=".safetensors"
					disabled={off}
					onChange={(event) => {
						const input = event.currentTarget;
						open(input.files?.[0]).then(() => {
							input.value = ""; // so that the same file can be chosen again
						});
					}}
				/>
				<small>
					Or drop it here. It must have no residual blocks, and as many image channels as the images of the shown run.
				</small>
			</div>
			{problem.value !== undefined && (
				<p class="problem" role="alert">
					{problem.value}
				</p>
			)}
			<h3>In the command line</h3>
			<pre>
				<code>
					{`tessera reconstruct model.safetensors digit.png --out both.png
tessera encode model.safetensors digit.png --out codes.npy
tessera decode model.safetensors codes-test.npy --out decoded`}
				</code>
			</pre>
			<h3>In PyTorch</h3>
			<pre>
				<code>
					{`import numpy
from safetensors.torch import load_file
weights = load_file("model.safetensors")
codes = numpy.load("codes-test.npy")`}
				</code>
			</pre>
		</Card>
	);
}

/** The test images over their reconstructions. @throws Error if there are none yet */
async function stripAsPng(): Promise<Blob> {
	const [upper, lower] = [originals.value, reconstructions.value];
	if (upper === undefined || lower === undefined) throw new Error("No picture has been made yet.");
	const { width, height } = upper;
	const count = Math.min(upper.count, lower.count);
	const small = new OffscreenCanvas(count * width, 2 * height);
	const context = small.getContext("2d");
	for (let i = 0; i < count; i++) {
		context?.putImageData(toImageData(upper, i), i * width, 0);
		context?.putImageData(toImageData(lower, i), i * width, height);
	}
	const large = new OffscreenCanvas(enlarged * small.width, enlarged * small.height);
	const drawing = large.getContext("2d");
	if (drawing !== null) {
		drawing.imageSmoothingEnabled = false;
		drawing.drawImage(small, 0, 0, large.width, large.height);
	}
	return large.convertToBlob({ type: "image/png" });
}
