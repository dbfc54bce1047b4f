// Files that the user downloads.

/** Lets the browser save a file. */
export function download(name: string, contents: BlobPart, type: string): void {
	const address = URL.createObjectURL(new Blob([contents], { type }));
	const link = document.createElement("a");
	link.href = address;
	link.download = name;
	link.click();
	// Some browsers read the address only after the click has been handled.
	setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** Lets the browser save a safetensors file that the worker has sent. */
export function downloadWeights(name: string, bytes: Uint8Array): void {
	download(name, bytes as Uint8Array<ArrayBuffer>, "application/octet-stream");
}

/**
 * An array in NumPy's format, version 1.0 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): uint16, or
 * uint32 if a value can be over 65,535.
 *
 * @param most one more than the largest value
 */
export function toNpy(values: Uint32Array, shape: readonly number[], most: number): Uint8Array<ArrayBuffer> {
	const isShort = most <= 2 ** 16;
	const text = `{'descr': '${isShort ? "<u2" : "<u4"}', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
	const headerBytes = Math.ceil((10 + text.length + 1) / 64) * 64;
	const bytes = new Uint8Array(headerBytes + values.length * (isShort ? 2 : 4));
	const view = new DataView(bytes.buffer);
	bytes.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0]);
	view.setUint16(8, headerBytes - 10, true);
	bytes.set(new TextEncoder().encode(`${text.padEnd(headerBytes - 11)}\n`), 10);
	for (const [i, value] of values.entries())
		if (isShort) view.setUint16(headerBytes + 2 * i, value, true);
		else view.setUint32(headerBytes + 4 * i, value, true);
	return bytes;
}
