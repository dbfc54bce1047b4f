import { type Constants, TesseraError } from "tessera-gpu";

/** A pipeline as the driver compiled it. Numbers that the driver did not print are null. */
export interface CompiledPipeline {
	readonly kernel: string;
	readonly constants: Constants;
	/** Labels and instructions, one a line, without their encoding. */
	readonly code: readonly string[];
	/** Vector registers of an invocation. */
	readonly vgprs: number | null;
	/** Scalar registers of a subgroup. */
	readonly sgprs: number | null;
	/** Subgroups that a SIMD holds at once; on RDNA in units of 32 lanes. */
	readonly waves: number | null;
	/** Vector and scalar registers that did not fit. */
	readonly spilled: number | null;
	readonly ldsBytes: number | null;
	readonly codeBytes: number | null;
}

const markerStart = "## pipeline ";

/** The line that precedes what the driver prints of a pipeline. */
export function pipelineMarker(kernel: string, constants: Constants): string {
	return `${markerStart}${JSON.stringify({ kernel, constants })}\n`;
}

/**
 * Parses what RADV prints on stderr with RADV_DEBUG=cs,asm,shaderstats, with a marker before each pipeline.
 *
 * @throws TesseraError if a pipeline has no code, or its statistics do not end
 */
export function parseDriverOutput(stderr: string): CompiledPipeline[] {
	// Before the first marker the driver compiles its own shaders.
	return stderr
		.split(new RegExp(`^${markerStart}`, "m"))
		.slice(1)
		.map(parsePipeline);
}

function parsePipeline(text: string): CompiledPipeline {
	const [marker = "", ...lines] = text.split("\n");
	const { kernel, constants } = JSON.parse(marker) as { kernel: string; constants: Constants };
	const code: string[] = [];
	const statistics = new Map<string, number>();
	const end = lines.findIndex((line) => /^\*{4,}$/.test(line));
	// What follows the end are shaders of Dawn or of the driver.
	for (const line of lines.slice(0, Math.max(0, end))) {
		const [, name, value] = /^([A-Za-z -]+): (\d+)$/.exec(line) ?? [];
		if (name !== undefined) statistics.set(name, Number(value));
		else if (/^(BB\d+:|\t)/.test(line)) code.push(line.replace(/\s*;.*/, "").trim());
	}
	if (code.length === 0)
		throw new TesseraError(
			`The driver printed no machine code for ${kernel}: install mesa-vulkan-drivers 25 or newer, built with LLVM.`,
		);
	const statistic = (name: string) => statistics.get(name) ?? null;
	const [spilledVgprs, spilledSgprs] = [statistic("Spilled VGPRs"), statistic("Spilled SGPRs")];
	return {
		kernel,
		constants,
		code,
		vgprs: statistic("VGPRs"),
		sgprs: statistic("SGPRs"),
		waves: statistic("Subgroups per SIMD"),
		spilled: spilledVgprs === null || spilledSgprs === null ? null : spilledVgprs + spilledSgprs,
		ldsBytes: statistic("LDS size"),
		codeBytes: statistic("Code size"),
	};
}
