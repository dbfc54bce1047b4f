/** Instructions by kind. */
export interface InstructionMix {
	/** Fused or not; an instruction that computes two counts twice. */
	readonly multiplyAdds: number;
	/** Other vector instructions. */
	readonly otherVector: number;
	readonly globalLoads: number;
	readonly globalStores: number;
	/** Loads and stores of workgroup memory, and the shuffles that use its hardware. */
	readonly localMemory: number;
	readonly scalarLoads: number;
	readonly scalarAlu: number;
	readonly branches: number;
	/** Waits for global loads. */
	readonly loadWaits: number;
}

/** The part of a kernel in which most of its time is spent. */
export interface HotCode {
	/**
	 * "loop": the innermost loop with the most multiply-adds, or the longest one if the kernel has no
	 * multiply-adds. "no loop": the whole kernel, because no innermost loop has its multiply-adds: it has
	 * no loop, or the compiler unrolled it.
	 */
	readonly part: "loop" | "no loop";
	readonly mix: InstructionMix;
}

const noInstructions: InstructionMix = {
	multiplyAdds: 0,
	otherVector: 0,
	globalLoads: 0,
	globalStores: 0,
	localMemory: 0,
	scalarLoads: 0,
	scalarAlu: 0,
	branches: 0,
	loadWaits: 0,
};

/** The kinds of instructions by their names, the first that matches. */
const kinds: readonly (readonly [pattern: RegExp, kind: keyof InstructionMix | undefined, count: number])[] = [
	[/^v_pk_fma_f/, "multiplyAdds", 2],
	[/^v_(dual_)?(fma|fmac|fmaak|fmamk|fma_mix|mac|mad|madak|madmk)(_legacy)?_f(16|32)/, "multiplyAdds", 1],
	[/^v_nop/, undefined, 0],
	[/^v_/, "otherVector", 1],
	[/^(buffer|global|flat)_load/, "globalLoads", 1],
	[/^(buffer|global|flat)_(store|atomic)/, "globalStores", 1],
	[/^ds_/, "localMemory", 1],
	[/^s_(buffer_)?load/, "scalarLoads", 1],
	[/^s_c?branch/, "branches", 1],
	[/^s_wait.*vmcnt/, "loadWaits", 1],
	[/^s_(wait|delay|nop|clause|inst|set_inst|sendmsg|barrier|endpgm|code_end)/, undefined, 0],
	[/^s_/, "scalarAlu", 1],
];

/** Counts instructions. Two instructions that RDNA 3 issues together stand on one line, separated by "::". */
export function mixOf(code: readonly string[]): InstructionMix {
	const mix: Record<keyof InstructionMix, number> = { ...noInstructions };
	for (const instruction of code.flatMap((line) => line.split("::"))) {
		const text = instruction.trim();
		const [, kind, count = 0] = kinds.find(([pattern]) => pattern.test(text)) ?? [];
		if (kind !== undefined) mix[kind] += count;
	}
	return mix;
}

/** The loops that contain no other: from a label to the last branch back to it. */
function innermostLoops(code: readonly string[]): (readonly string[])[] {
	const labels = new Map<string, number>();
	const ends = new Map<number, number>();
	for (const [i, line] of code.entries()) {
		const label = /^(BB\d+):/.exec(line)?.[1];
		if (label !== undefined) labels.set(label, i);
		const target = labels.get(/^s_c?branch\w*\s+(BB\d+)/.exec(line)?.[1] ?? "");
		if (target !== undefined) ends.set(target, i);
	}
	const loops = [...ends];
	const contains = ([start, end]: readonly [number, number], [innerStart, innerEnd]: readonly [number, number]) =>
		start < innerStart && innerEnd <= end;
	return loops
		.filter((loop) => !loops.some((other) => contains(loop, other)))
		.map(([start, end]) => code.slice(start, end + 1));
}

export function hotCode(code: readonly string[]): HotCode {
	const whole = mixOf(code);
	const [hottest] = innermostLoops(code)
		.map((loop) => ({ mix: mixOf(loop), length: loop.length }))
		.sort((a, b) => b.mix.multiplyAdds - a.mix.multiplyAdds || b.length - a.length);
	if (hottest !== undefined && (hottest.mix.multiplyAdds > 0 || whole.multiplyAdds === 0))
		return { part: "loop", mix: hottest.mix };
	return { part: "no loop", mix: whole };
}
