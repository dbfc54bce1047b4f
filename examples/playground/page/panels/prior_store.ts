// What the page knows of the prior: signals that the parts of its panel read.
import { computed, signal } from "@preact/signals";
import type { EngineEvent, Pictures, PriorState, Samples } from "../../shared/frames.js";
import type { SampleRequest } from "../../worker/prior.js";
import { append, type Curve, clearCurve, onEvent, run, session } from "../store.js";

export const prior = signal<PriorState | undefined>(undefined);
/** Whether there was a prior, but it was lost with the device. */
export const wasLost = signal(false);
/** Images that the prior has drawn. */
export const samples = signal<Samples | undefined>(undefined);
/** An image whose codes the user wants to see and change. */
export const taken = signal<{ readonly codes: Uint32Array; readonly picture: Pictures } | undefined>(undefined);

/** Curves of the cross-entropy in nats per code; `natsVersion` says that they have changed. */
export const nats = {
	training: { steps: [], columns: [[]] } as Curve,
	heldOut: { steps: [], columns: [[]] } as Curve,
};
export const natsVersion = signal(0);

export const isPriorTraining = computed(() => session.value.activity === "prior");
/** Whether the prior has learnt something and does not train now. */
export const isUsable = computed(
	() => session.value.phase === "ready" && !isPriorTraining.value && (prior.value?.step ?? 0) > 0,
);

export const temperature = signal(0.9);
/** undefined: all codes. */
export const topK = signal<number | undefined>(undefined);

/** The names of the classes that the prior is conditioned on. */
export const classNames = computed(() =>
	(prior.value?.classes ?? 0) > 0 ? (run.value?.classes ?? []).slice(0, prior.value?.classes) : [],
);

let requests = 0;

/** How the user wants codes to be drawn; each request has another seed. */
export function newRequest(label: number | undefined): SampleRequest {
	requests += 1;
	return { temperature: temperature.value, topK: topK.value, label, seed: requests };
}

onEvent((event: EngineEvent) => {
	if (event.kind !== "prior") return;
	const { prior: state, lost } = event;
	if (state === undefined || state.runId !== prior.value?.runId || state.modelStep !== prior.value.modelStep) {
		clearCurve(nats.training);
		clearCurve(nats.heldOut);
		samples.value = undefined;
		taken.value = undefined;
	}
	wasLost.value = lost;
	prior.value = state;
	for (const { step, nats: value } of state?.losses ?? []) append(nats.training, step, [value]);
	if (state?.heldOut !== undefined) append(nats.heldOut, state.heldOut.step, [state.heldOut.nats]);
	if (state?.samples !== undefined) samples.value = state.samples;
	natsVersion.value += 1;
});
