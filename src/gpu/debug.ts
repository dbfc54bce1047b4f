import type { Constants, Kernel } from "./kernel.js";
import type { LaunchEvent } from "./launch.js";

/** Prints a launch in one line, for `openDevice({ debug: "launches" })`. */
export function printLaunch({ kernel, launch, mode }: LaunchEvent): void {
	const { constants = {}, bindings, uniforms = {}, workgroups } = launch;
	const bytes = bindings.map((storage) => storage.bytes.toLocaleString("en-US")).join(" + ");
	const values = [...named("constants", constants), ...named("uniforms", uniforms)];
	const facts = [...values, `${workgroups} workgroups`, `bindings of ${bytes} bytes`];
	console.warn(`${mode} ${kernel.name}: ${facts.join(", ")}`);
}

/** For `openDevice({ debug: "shaders" })`: prints each pipeline with its constants, and each WGSL once. */
export function shaderPrinter(): (kernel: Kernel, constants: Constants) => void {
	const printed = new Set<string>();
	return ({ name, source }, constants) => {
		const line = [`compiled ${name}:`, ...named("constants", constants)].join(" ");
		console.warn(printed.has(name) ? line : `${line}\n${source}`);
		printed.add(name);
	};
}

/** "constants { FACTOR 3 }", or nothing if there are none. */
function named(what: string, values: Constants): string[] {
	const entries = Object.entries(values).map(([name, value]) => `${name} ${value}`);
	return entries.length === 0 ? [] : [`${what} { ${entries.join(", ")} }`];
}
