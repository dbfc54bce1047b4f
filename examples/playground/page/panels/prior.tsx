import { downloadWeights } from "../download.js";
import { formatCount } from "../formats.js";
import { type Figure, Figures } from "../parts/figures.js";
import "./prior.css";
import { useSignal } from "@preact/signals";
import { showError } from "../actions.js";
import { engine } from "../engine.js";
import { Card } from "../parts/card.js";
import { Chart, type ChartSeries } from "../parts/chart.js";
import { joinCurves } from "../parts/curves.js";
import { isReady, run, step, test } from "../store.js";
import { PriorCompletion } from "./prior_completion.js";
import { PriorSamples } from "./prior_samples.js";
import { PriorSequence } from "./prior_sequence.js";
import { isPriorTraining, isUsable, nats, natsVersion, prior, wasLost } from "./prior_store.js";

/** Above this test error the reconstructions are blurred. */
const blurred = 0.25;

const series: readonly ChartSeries[] = [
	{ label: "training", colour: "--curve-1" },
	{ label: "held out", colour: "--curve-2" },
];

export function Prior() {
	return (
		<Card
			id="prior"
			title="The prior"
			wide
			lead="The decoder draws any grid of codes, but most grids mean nothing. A prior learns which code follows which: the probability of each code, given those before it. With it the page draws new images, and completes half a drawing."
		>
			<Training />
			{isUsable.value && (
				<>
					<PriorSamples />
					<PriorSequence />
					<PriorCompletion />
					<Files />
				</>
			)}
		</Card>
	);
}

function Training() {
	const state = prior.value;
	if (state === undefined) return <BeforeTraining />;
	const isEncoding = state.encoded < state.images;
	const isStopped = !isPriorTraining.value && state.step < state.steps;
	return (
		<>
			{isEncoding ? (
				<p class="prior-progress">
					<label for="prior-encoding">
						{isStopped ? "Stopped while images became codes" : "Images become codes"}: {state.encoded} of {state.images}
					</label>
					<progress id="prior-encoding" max={state.images} value={state.encoded} />
				</p>
			) : (
				state.step < state.steps && (
					<p class="prior-progress">
						<label for="prior-training">
							{isStopped ? "Stopped" : "The prior trains"}: step {state.step} of {state.steps}
							{isStopped ? "" : `, ${timeLeft(state.secondsLeft)}`}
						</label>
						<progress id="prior-training" max={state.steps} value={state.step} />
					</p>
				)
			)}
			<div class="row">
				{isPriorTraining.value ? (
					<button type="button" onClick={() => engine.prior.stop().catch(showError)}>
						Stop
					</button>
				) : (
					<>
						{isStopped && (
							<button
								type="button"
								class="primary"
								disabled={!isReady.value}
								onClick={() => engine.prior.continue().catch(showError)}
							>
								Go on
							</button>
						)}
						<TrainButton text="Train again" />
					</>
				)}
			</div>
			<Notes modelStep={state.modelStep} />
			{state.step > 0 && <Progress />}
		</>
	);
}

function BeforeTraining() {
	const nmse = test.value?.nmse;
	return (
		<>
			<p class="hint">
				It trains here on the codes of the training images; the network above waits meanwhile. The page shows how much
				time is left.
				{nmse !== undefined &&
					nmse > blurred &&
					" The reconstructions are still blurred: the prior learns more from codes of a network that has trained longer."}
			</p>
			{wasLost.value && (
				<p class="problem">The GPU was lost before the prior had been copied, so it has to be trained again.</p>
			)}
			<TrainButton text="Train the prior" isPrimary />
		</>
	);
}

function TrainButton({ text, isPrimary }: { readonly text: string; readonly isPrimary?: boolean }) {
	const isAsked = useSignal(false);
	const train = async () => {
		isAsked.value = true;
		try {
			await engine.prior.train();
		} catch (error) {
			showError(error);
		} finally {
			isAsked.value = false;
		}
	};
	return (
		<button
			type="button"
			class={isPrimary === true ? "primary" : ""}
			disabled={!isReady.value || isAsked.value || run.value === undefined}
			onClick={train}
		>
			{text}
		</button>
	);
}

function Notes({ modelStep }: { readonly modelStep: number }) {
	if (isPriorTraining.value)
		return <p class="hint">The network above waits while the prior trains; it goes on when you press Play there.</p>;
	const since = step.value - modelStep;
	if (since <= 0) return null;
	return (
		<p class="hint" data-figure="prior-age">
			The network has trained {formatCount(since)} steps since then. This prior belongs to its codes at step{" "}
			{formatCount(modelStep)}, and here the network of that step encodes and decodes. Train again for the present
			codes.
		</p>
	);
}

function Progress() {
	const version = natsVersion.value;
	const { training, heldOut } = nats;
	const newest = training.columns[0]?.at(-1);
	const test = prior.value?.heldOut;
	const { positions = 0, channels, layers } = prior.value ?? {};
	const codes = run.value?.codes ?? 1;
	const bits = test === undefined ? undefined : (test.nats * positions) / Math.LN2;
	const uniform = positions * Math.log2(codes);
	const figures: Figure[] = [
		["Nats per code, training", newest === undefined ? "–" : newest.toFixed(3), "prior-nats"],
		["Nats per code, held out", test === undefined ? "–" : test.nats.toFixed(3), "prior-held-out"],
		["Bits per image, held out", bits === undefined ? "–" : bits.toFixed(0), "prior-bits"],
		["Bits if all codes were equally likely", uniform.toFixed(0), "prior-uniform"],
	];
	return (
		<div class="prior-results">
			<Chart
				title={`Cross-entropy in nats per code, of a gated PixelCNN with ${layers} layers of ${channels} channels`}
				xLabel="step"
				series={series}
				data={joinCurves(training.steps, training.columns[0] ?? [], heldOut.steps, heldOut.columns[0] ?? [])}
				version={version}
				height={150}
				summary={`${newest?.toFixed(3) ?? "None"} in training, ${test?.nats.toFixed(3) ?? "none"} on images that are not trained on.`}
			/>
			<Figures figures={figures} />
		</div>
	);
}

function timeLeft(seconds: number | undefined): string {
	if (seconds === undefined) return "compiling";
	return seconds < 60 ? `${Math.ceil(seconds)} s left` : `${Math.ceil(seconds / 60)} min left`;
}

function Files() {
	return (
		<details class="options">
			<summary>Take the prior along</summary>
			<p class="hint">
				A prior fits one model only: download both files into one folder, and <code>tessera sample FOLDER</code> draws
				from them. The model's file has the weights as they were when the prior began to train.
			</p>
			<div class="row">
				<button
					type="button"
					onClick={() =>
						engine.prior
							.save()
							.then((bytes) => downloadWeights("prior.safetensors", bytes))
							.catch(showError)
					}
				>
					Download prior.safetensors
				</button>
				<button
					type="button"
					onClick={() =>
						engine.prior
							.model()
							.then((bytes) => downloadWeights("model.safetensors", bytes))
							.catch(showError)
					}
				>
					Download model.safetensors
				</button>
			</div>
		</details>
	);
}
