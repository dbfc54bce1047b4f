import { createHash } from "node:crypto";
import { basename } from "node:path";
import { DataError } from "../../base/errors.js";
import { readFileIfThere, writeFileAtomic } from "../files.js";

export interface DownloadOptions {
	/** Called with the number of bytes received so far, and the total if it is known. */
	readonly onProgress?: ((receivedBytes: number, totalBytes: number | undefined) => void) | undefined;
	/** How long the server may take to answer, in milliseconds; 20,000 by default. */
	readonly connectTimeout?: number | undefined;
	/** How long the server may send nothing during its answer, in milliseconds; 30,000 by default. */
	readonly stallTimeout?: number | undefined;
	/** How long the download may take, in milliseconds; 20 minutes by default, in which 22 KB/s give 26 MB. */
	readonly totalTimeout?: number | undefined;
	/** The size of the file, if it is known. */
	readonly bytes?: number | undefined;
}

/** The size and the checksums of a file. */
export interface ExpectedFile {
	readonly bytes: number;
	/** As its authors published it. */
	readonly md5: string;
	readonly sha256: string;
}

export interface CachedDownloadOptions extends Omit<DownloadOptions, "bytes"> {
	/** The pause before the second attempt, in milliseconds; n times as long before attempt n + 1. 1000 by default. */
	readonly retryPause?: number | undefined;
}

/** How often each address is tried. */
const attempts = 3;
/** The most bytes of a file whose size is not known. */
const mostBytes = 2 ** 30;
/** Statuses 4xx that may be different later: request timeout, too early, too many requests. */
const passing = [408, 425, 429];

/** A failure that another attempt would not change. */
class FinalError extends DataError {}

/**
 * Fetches a file over HTTP, up to its known or announced size, or 1 GiB.
 *
 * @throws DataError whose message is the reason alone, without the URL: no connection, a status other than 2xx, no answer or no
 * progress in time, a redirect from HTTPS to HTTP, or a body of another size than announced or known
 */
export async function download(url: string, options: DownloadOptions = {}): Promise<Uint8Array> {
	const { onProgress, connectTimeout = 20_000, stallTimeout = 30_000, totalTimeout = 1_200_000, bytes } = options;
	const abort = new AbortController();
	const after = (milliseconds: number, trouble: string): NodeJS.Timeout =>
		setTimeout(() => abort.abort(new DataError(`${trouble} ${milliseconds / 1000} s`)), milliseconds);
	const whole = after(totalTimeout, "not complete after");
	let pause = after(connectTimeout, "no answer for");
	try {
		// The server must not compress the file again: size and checksums are those of the file itself.
		const response = await network(fetch(url, { signal: abort.signal, headers: { "accept-encoding": "identity" } }));
		const { status } = response;
		if (!response.ok || response.body === null) {
			const Failure = status >= 400 && status < 500 && !passing.includes(status) ? FinalError : DataError;
			throw new Failure(`HTTP status ${status} ${response.statusText}`.trimEnd());
		}
		if (url.startsWith("https:") && !response.url.startsWith("https:"))
			throw new FinalError(`it redirects to ${response.url}, which is not HTTPS`);
		const length = response.headers.get("content-length");
		const announced = length === null || response.headers.has("content-encoding") ? undefined : Number(length);
		if (bytes !== undefined && announced !== undefined && announced !== bytes)
			throw new FinalError(`it has ${announced} bytes instead of ${bytes}`);
		const total = bytes ?? announced;
		const most = total ?? mostBytes;
		if (most > mostBytes) throw new FinalError(`it has ${most} bytes, but at most ${mostBytes} are fetched`);
		const chunks: Uint8Array[] = [];
		let received = 0;
		const reader = response.body.getReader();
		while (true) {
			clearTimeout(pause);
			pause = after(stallTimeout, "no progress for");
			const { done, value } = await network(reader.read());
			if (done) break;
			chunks.push(value);
			received += value.length;
			if (received > most) throw new FinalError(`it has more than the expected ${most} bytes`);
			onProgress?.(received, total);
		}
		if (total !== undefined && received !== total) throw new DataError(`it ended after ${received} of ${total} bytes`);
		return Buffer.concat(chunks);
	} finally {
		clearTimeout(whole);
		clearTimeout(pause);
		abort.abort();
	}
}

/** Turns a rejection of fetch into a DataError; the reason of the abort is one already. */
async function network<T>(answer: Promise<T>): Promise<T> {
	try {
		return await answer;
	} catch (error) {
		throw error instanceof DataError ? error : new DataError(networkReason(error), { cause: error });
	}
}

/**
 * The bytes of a file that is kept at `path`. If it is missing or is not the expected file, it is fetched from the first of
 * `urls` that has it, and written to `path`. Each URL is tried up to three times. Several processes may do so at once.
 *
 * @throws DataError that lists each URL with the reason of its failure, and where the file can be put by hand; or that the file
 * cannot be written to `path`
 */
export async function cachedDownload(
	path: string,
	expected: ExpectedFile,
	urls: readonly string[],
	options: CachedDownloadOptions = {},
): Promise<Uint8Array> {
	const kept = await readFileIfThere(path);
	if (kept !== undefined && differenceFrom(expected, kept) === undefined) return kept;
	const bytes = await fetchFirst(path, expected, urls, options);
	try {
		await writeFileAtomic(path, bytes);
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		const advice = "Set TESSERA_CACHE to a folder that can be written to.";
		throw new DataError(`"${basename(path)}" was downloaded, but cannot be kept: ${reason} ${advice}`, { cause });
	}
	return bytes;
}

async function fetchFirst(
	path: string,
	expected: ExpectedFile,
	urls: readonly string[],
	{ retryPause = 1000, ...options }: CachedDownloadOptions,
): Promise<Uint8Array> {
	const failures = new Map<string, string>();
	let left = [...new Set(urls)];
	for (let attempt = 1; attempt <= attempts && left.length > 0; attempt++) {
		if (attempt > 1) await new Promise((done) => setTimeout(done, retryPause * (attempt - 1)));
		const again: string[] = [];
		for (const url of left) {
			const times = attempt === 1 ? "" : ` (tried ${attempt} times)`;
			try {
				const bytes = await download(url, { ...options, bytes: expected.bytes });
				const difference = differenceFrom(expected, bytes);
				if (difference === undefined) return bytes;
				failures.set(url, `${difference}${times}`);
				again.push(url);
			} catch (error) {
				if (!(error instanceof DataError)) throw error;
				failures.set(url, `${error.message}${times}`);
				if (!(error instanceof FinalError)) again.push(url);
			}
		}
		left = again;
	}
	throw new DataError(
		`"${basename(path)}" could not be downloaded:\n${Array.from(failures, ([url, reason]) => `  ${url}: ${reason}`).join("\n")}\n` +
			`Put it at "${path}" by hand, or set TESSERA_MIRRORS to other base URLs, separated by commas.`,
	);
}

/** The difference of these bytes from those expected, in words; undefined if there is none. */
function differenceFrom(expected: ExpectedFile, bytes: Uint8Array): string | undefined {
	if (bytes.length !== expected.bytes) return `${bytes.length} bytes instead of ${expected.bytes}`;
	for (const [algorithm, name] of [
		["md5", "MD5"],
		["sha256", "SHA-256"],
	] as const) {
		const sum = createHash(algorithm).update(bytes).digest("hex");
		if (sum !== expected[algorithm]) return `wrong ${name} sum, ${sum} instead of ${expected[algorithm]}`;
	}
	return undefined;
}

/** The reason behind "fetch failed": the code and the message of the cause. */
function networkReason(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	const cause: unknown = error.cause;
	if (!(cause instanceof Error)) return error.message;
	const code = "code" in cause ? String(cause.code) : "";
	return [error.message, code, cause.message].filter((part, i, all) => part && all.indexOf(part) === i).join(", ");
}
