/** Base class of every error that Tessera throws on purpose: `catch (e) { if (e instanceof TesseraError) … }`. */
export class TesseraError extends Error {
	constructor(message: string, options?: ErrorOptions) {
		super(message, options);
		this.name = new.target.name;
	}
}

/** No usable adapter was found; the message names what to install or to set. */
export class NoAdapterError extends TesseraError {}

/** The adapter lacks a feature that was asked for. */
export class MissingFeatureError extends TesseraError {}

/** A buffer, binding or workgroup would exceed what the device offers; the message gives both numbers. */
export class LimitError extends TesseraError {}

/** The shapes of the arguments do not fit each other; the message prints them. */
export class ShapeError extends TesseraError {}

/** An argument other than a shape is out of its range. */
export class ArgumentError extends TesseraError {}

/** A tensor has a dtype that the operation does not take; the message prints it. */
export class DTypeError extends TesseraError {}

/** A tensor was used after `dispose()`, or after the scope that made it had ended. */
export class DisposedError extends TesseraError {}

/** Tensors of two different devices met in one operation. */
export class DeviceMismatchError extends TesseraError {}

/** The GPU could not allocate a buffer. It arrives late, at the next read. */
export class OutOfMemoryError extends TesseraError {}

/** The device is gone: reset by the driver, unplugged, or destroyed. Open another one. */
export class DeviceLostError extends TesseraError {}

/** A kernel did not compile, or its pipeline or bindings were refused; the message has file, line and the compiler's words. */
export class ShaderError extends TesseraError {}

/** A step cannot be captured or replayed: it reads back, uploads or changes; the message says at which dispatch. */
export class CaptureError extends TesseraError {}

/** `backward` cannot do what was asked: no gradient is recorded, or one came back in the wrong shape. */
export class GradientError extends TesseraError {}

/** A state dict does not fit the module; the message lists missing and unexpected names and shapes that differ. */
export class StateDictError extends TesseraError {}

/** A file is not what its format says: truncated, corrupt, or of another kind. */
export class FormatError extends TesseraError {}

/** Data could not be found or fetched; the message says what was tried. */
export class DataError extends TesseraError {}
