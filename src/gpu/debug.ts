import type { Constants, Kernel } from "./kernel.js";
import type { LaunchEvent } from "./launch.js";

/** Prints a launch in one line, for `openDevice({ debug: "launches" })`. */
export function printLaunch({ kernel, launch, mode }: LaunchEvent): void {
	const { constants = {}, bindings, uniforms = {}, workgroups } = launch;
	const bytes = bindings.map((storage) => storage.bytes.toLocaleString("en-US")).join(" + ");
	console.warn(
		`${mode} ${kernel.name}: ${named("constants", constants)}${named("uniforms", uniforms)}${workgroups} workgroups, bindings of ${bytes} bytes`,
	);
}

/** Prints a kernel's WGSL, for `openDevice({ debug: "shaders" })`. */
export function printShader({ name, source }: Kernel): void {
	console.warn(`compiled ${name}:\n${source}`);
}

function named(what: string, values: Constants): string {
	const entries = Object.entries(values).map(([name, value]) => `${name} ${value}`);
	return entries.length === 0 ? "" : `${what} { ${entries.join(", ")} }, `;
}
