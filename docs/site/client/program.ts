import { formatValues } from "./format.js";

/** Gets what a running program prints, and the adapters that it opens. */
export interface Listener {
	print(text: string, kind: "log" | "warning" | "error"): void;
	/** The adapter on which it has opened a device. */
	opened(adapter: string): void;
}

/** Devices that the running program has opened. */
const devices = new Set<GPUDevice>();
/** The listener of the running program, which may continue after its module has been evaluated. */
let listener: Listener | undefined;
let isWatching = false;

/** Passes on what programs print, what they throw later, and the devices that they open. */
function watch(): void {
	if (isWatching) return;
	isWatching = true;
	for (const [method, kind] of [
		["log", "log"],
		["info", "log"],
		["debug", "log"],
		["warn", "warning"],
		["error", "error"],
	] as const) {
		const print = console[method];
		console[method] = (...values: unknown[]) => {
			print.apply(console, values);
			listener?.print(formatValues(values), kind);
		};
	}
	addEventListener("unhandledrejection", (event) => {
		event.preventDefault();
		listener?.print(describe(event.reason), "error");
	});
	addEventListener("error", (event) => {
		event.preventDefault();
		listener?.print(describe(event.error ?? event.message), "error");
	});
	if (!("GPUAdapter" in globalThis)) return;
	const request = GPUAdapter.prototype.requestDevice;
	GPUAdapter.prototype.requestDevice = async function (...descriptor) {
		const device = await request.apply(this, descriptor);
		devices.add(device);
		const { description, vendor, architecture } = this.info;
		listener?.opened(description || `${vendor} ${architecture}`.trim());
		return device;
	};
}

/** An error in words, with the line of the program that threw it. */
function describe(error: unknown): string {
	if (!(error instanceof Error)) return `The program threw ${formatValues([error])}`;
	if (location.protocol === "file:" && error instanceof TypeError)
		return "A page that was opened as a file cannot load modules. Serve the folder instead: npx serve site";
	const line = /\bblob:[^\s)]*:(\d+):\d+/.exec(error.stack ?? "")?.[1];
	return `${error.name}: ${error.message}${line === undefined ? "" : ` (line ${line})`}`;
}

/** Ends what is left of the last program: its devices are destroyed, and its output is no longer shown. */
export function stopProgram(): void {
	listener = undefined;
	for (const device of devices) device.destroy();
	devices.clear();
}

/** Runs a program as a module of this page. Returns whether it came to its end; what it threw was printed. */
export async function runProgram(code: string, own: Listener): Promise<boolean> {
	stopProgram();
	watch();
	listener = own;
	const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
	try {
		await import(address);
		return true;
	} catch (error) {
		if (listener === own) own.print(describe(error), "error");
		return false;
	} finally {
		URL.revokeObjectURL(address);
	}
}
