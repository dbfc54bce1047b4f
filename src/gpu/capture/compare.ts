import { CaptureError } from "../../base/errors.js";
import { titleOf } from "../kernel.js";
import type { Storage } from "../storage.js";
import type { Trace, TraceEvent } from "./trace.js";

/**
 * Compares two traces of the same step.
 *
 * @throws CaptureError at the first difference
 * @internal
 */
export function compareTraces(first: Trace, second: Trace): void {
	// Commands first: if they differ, so do the allocations before them, which say less.
	const commandsOf = ({ events }: Trace) => events.filter(({ kind }) => kind === "dispatch" || kind === "copy");
	compareEvents(first, second, commandsOf(first), commandsOf(second));
	compareEvents(first, second, first.events, second.events);
	const sameFeeds =
		first.feeds.length === second.feeds.length &&
		first.feeds.every(({ storage }, i) => storage === second.feeds[i].storage);
	if (!sameFeeds) throw new CaptureError("gpu.capture: the step must feed the same tensors each time.");
}

function compareEvents(first: Trace, second: Trace, before: readonly TraceEvent[], after: readonly TraceEvent[]): void {
	let dispatches = 0;
	for (let i = 0; i < Math.max(before.length, after.length); i++) {
		if ((before[i] ?? after[i])?.kind === "dispatch") dispatches++;
		const difference = differenceOf(first, second, before[i], after[i]);
		if (difference !== undefined)
			throw new CaptureError(
				`gpu.capture: the step must do the same each time, but at dispatch ${Math.max(dispatches, 1)} ${difference}.`,
			);
	}
}

function differenceOf(
	first: Trace,
	second: Trace,
	before: TraceEvent | undefined,
	after: TraceEvent | undefined,
): string | undefined {
	const changed = `it first ${describe(before)} and then ${describe(after)}`;
	const same = (storage: Storage, other: Storage | undefined) => isSame(first, second, storage, other);
	if (before?.kind === "dispatch" && after?.kind === "dispatch") {
		if (before.pipeline !== after.pipeline || before.x !== after.x || before.y !== after.y) return changed;
		const binding = before.storages.findIndex((storage, i) => !same(storage, after.storages[i]));
		return binding < 0
			? undefined
			: `(${titleOf(before.pipeline.kernel.name)}) binding ${binding} was another tensor the second time. Make what the step uses before it, and overwrite it with gpu.upload() or gpu.copy()`;
	}
	if (before?.kind === "copy" && after?.kind === "copy")
		return same(before.from, after.from) && same(before.to, after.to)
			? undefined
			: "a copy was between other tensors the second time";
	if ((before?.kind === "allocate" || before?.kind === "free") && after?.kind === before.kind)
		return same(before.storage, after.storage) && before.storage.bytes === after.storage.bytes ? undefined : changed;
	return changed;
}

/** Whether a storage plays the same part in both traces. */
function isSame(first: Trace, second: Trace, before: Storage, after: Storage | undefined): boolean {
	if (after === undefined) return false;
	const number = first.allocated.get(before);
	if (number !== undefined) return number === second.allocated.get(after);
	return before === after || (before.contents !== undefined && before.contents === after.contents);
}

function describe(event: TraceEvent | undefined): string {
	if (event === undefined) return "ended";
	if (event.kind === "copy") return "made a copy";
	if (event.kind !== "dispatch")
		return `${event.kind === "allocate" ? "allocated" : "freed"} ${event.storage.bytes} bytes`;
	const { kernel, constants } = event.pipeline;
	const given = Object.keys(constants).length > 0 ? ` ${JSON.stringify(constants)}` : "";
	return `launched ${titleOf(kernel.name)}${given} with ${event.x * event.y} workgroups`;
}
