/** One file of `kernels/`: its name and its WGSL text. */
export interface Kernel {
	readonly name: string;
	readonly source: string;
}

/** Values of a kernel's `override` constants, by name. */
export type Constants = Readonly<Record<string, number>>;

/** What a kernel's binding is. @internal */
export type BindingKind = "uniform" | "read-only-storage" | "storage";

/** The kinds of a kernel's bindings in group 0, in order, read off its declarations. @internal */
export function bindingKinds(kernel: Kernel): BindingKind[] {
	const kinds: BindingKind[] = [];
	for (const match of kernel.source.matchAll(/@group\(0\)\s*@binding\((\d+)\)\s*var<([^>]*)>/g)) {
		const space = (match[2] ?? "").replace(/\s/g, "");
		kinds[Number(match[1])] =
			space === "uniform" ? "uniform" : space === "storage,read_write" ? "storage" : "read-only-storage";
	}
	return kinds;
}
