import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { formatCount } from "../formats.js";
import averages from "../formulas/averages.tex";
import decoder from "../formulas/decoder.tex";
import encoder from "../formulas/encoder.tex";
import losses from "../formulas/losses.tex";
import nearestCode from "../formulas/nearest_code.tex";
import perplexity from "../formulas/perplexity.tex";
import prior from "../formulas/prior.tex";
import straightThrough from "../formulas/straight_through.tex";
import { Bars } from "../parts/bars.js";
import { Card } from "../parts/card.js";
import { CodeGrid } from "../parts/code_grid.js";
import { Figures } from "../parts/figures.js";
import { Formula } from "../parts/formula.js";
import { missing } from "../parts/missing.js";
import { Pixels } from "../parts/pixels.js";
import { QuantizationLines } from "../parts/quantization_lines.js";
import {
	codebook,
	imagesPerSecond,
	machine,
	originals,
	pointedCode,
	reconstructions,
	run,
	settings,
	step,
	test,
} from "../store.js";
import "./how.css";

/** The parts of the method, each with the model that trains on this page. */
export function How() {
	return (
		<Card
			id="how"
			title="How it works"
			wide
			lead="Eight short sections. Their pictures and numbers are of the model that trains on this page."
		>
			<ol class="how">
				<Encoder />
				<NearestCode />
				<StraightThrough />
				<Decoder />
				<Losses />
				<Collapse />
				<Prior />
				<OnTheGpu />
			</ol>
		</Card>
	);
}

interface SectionProps {
	readonly title: string;
	readonly formula?: string | readonly string[];
	/** Kernels by their file, and papers. */
	readonly kernels: readonly string[];
	readonly papers: readonly (readonly [name: string, address: string])[];
	readonly text: ComponentChildren;
	readonly children?: ComponentChildren;
}

const paper = {
	vqvae: ["van den Oord et al. 2017, VQ-VAE", "https://arxiv.org/abs/1711.00937"],
	straightThrough: ["Bengio et al. 2013, straight-through estimator", "https://arxiv.org/abs/1308.3432"],
	rotation: ["Fifty et al. 2024, rotation trick", "https://arxiv.org/abs/2410.06424"],
	jukebox: ["Dhariwal et al. 2020, re-initialised codes", "https://arxiv.org/abs/2005.00341"],
	pixelcnn: ["van den Oord et al. 2016, gated PixelCNN", "https://arxiv.org/abs/1606.05328"],
	adam: ["Kingma and Ba 2014, Adam", "https://arxiv.org/abs/1412.6980"],
	convolutions: ["Dumoulin and Visin 2016, convolution arithmetic", "https://arxiv.org/abs/1603.07285"],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;

function Section({ title, formula = [], kernels, papers, text, children }: SectionProps) {
	return (
		<li>
			<h3>{title}</h3>
			<div class="how-text">
				<p>{text}</p>
				{[formula].flat().map((mathml) => (
					<Formula key={mathml} mathml={mathml} />
				))}
				<p class="sources">
					Kernels:{" "}
					{kernels.map((file, i) => (
						<span key={file}>
							{i > 0 && ", "}
							<a href={`kernels/${file}.txt`}>{file}</a>
						</span>
					))}
					. Sources:{" "}
					{papers.map(([name, address], i) => (
						<span key={address}>
							{i > 0 && "; "}
							<a href={address}>{name}</a>
						</span>
					))}
					.
				</p>
			</div>
			<div class="how-live">{children}</div>
		</li>
	);
}

/** A link to a panel; only its words if the page cannot train and has no such panel. */
function PanelLink({ id, children }: { readonly id: string; readonly children: ComponentChildren }) {
	return missing.value === undefined ? <a href={`#${id}`}>{children}</a> : children;
}

/** Pixels on which a latent depends: 3 + 2 · (3 − 1) in each direction. */
const field = 7;

function Encoder() {
	const position = useSignal(24);
	const { grid = [7, 7] } = run.value ?? {};
	const { quantizer, dim, levels } = settings.value;
	const dimensions = quantizer === "fsq" ? levels.length : dim;
	const upper = originals.value;
	const [h, w] = grid;
	const [row, column] = [Math.floor(position.value / w), position.value % w];
	const { width = 28, height = 28 } = upper ?? {};
	// Two convolutions of stride 2 and padding 1: the field begins three pixels before 4 · position.
	const [left, top] = [4 * column - 3, 4 * row - 3];
	return (
		<Section
			title="1. The encoder"
			formula={encoder}
			kernels={["convolution.wgsl", "convolution.tiled.wgsl", "relu.wgsl"]}
			papers={[paper.vqvae, paper.convolutions]}
			text={
				<>
					Two convolutions of stride 2 and one of 1 × 1 turn an image into {h} × {w} vectors of {dimensions} numbers,
					the latents. Each depends on {field} × {field} pixels only. Move through the codes to see which.
				</>
			}
		>
			<div class="pair-of">
				<div class="with-field">
					<Pixels pictures={upper} class="large" label="A test image" />
					<svg viewBox={`0 0 ${width} ${height}`} aria-hidden>
						<rect x={left} y={top} width={field} height={field} />
					</svg>
				</div>
				<CodeGrid
					codes={codebook.value?.shown.slice(0, h * w)}
					grid={grid}
					levels={1}
					label="Codes of the image"
					onPaint={(at) => {
						position.value = at;
					}}
				/>
			</div>
		</Section>
	);
}

function NearestCode() {
	const view = codebook.value;
	const { grid = [7, 7], codes = 0, levels = 1 } = run.value ?? {};
	const [h, w] = grid;
	const indices = h * w * levels;
	const shown = view?.shown.slice(0, h * w);
	const code = pointedCode.value ?? shown?.[Math.floor((h * w) / 2)];
	return (
		<Section
			title="2. The nearest code"
			formula={nearestCode}
			kernels={["nearest_code.wgsl", "nearest_code.tiled.wgsl", "nearest_code_direct.wgsl"]}
			papers={[paper.vqvae]}
			text={
				<>
					Each latent is replaced by the nearest of {codes} learnt vectors, the codes. Its index is all that is kept: an
					image is {indices} whole numbers, {Math.round(indices * Math.log2(Math.max(2, codes)))} bits at most. The
					search computes the right form of the formula; where rounding could hide a nearer code, a second kernel
					computes the distances again.
				</>
			}
		>
			<div class="pair-of">
				<CodeGrid
					codes={shown}
					grid={grid}
					levels={1}
					label="Codes of the image"
					onPoint={(pointed) => {
						pointedCode.value = pointed;
					}}
				/>
				{view !== undefined && code !== undefined && code < view.patches.count && (
					<figure class="tile">
						<Pixels pictures={view.patches} index={code} class="patch" label={`What code ${code} draws`} />
						<figcaption>code {code} draws this</figcaption>
					</figure>
				)}
			</div>
		</Section>
	);
}

function StraightThrough() {
	return (
		<Section
			title="3. Straight through"
			formula={straightThrough}
			kernels={["quantize.wgsl", "rotation_trick_grad.wgsl"]}
			papers={[paper.straightThrough, paper.rotation]}
			text={
				<>
					The nearest code has no useful derivative. So the forward pass takes the code, and the backward pass copies
					the decoder's gradient to the encoder, as if nothing had been replaced. This gradient is exact only if latents
					equal their codes; the lines show how far they are apart. <PanelLink id="slow-motion">Slow motion</PanelLink>{" "}
					shows both gradients.
				</>
			}
		>
			<QuantizationLines />
		</Section>
	);
}

function Decoder() {
	const isCoded = useSignal(true);
	return (
		<Section
			title="4. The decoder"
			formula={decoder}
			kernels={["convolution.wgsl", "gather_taps.blocked.wgsl", "mse.wgsl"]}
			papers={[paper.vqvae, paper.convolutions]}
			text="Transposed convolutions draw the image again from the codes. The error is divided by the variance of the training images, so that 1 is as bad as a grey picture and 0 is perfect."
		>
			<figure class="tile">
				<Pixels
					pictures={isCoded.value ? reconstructions.value : originals.value}
					index={3}
					class="large"
					label={isCoded.value ? "A reconstruction" : "The original"}
				/>
				<figcaption>
					<button
						type="button"
						aria-pressed={!isCoded.value}
						onClick={() => {
							isCoded.value = !isCoded.value;
						}}
					>
						Show the original
					</button>
				</figcaption>
			</figure>
		</Section>
	);
}

function Losses() {
	const { nmse, psnr } = test.value ?? {};
	return (
		<Section
			title="5. The losses"
			formula={losses}
			kernels={["loss_sums.wgsl", "quantize.wgsl", "mse_grad.wgsl"]}
			papers={[paper.vqvae]}
			text={
				<>
					The first term trains encoder and decoder. The second moves codes to their latents (moving averages replace it
					by default). The third, with β = {settings.value.beta}, keeps the encoder's outputs near their codes.
				</>
			}
		>
			<Figures
				figures={[
					["Step", step.value],
					["NMSE", nmse?.toPrecision(3) ?? "–"],
					["PSNR", psnr === undefined ? "–" : `${psnr.toFixed(1)} dB`],
				]}
			/>
		</Section>
	);
}

function Collapse() {
	const use = codebook.value?.use;
	const sorted = Array.from(use ?? []).sort((a, b) => b - a);
	const { perplexity: value, codesInUse } = test.value ?? {};
	return (
		<Section
			title="6. Collapse, and what prevents it"
			formula={[perplexity, averages]}
			kernels={["update_codebook.wgsl", "code_sums.wgsl", "code_averages.wgsl", "count_codes.wgsl"]}
			papers={[paper.vqvae, paper.jukebox]}
			text={
				<>
					A code that is never nearest gets no gradient, and stays dead: the codebook collapses to a few codes. Codes
					that are moving averages of their latents, that begin as k-means of latents, and that are re-initialised when
					they are dead, stay in use. Perplexity says how many codes are in effective use.{" "}
					<PanelLink id="what-if">What if</PanelLink> shows both side by side.
				</>
			}
		>
			{sorted.length > 0 && (
				<>
					<Bars values={sorted} height={90} label={`Use of the codes, the most used first; ${codesInUse} are in use`} />
					<p class="hint">
						Use of each code, the most used first. Perplexity {value?.toFixed(1) ?? "–"}, {codesInUse ?? "–"} of{" "}
						{sorted.length} in use.
					</p>
				</>
			)}
		</Section>
	);
}

function Prior() {
	const at = useSignal(24);
	const { grid = [7, 7] } = run.value ?? {};
	const [h, w] = grid;
	const later = new Set(Array.from({ length: h * w }, (_, i) => i).filter((i) => i >= at.value));
	return (
		<Section
			title="7. The prior"
			formula={prior}
			kernels={["gated_activation.wgsl", "cross_entropy.wgsl", "sample_codes.wgsl"]}
			papers={[paper.pixelcnn]}
			text={
				<>
					Which grids of codes are digits? A second network, a gated PixelCNN, learns the probability of each code given
					those before it, row by row. Drawing one code after the other makes new images, and codes that are kept let it
					complete a half-drawn digit: <PanelLink id="prior">the prior</PanelLink>. Choose a position: it is drawn from
					the codes that are shown.
				</>
			}
		>
			<CodeGrid
				codes={codebook.value?.shown.slice(0, h * w)}
				grid={grid}
				levels={1}
				label="Codes before a position"
				free={later}
				onPaint={(position) => {
					at.value = position;
				}}
			/>
		</Section>
	);
}

function OnTheGpu() {
	const { adapter, software } = machine.value ?? {};
	return (
		<Section
			title="8. On the GPU"
			kernels={["adam.wgsl", "matmul.tiled.wgsl", "convolution_weight_grad.tiled.wgsl"]}
			papers={[paper.adam]}
			text={
				<>
					Each operation is a handwritten WGSL kernel, and a small tape records the backward pass. A training step is
					traced once and then replayed with one submit, so the page's thread has nothing to do: a worker trains, and
					sends pictures a few times a second. The same seed gives the same bits on the same adapter.{" "}
					<PanelLink id="machine">The machine</PanelLink> measures yours.
				</>
			}
		>
			<Figures
				figures={[
					["Adapter", adapter ?? "none"],
					["Computes on the", software === undefined ? "–" : software ? "CPU" : "GPU"],
					["Images a second", imagesPerSecond.value > 0 ? Math.round(imagesPerSecond.value) : "–"],
					["Parameters", formatCount(run.value?.parameters)],
				]}
			/>
		</Section>
	);
}
