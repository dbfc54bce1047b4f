import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { SlowStep } from "../../worker/slow_motion.js";
import { showError, showUnexpected } from "../actions.js";
import { engine } from "../engine.js";
import { Bars } from "../parts/bars.js";
import { Card } from "../parts/card.js";
import { CodeGrid } from "../parts/code_grid.js";
import { Heat } from "../parts/heat.js";
import { Pixels } from "../parts/pixels.js";
import { visiblePanels } from "../parts/visible.js";
import { isReady, isTraining, run } from "../store.js";
import "./slow_motion.css";

/** Milliseconds that each stage is shown when stages advance automatically. */
const pace = 1600;

const stages = ["Batch", "Encode", "Distances", "Nearest code", "Straight-through", "Decode", "Gradients"] as const;

/** One training step, stage by stage. */
export function SlowMotion() {
	const slow = useSignal<SlowStep | undefined>(undefined);
	const stage = useSignal(0);
	const isAuto = useSignal(false);
	const position = useSignal(24);
	const isBusy = useRef(false);

	const look = async () => {
		if (isBusy.current) return;
		isBusy.current = true;
		try {
			slow.value = await engine.slowMotion.look();
			stage.value = 0;
		} catch (error) {
			isAuto.value = false;
			showUnexpected(error);
		} finally {
			isBusy.current = false;
		}
	};
	const next = async () => {
		if (slow.value === undefined) return look();
		if (stage.value < stages.length - 1) {
			stage.value += 1;
			return;
		}
		if (isBusy.current) return;
		isBusy.current = true;
		try {
			await engine.session.stepOnce();
		} catch (error) {
			showUnexpected(error);
		} finally {
			isBusy.current = false;
		}
		await look();
	};
	useEffect(() => {
		if (!isAuto.value) return;
		const timer = setInterval(() => {
			if (visiblePanels.value.has("slow-motion")) next();
		}, pace);
		return () => clearInterval(timer);
	}, [isAuto.value]);
	// Training at full speed, or another run, makes what is shown old.
	const shown = useRef<string | undefined>(undefined);
	useEffect(() => {
		const isSame = shown.current === run.value?.id;
		shown.current = run.value?.id;
		if (isSame && !isTraining.value) return;
		slow.value = undefined;
		isAuto.value = false;
	}, [isTraining.value, run.value?.id]);

	const { value: data } = slow;
	return (
		<Card
			id="slow-motion"
			title="Slow motion"
			wide
			lead="One training step, stage by stage, with the numbers of this model. It pauses the training. Orange is positive, blue is negative."
		>
			<div class="row" role="toolbar" aria-label="Slow motion">
				<button type="button" class="primary" disabled={!isReady.value} onClick={next}>
					{data === undefined ? "Begin" : stage.value < stages.length - 1 ? "Next stage" : "Take the step"}
				</button>
				<button
					type="button"
					disabled={!isReady.value}
					aria-pressed={isAuto.value}
					onClick={() => {
						isAuto.value = !isAuto.value;
						if (slow.value === undefined) look();
					}}
				>
					Advance automatically
				</button>
				<button type="button" disabled={data === undefined} onClick={() => engine.session.play().catch(showError)}>
					Back to full speed
				</button>
			</div>
			{data !== undefined && (
				<Stages
					data={data}
					stage={stage.value}
					position={position.value}
					onPosition={(at) => {
						position.value = at;
					}}
				/>
			)}
		</Card>
	);
}

interface StagesProps {
	readonly data: SlowStep;
	readonly stage: number;
	readonly position: number;
	readonly onPosition: (position: number) => void;
}

function Stages({ data, stage, position, onPosition }: StagesProps) {
	const { grid = [7, 7] } = run.value ?? {};
	const [h, w] = grid;
	const area = h * w;
	const at = Math.min(position, area - 1);
	const dim = data.latents.length / area;
	const most = data.latents.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
	const codes = data.distances.length / area;
	const distances = data.distances.subarray(at * codes, (at + 1) * codes);
	const code = data.codes[at] as number;
	const strongest = data.encoderGradient.reduce((a, b) => Math.max(a, b), 0);
	const largest = data.gradients.reduce((a, { norm }) => Math.max(a, norm), 0);
	return (
		<ol class="stages" aria-live="polite">
			<Stage index={0} stage={stage} text={`Step ${data.step}: ${data.batch} images.`}>
				<div class="tiles">
					{Array.from({ length: data.images.count }, (_, i) => (
						<Pixels key={i} pictures={data.images} index={i} />
					))}
				</div>
			</Stage>
			<Stage
				index={1}
				stage={stage}
				text={`The encoder turns the first image into ${area} vectors of ${dim} numbers: ${dim} maps of ${h} × ${w}. Their mean length in the batch is ${data.latentLength.toPrecision(3)}, that of the codes ${data.codeLength.toPrecision(3)}.`}
			>
				<div class="maps">
					{Array.from({ length: dim }, (_, d) => (
						<Heat key={d} values={data.latents.subarray(d * area, (d + 1) * area)} width={w} most={most} />
					))}
				</div>
			</Stage>
			<Stage
				index={2}
				stage={stage}
				text={
					codes === 0
						? "FSQ has no codebook: each number is rounded to one of its levels."
						: `Squared distances of the vector at row ${Math.floor(at / w) + 1}, column ${(at % w) + 1} to the ${codes} codes. The smallest is ${(distances[code] as number).toPrecision(3)}, of code ${code}.`
				}
			>
				{codes > 0 && (
					<Bars values={distances} marked={code} label={`Distances to the codes; code ${code} is nearest`} />
				)}
			</Stage>
			<Stage
				index={3}
				stage={stage}
				text={`Each vector becomes the index of its code. The batch uses ${data.distinctCodes} codes, perplexity ${data.perplexity.toFixed(1)}. Choose a position to see its distances.`}
			>
				<CodeGrid codes={data.codes} grid={grid} levels={1} label="Codes of the first image" onPaint={onPosition} />
			</Stage>
			<Stage
				index={4}
				stage={stage}
				text={`Vectors are replaced by their codes, at a mean squared distance of ${data.quantizationError.toPrecision(3)} (commitment loss ${data.commitmentLoss.toPrecision(3)}). No gradient passes a rounding, so the encoder gets the decoder's gradient as if nothing had been replaced, plus the gradient of the commitment loss. Left: length of the gradient at the decoder's input. Right: at the encoder's output.`}
			>
				<div class="maps two">
					<Heat values={data.decoderGradient} width={w} most={strongest} label="Gradient at the decoder's input" />
					<Heat values={data.encoderGradient} width={w} most={strongest} label="Gradient at the encoder's output" />
				</div>
			</Stage>
			<Stage
				index={5}
				stage={stage}
				text={`The decoder draws the images from the codes. Error over variance (NMSE) ${data.nmse.toPrecision(3)}; with the quantizer's loss ${data.vqLoss.toPrecision(3)} the loss is ${data.loss.toPrecision(3)}.`}
			>
				<div class="tiles">
					{Array.from({ length: data.reconstructions.count }, (_, i) => (
						<Pixels key={i} pictures={data.reconstructions} index={i} />
					))}
				</div>
			</Stage>
			<Stage index={6} stage={stage} text="Norms of the gradients. Adam moves each parameter against its own.">
				<dl class="gradients">
					{data.gradients.map(({ name, norm }) => (
						<div key={name}>
							<dt>{name}</dt>
							<dd>
								<span style={{ width: `${(100 * norm) / Math.max(largest, 1e-12)}%` }} />
								{norm.toPrecision(2)}
							</dd>
						</div>
					))}
				</dl>
			</Stage>
		</ol>
	);
}

interface StageProps {
	readonly index: number;
	readonly stage: number;
	readonly text: string;
	readonly children: ComponentChildren;
}

function Stage({ index, stage, text, children }: StageProps) {
	return (
		<li
			class={index === stage ? "now" : index < stage ? "done" : "later"}
			aria-current={index === stage ? "step" : undefined}
		>
			<h3>{stages[index]}</h3>
			{index <= stage && (
				<>
					<p>{text}</p>
					{children}
				</>
			)}
		</li>
	);
}
