import type { Device } from "./device.js";
import { Storage } from "./storage.js";

/**
 * The ranges of a buffer that are bound start at multiples of this: `minStorageBufferOffsetAlignment` by
 * default.
 */
const alignment = 256;

/** Where parts of so many bytes start in their whole, and where the last one ends. */
export function layOut(bytes: readonly number[]): { readonly offsets: readonly number[]; readonly end: number } {
	let end = 0;
	const offsets = bytes.map((each) => {
		const offset = Math.ceil(end / alignment) * alignment;
		end = offset + each;
		return offset;
	});
	return { offsets, end };
}

/**
 * Makes storages parts of a new one, in this order, so that a kernel can bind all of them at once. Their
 * contents are copied. In a captured step only storages that it has allocated can be joined: they have no
 * buffers yet, so nothing is copied.
 *
 * @returns the new storage, or the one whose parts they are already; undefined if together they are too
 * large for a binding, or one of them has several holders or is a part of another storage
 */
export function join({ parts, trace, bindableBytes }: Device, storages: readonly Storage[]): Storage | undefined {
	const { stream, work } = parts;
	const joined = wholeOf(storages);
	if (joined !== undefined) return joined;
	const { offsets, end } = layOut(storages.map(({ bytes }) => bytes));
	const canMove = (storage: Storage) => trace?.allocated.has(storage) ?? !storage.isShared;
	const distinct = new Set(storages).size === storages.length;
	if (end > bindableBytes || !distinct || storages.some((each) => each.whole !== undefined || !canMove(each)))
		return undefined;
	const whole = trace?.allocateWhole(end) ?? stream.allocate(end);
	if (trace === undefined) {
		const encoder = stream.encoderForCopies();
		for (const [i, { buffer, bytes }] of storages.entries())
			encoder.copyBufferToBuffer(buffer, 0, whole.buffer, offsets[i], bytes);
		for (const storage of [whole, ...storages]) storage.lastBatch = work.batch;
	}
	return fill(whole, storages, offsets);
}

/** Storages of so many bytes each: parts of one if it fits into a binding, and no step is traced. */
export function allocateTogether(device: Device, bytes: readonly number[]): Storage[] {
	const { offsets, end } = layOut(bytes);
	const { stream } = device.parts;
	if (device.trace !== undefined || end > device.bindableBytes) return bytes.map((each) => device.allocate(each));
	const whole = stream.allocate(end);
	const storages = bytes.map((each) => new Storage(undefined, each, () => undefined, whole.lastBatch));
	fill(whole, storages, offsets);
	return storages;
}

/** The storage that has these parts in this order, and no others. */
export function wholeOf(storages: readonly Storage[]): Storage | undefined {
	const whole = storages[0]?.whole;
	if (whole?.parts.length !== storages.length) return undefined;
	return storages.every((storage, i) => whole.parts[i] === storage) ? whole : undefined;
}

/** Gives a new storage its parts, which then hold it. */
function fill(whole: Storage, parts: readonly Storage[], offsets: readonly number[]): Storage {
	for (const [i, part] of parts.entries()) part.moveInto(whole, offsets[i]);
	whole.parts = parts;
	whole.free();
	return whole;
}
