import type { Storage } from "../storage.js";
import type { Trace } from "./trace.js";

/**
 * Copies some events of a trace into one that can be replayed on its own, to time them. It allocates copies of the storages that
 * earlier events have allocated, and of those from outside that it writes.
 *
 * @param part an empty trace
 * @param end the number of the event after the last one
 * @internal
 */
export function excerpt(trace: Trace, start: number, end: number, part: Trace): Trace {
	const copies = new Map<Storage, Storage>();
	const events = trace.events.slice(start, end);
	const written = trace.writtenBy(events);
	for (const event of events) if (event.kind === "allocate") copies.set(event.storage, event.storage);
	const copyOf = (storage: Storage): Storage => {
		const needsCopy = trace.allocated.has(storage) || written.has(storage);
		const copy = copies.get(storage) ?? (needsCopy ? part.allocate(storage.bytes) : storage);
		copies.set(storage, copy);
		return copy;
	};
	for (const event of events)
		if (event.kind === "dispatch") {
			const { pipeline, storages, x, y } = event;
			part.dispatch(pipeline, storages.map(copyOf), x, y);
		} else if (event.kind === "copy") part.copy(copyOf(event.from), copyOf(event.to));
		else if (event.kind === "allocate") part.addAllocation(event.storage);
		else if (copies.get(event.storage) === event.storage) part.events.push(event);
	for (const [storage, copy] of copies) if (copy !== storage) copy.free();
	part.close();
	return part;
}
