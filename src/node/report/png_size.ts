const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** The size that a PNG file says it has; undefined if it is none. */
export function pngSize(png: Buffer): { readonly width: number; readonly height: number } | undefined {
	const starts = png.length >= 33 && png.subarray(0, 8).equals(signature) && png.toString("latin1", 12, 16) === "IHDR";
	return starts ? { width: png.readUInt32BE(16), height: png.readUInt32BE(20) } : undefined;
}
