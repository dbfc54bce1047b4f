import { useSignal } from "@preact/signals";
import { accepted, conflict, fields, parseSetting, type SettingName, type Settings } from "../../shared/settings.js";
import { startRun } from "../actions.js";
import { settings } from "../store.js";

/** The name of each setting for the user, and what it does. */
export const descriptions: Readonly<
	Record<Exclude<SettingName, "data">, { readonly name: string; readonly help: string }>
> = {
	quantizer: {
		name: "Quantizer",
		help: "How codes are learnt: moving averages (ema), by gradient (loss), several codebooks (residual), or rounding (fsq).",
	},
	codes: { name: "Codes K", help: "How many vectors the codebook has." },
	dim: { name: "Dimensions D", help: "The length of each code." },
	levels: {
		name: "Levels",
		help: "Residual: how many codebooks. FSQ: how many values each dimension has, such as 8,4,4.",
	},
	init: {
		name: "First codes",
		help: "Normal: N(0, 1). Uniform: ±1/K. Data: latents of the first images. K-means: centres of these latents.",
	},
	decay: { name: "Decay γ", help: "How much of the moving averages is kept in each step." },
	deadBelow: {
		name: "Dead below",
		help: "A code that is used less than this share of the mean is re-initialised from a latent; 0: never.",
	},
	beta: { name: "Commitment β", help: "How strongly the encoder is held near its codes." },
	gradient: { name: "Gradient", help: "How the decoder's gradient passes the quantizer: copied, or rotated." },
	similarity: { name: "Similarity", help: "Nearest by distance, or by angle." },
	hidden: {
		name: "Channels",
		help: "Of the inner layers, rounded up to an even number. The work of a step grows with their square.",
	},
	batch: { name: "Batch", help: "Images in each step." },
	lr: { name: "Learning rate", help: "Adam's, for 300 steps; then it falls as 1/step." },
	images: { name: "Images", help: "How many training images." },
	seed: { name: "Seed", help: "Decides the first weights, the drawn digits and the order of images." },
};

const order = Object.keys(descriptions) as (keyof typeof descriptions)[];

/** Whether a setting has an effect with this quantizer and these images. */
export function matters(
	name: SettingName,
	{ quantizer, data }: Pick<Settings, "quantizer"> & Partial<Pick<Settings, "data">>,
): boolean {
	if (name === "images") return data !== "own"; // they are as many as there are
	if (quantizer === "fsq")
		return !["codes", "dim", "init", "decay", "deadBelow", "beta", "gradient", "similarity"].includes(name);
	if (name === "levels") return quantizer === "residual";
	if (name === "decay") return quantizer !== "loss";
	return true;
}

/** All settings of a run; "Start" begins a new one with them. */
export function SettingsForm() {
	const texts = useSignal<Record<string, string>>({});
	const problem = useSignal<string | undefined>(undefined);
	const textOf = (name: SettingName) => texts.value[name] ?? String(settings.value[name]);
	const quantizer = textOf("quantizer") as Settings["quantizer"];
	const start = (event: Event) => {
		event.preventDefault();
		const next: Record<string, unknown> = { ...settings.value };
		for (const name of order) {
			if (!matters(name, { quantizer, data: settings.value.data })) continue;
			const value = parseSetting(name, textOf(name));
			if (value === undefined) {
				problem.value = `${descriptions[name].name} must be ${accepted(name)}, but is "${textOf(name)}".`;
				document.getElementById(`setting-${name}`)?.focus();
				return;
			}
			next[name] = value;
		}
		problem.value = conflict(next as unknown as Settings);
		if (problem.value !== undefined) return;
		texts.value = {};
		startRun(next as unknown as Settings);
	};
	return (
		<form class="settings" onSubmit={start} noValidate>
			{order
				.filter((name) => matters(name, { quantizer, data: settings.value.data }))
				.map((name) => (
					<SettingInput
						key={name}
						name={name}
						text={textOf(name)}
						onText={(text) => {
							texts.value = { ...texts.value, [name]: text };
							if (name === "quantizer" && text === "fsq" && textOf("levels") === "2")
								texts.value = { ...texts.value, levels: "8,4,4" };
							if (name === "quantizer" && text === "residual") texts.value = { ...texts.value, levels: "2" };
						}}
					/>
				))}
			{problem.value !== undefined && (
				<p class="problem" role="alert">
					{problem.value}
				</p>
			)}
			<button type="submit" class="primary">
				Start with these settings
			</button>
		</form>
	);
}

interface SettingInputProps {
	readonly name: keyof typeof descriptions;
	readonly text: string;
	readonly onText: (text: string) => void;
	/** Of the input's id, which is unique on the page. */
	readonly prefix?: string;
}

export function SettingInput({ name, text, onText, prefix = "setting" }: SettingInputProps) {
	const field = fields[name];
	const { name: label, help } = descriptions[name];
	const id = `${prefix}-${name}`;
	return (
		<div class="setting">
			<label for={id}>{label}</label>
			{field.kind === "choice" ? (
				<select
					id={id}
					value={text}
					aria-describedby={`${id}-help`}
					onChange={(event) => onText(event.currentTarget.value)}
				>
					{field.values.map((value) => (
						<option key={value} value={value}>
							{value}
						</option>
					))}
				</select>
			) : (
				<input
					id={id}
					value={text}
					inputMode="decimal"
					autocomplete="off"
					aria-describedby={`${id}-help`}
					onInput={(event) => onText(event.currentTarget.value)}
				/>
			)}
			<small id={`${id}-help`}>{help}</small>
		</div>
	);
}
