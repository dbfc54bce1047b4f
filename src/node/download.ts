import { createHash } from "node:crypto";
import { basename } from "node:path";
import { DataError } from "../gpu/errors.js";
import { readFileIfThere, writeFileAtomic } from "./files.js";

export interface DownloadOptions {
	/** Called with the bytes received so far, and all there will be where the server says so. */
	readonly onProgress?: ((receivedBytes: number, totalBytes: number | undefined) => void) | undefined;
	/** How long the server may take to answer, in milliseconds; 20,000 by default. */
	readonly connectTimeout?: number | undefined;
	/** How long it may pause within its answer, in milliseconds; 30,000 by default. */
	readonly stallTimeout?: number | undefined;
}

/**
 * Fetches a file over HTTP.
 * @throws DataError whose message is the reason alone, without the URL: no connection, a status other than 2xx, no
 * answer or no progress in time, or a body shorter than announced.
 */
export async function download(url: string, options: DownloadOptions = {}): Promise<Uint8Array> {
	const { onProgress, connectTimeout = 20_000, stallTimeout = 30_000 } = options;
	const abort = new AbortController();
	let timer: NodeJS.Timeout | undefined;
	const allow = (milliseconds: number, trouble: string): void => {
		clearTimeout(timer);
		timer = setTimeout(() => abort.abort(new DataError(`${trouble} for ${milliseconds / 1000} s`)), milliseconds);
	};
	try {
		allow(connectTimeout, "no answer");
		// A server must not pack the file once more: its length and its checksum are those of the file as it lies there.
		const response = await network(fetch(url, { signal: abort.signal, headers: { "accept-encoding": "identity" } }));
		if (!response.ok || response.body === null) {
			throw new DataError(`HTTP status ${response.status} ${response.statusText}`.trimEnd());
		}
		const length = response.headers.get("content-length");
		const total = length === null || response.headers.has("content-encoding") ? undefined : Number(length);
		const chunks: Uint8Array[] = [];
		let received = 0;
		const reader = response.body.getReader();
		while (true) {
			allow(stallTimeout, "no progress");
			const { done, value } = await network(reader.read());
			if (done) break;
			chunks.push(value);
			received += value.length;
			onProgress?.(received, total);
		}
		if (total !== undefined && received !== total) throw new DataError(`${received} of ${total} bytes, then the end`);
		return Buffer.concat(chunks);
	} finally {
		clearTimeout(timer);
		abort.abort();
	}
}

/** Turns what fetch rejects with into a DataError; the abort's own reason is one already. */
async function network<T>(answer: Promise<T>): Promise<T> {
	try {
		return await answer;
	} catch (error) {
		throw error instanceof DataError ? error : new DataError(networkReason(error), { cause: error });
	}
}

/**
 * The bytes of a file that is kept at `path`. When it is missing there or its MD5 sum is wrong, it is fetched from the
 * first of `urls` that has it whole, and put there. Several processes may do so at once.
 * @throws DataError that lists each URL with the reason why it failed, and says where the file can be put by hand; or
 * that the file cannot be written to `path`.
 */
export async function cachedDownload(
	path: string,
	md5: string,
	urls: readonly string[],
	options: DownloadOptions = {},
): Promise<Uint8Array> {
	const kept = await readFileIfThere(path);
	if (kept !== undefined && md5Of(kept) === md5) return kept;
	const bytes = await fetchFirst(path, md5, urls, options);
	try {
		await writeFileAtomic(path, bytes);
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		const advice = "set TESSERA_CACHE to a folder that can be written";
		throw new DataError(`${basename(path)} was downloaded but cannot be kept (${reason}); ${advice}`, { cause });
	}
	return bytes;
}

async function fetchFirst(
	path: string,
	md5: string,
	urls: readonly string[],
	options: DownloadOptions,
): Promise<Uint8Array> {
	const failures: string[] = [];
	for (const url of urls) {
		try {
			const bytes = await download(url, options);
			const sum = md5Of(bytes);
			if (sum === md5) return bytes;
			failures.push(`  ${url}: wrong MD5 sum, ${sum} instead of ${md5} (${bytes.length} bytes)`);
		} catch (error) {
			if (!(error instanceof DataError)) throw error;
			failures.push(`  ${url}: ${error.message}`);
		}
	}
	throw new DataError(
		`${basename(path)} could not be downloaded:\n${failures.join("\n")}\n` +
			`Put it at ${path} by hand, or name other servers in TESSERA_MIRRORS (base URLs, separated by commas).`,
	);
}

function md5Of(bytes: Uint8Array): string {
	return createHash("md5").update(bytes).digest("hex");
}

/** What fetch hides behind "fetch failed": the system's code and words. */
function networkReason(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	const cause: unknown = error.cause;
	if (!(cause instanceof Error)) return error.message;
	const code = "code" in cause ? String(cause.code) : "";
	return [error.message, code, cause.message].filter((part, i, all) => part && all.indexOf(part) === i).join(", ");
}
