/** Waits for work of the GPU. @internal */
export type HostWait = <T>(work: Promise<T>) => Promise<T>;

/** @param idle called when a wait starts; the function that it returns is called when the wait ends @internal */
export function hostWait(idle: (() => () => void) | undefined): HostWait {
	return async (work) => {
		const wake = idle?.();
		try {
			return await work;
		} finally {
			wake?.();
		}
	};
}
