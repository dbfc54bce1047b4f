import type { Contender } from "../harness/timing.js";

/** The network in another library, with weights of its own. */
export interface OtherNetwork {
	readonly contender: Contender;
	/**
	 * Takes a step and gives the loss before it.
	 *
	 * @throws TesseraError if the library or the GPU refuses it
	 */
	readonly loss: () => Promise<number>;
}

/** Another library with its networks: one, or one for each of its settings. */
export interface OtherTraining {
	readonly networks: readonly OtherNetwork[];
	readonly close: () => void;
}
