import { type Gpu, TesseraError } from "tessera-gpu";

const filters = ["validation", "out-of-memory", "internal"] as const;

/**
 * Runs another library's work with the GPU's errors caught: such a library continues after them, and they would otherwise
 * come up in ours.
 *
 * @throws TesseraError with what the GPU or the library said.
 */
export async function guarded<T>(gpu: Gpu, library: string, operation: () => Promise<T>): Promise<T> {
	for (const filter of filters) gpu.device.pushErrorScope(filter);
	const [outcome] = await Promise.allSettled([operation()]);
	const errors = await Promise.all(filters.map(() => gpu.device.popErrorScope()));
	const reported = errors.find((error) => error !== null)?.message;
	const message = reported ?? (outcome.status === "rejected" ? String((outcome.reason as Error).message) : undefined);
	if (message !== undefined) throw new TesseraError(`${library}: ${message.split("\n")[0]}`);
	return (outcome as PromiseFulfilledResult<T>).value;
}
