import { effect, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import {
	accepted,
	conflict,
	defaultSettings,
	parseSetting,
	type SettingName,
	type Settings,
	withSetting,
} from "../../shared/settings.js";
import { showError, startRun } from "../actions.js";
import { compare, comparison, comparisonBusy } from "../comparison.js";
import { engine } from "../engine.js";
import { Card } from "../parts/card.js";
import { describeDifferences, nameOf } from "../parts/differences.js";
import { descriptions, matters, SettingInput } from "../parts/settings_form.js";
import { visiblePanels } from "../parts/visible.js";
import { isReady, machine, settings } from "../store.js";
import { Compared } from "./what_if_result.js";
import "./what_if.css";

/** The paper's recipe as it is usually coded in PyTorch: nn.Embedding's N(0, 1), equation 3, Adam with 1e-3. */
const collapse: Settings = {
	...defaultSettings,
	quantizer: "loss",
	init: "normal",
	deadBelow: 0,
	dim: 64,
	hidden: 32,
	lr: 1e-3,
};
/** The same network and data with codes that follow their latents. */
const averaged: Settings = { ...collapse, quantizer: "ema", init: "kmeans", deadBelow: defaultSettings.deadBelow };

/** What A can be. */
const bases = {
	run: "the run above",
	defaults: "the default settings",
	collapse: "the classic collapse",
} as const;
type Base = keyof typeof bases;

function settingsOf(base: Base): Settings {
	return { run: settings.value, defaults: defaultSettings, collapse }[base];
}

export function WhatIf() {
	useEffect(
		() =>
			effect(() => {
				const isShown = visiblePanels.value.has("what-if");
				if (isReady.value) engine.compare.watch(isShown).catch(showError);
			}),
		[],
	);
	const steps = useSignal<number | undefined>(undefined);
	const isSlow = machine.value?.software === true;
	const count = steps.value ?? (isSlow ? 150 : 1000);
	return (
		<Card
			id="what-if"
			title="What if"
			wide
			lead="Two models train alternately, step by step, from one seed and on the same images. They differ in one setting, or in the recipe by which codes are learnt. The run above is paused meanwhile."
		>
			<Presets steps={count} />
			<Chooser steps={count} onSteps={(value) => (steps.value = value)} />
			{comparison.value !== undefined && <Compared view={comparison.value} steps={count} />}
		</Card>
	);
}

function Presets({ steps }: { readonly steps: number }) {
	const off = !isReady.value || comparisonBusy.value;
	return (
		<div class="presets">
			<section aria-labelledby="collapse-title">
				<h3 id="collapse-title">The classic collapse</h3>
				<p>
					The codes are drawn from N(0, 1) and learnt by gradient, as the paper's equation 3 is usually coded in
					PyTorch. The encoder's first outputs lie close together and far from most codes, so that a few codes are
					nearest to all of them. Only these get a gradient and move; the others are never chosen, and stay where they
					were.
				</p>
				<button type="button" disabled={off} onClick={() => startRun(collapse)}>
					Train it as the run
				</button>
			</section>
			<section aria-labelledby="prevention-title">
				<h3 id="prevention-title">What prevents it</h3>
				<p>
					K-means of the first latents puts the codes where the encoder's outputs are. Each code then follows the moving
					average of its latents, which needs no learning rate. A code that is hardly used is re-initialised from a
					latent of the batch, so that no code stays unused for long.
				</p>
				<button type="button" disabled={off} onClick={() => startRun(averaged)}>
					Train it as the run
				</button>
			</section>
			<button type="button" class="primary" disabled={off} onClick={() => compare(collapse, averaged, steps)}>
				Train both side by side
			</button>
		</div>
	);
}

interface ChooserProps {
	readonly steps: number;
	readonly onSteps: (steps: number) => void;
}

/** Chooses A, and the setting in which B differs. */
function Chooser({ steps, onSteps }: ChooserProps) {
	const base = useSignal<Base>("run");
	const name = useSignal<keyof typeof descriptions>("codes");
	const texts = useSignal<Partial<Record<SettingName, string>>>({});
	const stepsText = useSignal<string | undefined>(undefined);
	const problem = useSignal<string | undefined>(undefined);
	const a = settingsOf(base.value);
	const names = (Object.keys(descriptions) as (keyof typeof descriptions)[]).filter((each) => matters(each, a));
	const chosen = names.includes(name.value) ? name.value : "quantizer";
	const text = texts.value[chosen] ?? suggestion(a, chosen);
	const begin = (event: Event) => {
		event.preventDefault();
		const value = parseSetting(chosen, text);
		const count = Number(stepsText.value ?? steps);
		if (value === undefined) problem.value = `${nameOf(chosen)} must be ${accepted(chosen)}, but is "${text}".`;
		else if (!Number.isInteger(count) || count < 1)
			problem.value = `Steps must be a whole number of at least 1, but is "${stepsText.value}".`;
		else if (String(value) === String(a[chosen]))
			problem.value = `A has ${nameOf(chosen)} ${text} too: choose another value.`;
		else {
			const b = withSetting(a, chosen, value);
			problem.value = conflict(b);
			if (problem.value !== undefined) return;
			onSteps(count);
			compare(a, b, count);
		}
	};
	return (
		<details class="options">
			<summary>Change one setting yourself</summary>
			<form class="settings" onSubmit={begin} noValidate>
				<div class="setting">
					<label for="compare-base">A is</label>
					<select
						id="compare-base"
						value={base.value}
						onChange={(event) => (base.value = event.currentTarget.value as Base)}
					>
						{Object.entries(bases).map(([key, label]) => (
							<option key={key} value={key}>
								{label}
							</option>
						))}
					</select>
					<small>{describeDifferences(a)}</small>
				</div>
				<div class="setting">
					<label for="compare-name">B differs in</label>
					<select
						id="compare-name"
						value={chosen}
						onChange={(event) => (name.value = event.currentTarget.value as keyof typeof descriptions)}
					>
						{names.map((each) => (
							<option key={each} value={each}>
								{nameOf(each)}
							</option>
						))}
					</select>
					<small>A has {String(a[chosen])}.</small>
				</div>
				<SettingInput
					key={chosen}
					name={chosen}
					prefix="compare"
					text={text}
					onText={(next) => {
						texts.value = { ...texts.value, [chosen]: next };
					}}
				/>
				<div class="setting">
					<label for="compare-steps">Steps</label>
					<input
						id="compare-steps"
						inputMode="numeric"
						autocomplete="off"
						value={stepsText.value ?? String(steps)}
						onInput={(event) => (stepsText.value = event.currentTarget.value)}
					/>
					<small>Then both pause and are evaluated; they can go on.</small>
				</div>
				{problem.value !== undefined && (
					<p class="problem" role="alert">
						{problem.value}
					</p>
				)}
				<button type="submit" disabled={!isReady.value || comparisonBusy.value}>
					Compare
				</button>
			</form>
		</details>
	);
}

/** A value for B that differs from A's. */
function suggestion(a: Settings, name: SettingName): string {
	const other: Partial<Record<SettingName, string>> = {
		quantizer: a.quantizer === "loss" ? "ema" : "loss",
		codes: a.codes === 16 ? "128" : "16",
		dim: a.dim === 2 ? "16" : "2",
		levels: a.quantizer === "fsq" ? "4,4,4" : "3",
		init: a.init === "normal" ? "kmeans" : "normal",
		decay: a.decay > 0.9 ? "0.5" : "0.99",
		deadBelow: a.deadBelow > 0 ? "0" : "0.1",
		beta: a.beta > 1 ? "0.25" : "2",
		gradient: a.gradient === "rotation" ? "straight-through" : "rotation",
		similarity: a.similarity === "cosine" ? "euclidean" : "cosine",
		seed: String(a.seed + 1),
	};
	return other[name] ?? String(a[name]);
}
