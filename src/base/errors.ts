/** The base class of the errors that Tessera throws: `catch (e) { if (e instanceof TesseraError) … }`. */
export class TesseraError extends Error {
	static override readonly name: string = "TesseraError";

	constructor(message: string, options?: ErrorOptions) {
		super(message, options);
		this.name = new.target.name;
	}
}

/** No usable adapter was found; the message names what to install or to set. */
export class NoAdapterError extends TesseraError {
	static override readonly name: string = "NoAdapterError";
}

/** The adapter lacks a feature that was asked for. */
export class MissingFeatureError extends TesseraError {
	static override readonly name: string = "MissingFeatureError";
}

/** A buffer, binding or workgroup would exceed what the device offers; the message gives both numbers. */
export class LimitError extends TesseraError {
	static override readonly name: string = "LimitError";
}

/** More work is in flight than the host's memory allows: the loop does not wait for the GPU. `await gpu.throttle()` in it bounds the work. */
export class OverloadError extends TesseraError {
	static override readonly name: string = "OverloadError";
}

/** The shapes of the arguments do not match; the message prints them. */
export class ShapeError extends TesseraError {
	static override readonly name: string = "ShapeError";
}

/** An argument other than a shape is out of its range. */
export class ArgumentError extends TesseraError {
	static override readonly name: string = "ArgumentError";
}

/** A tensor has a dtype that the operation does not take; the message prints it. */
export class DTypeError extends TesseraError {
	static override readonly name: string = "DTypeError";
}

/** A tensor was used after `dispose()`, or after the scope that made it had ended. */
export class DisposedError extends TesseraError {
	static override readonly name: string = "DisposedError";
}

/** Tensors of two different devices met in one operation. */
export class DeviceMismatchError extends TesseraError {
	static override readonly name: string = "DeviceMismatchError";
}

/** The GPU could not allocate a buffer. It is thrown late, by the next read. */
export class OutOfMemoryError extends TesseraError {
	static override readonly name: string = "OutOfMemoryError";
}

/** The device is gone: reset by the driver, unplugged, or destroyed. Open another one. */
export class DeviceLostError extends TesseraError {
	static override readonly name: string = "DeviceLostError";
}

/** A kernel did not compile, or its pipeline or bindings were refused; the message has file, line and what the compiler reports. */
export class ShaderError extends TesseraError {
	static override readonly name: string = "ShaderError";
}

/** A step cannot be captured or replayed: it reads back, uploads or changes; the message says at which dispatch. */
export class CaptureError extends TesseraError {
	static override readonly name: string = "CaptureError";
}

/** `backward` cannot compute the gradient: no operation was recorded, or one returned a gradient of the wrong shape. */
export class GradientError extends TesseraError {
	static override readonly name: string = "GradientError";
}

/** A state dict does not fit the module; the message lists missing and unexpected names and shapes that differ. */
export class StateDictError extends TesseraError {
	static override readonly name: string = "StateDictError";
}

/** A file is not what its format says: truncated, corrupt, or of another kind. */
export class FormatError extends TesseraError {
	static override readonly name: string = "FormatError";
}

/** Data could not be found, fetched, read or written; the message says what was tried. */
export class DataError extends TesseraError {
	static override readonly name: string = "DataError";
}

/** A training step's loss, a weight or an output is NaN or infinite; the message says at which step and what to try. */
export class DivergenceError extends TesseraError {
	static override readonly name: string = "DivergenceError";

	/**
	 * @param step the training step, counted from 1, if it is known
	 * @param value what is not finite
	 * @param before the records of the steps that were read together with that step and came before it
	 */
	constructor(
		message: string,
		readonly step: number | undefined,
		readonly value: number,
		readonly before: readonly { readonly step: number }[] = [],
	) {
		super(message);
	}
}
