/** SHA-256 of all parts, in hexadecimal digits. */
export async function sha256(...parts: readonly Uint8Array[]): Promise<string> {
	const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
	let at = 0;
	for (const part of parts) {
		all.set(part, at);
		at += part.length;
	}
	const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", all));
	return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
