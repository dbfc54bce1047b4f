// Why the page cannot train, and what to do.
import { signal } from "@preact/signals";
import { browserName } from "../../shared/benchmark.js";

export interface Missing {
	/** What is missing, in one sentence. */
	readonly what: string;
	/** What to do first. */
	readonly advice: string;
	/** Whether the browser's settings or its version can be the reason. */
	readonly isBrowser: boolean;
}

/** Why no device was opened; undefined as long as none is missing. */
export const missing = signal<Missing | undefined>(undefined);

/** What to turn on in each browser. */
export interface BrowserHelp {
	readonly name: string;
	readonly steps: readonly string[];
}

export const browsers: readonly BrowserHelp[] = [
	{
		name: "Chrome or Edge",
		steps: [
			"Version 113 or newer on Windows, macOS and ChromeOS; 121 or newer on Android 12 and later.",
			'Turn on "Use graphics acceleration when available" in the settings under System, and start the browser again.',
			"On Linux, or if the graphics card is blocked: open chrome://flags/#enable-unsafe-webgpu, choose Enabled, and do the same at chrome://flags/#enable-vulkan. chrome://gpu says in the line WebGPU whether it helped.",
			"Without a graphics card: start it with --enable-unsafe-webgpu --use-webgpu-adapter=swiftshader. The page then computes on the CPU.",
		],
	},
	{
		name: "Firefox",
		steps: [
			"Version 141 or newer on Windows, 145 or newer on Macs with Apple silicon.",
			"On other systems: open about:config, set dom.webgpu.enabled to true, and start Firefox again. If it is not enough, use Firefox Nightly.",
			'Turn on "Use hardware acceleration when available" in the settings under General, Performance.',
		],
	},
	{
		name: "Safari",
		steps: [
			"Version 26 or newer, which comes with macOS 26, iOS 26 and iPadOS 26.",
			"In older versions: turn on WebGPU under Settings, Feature Flags (on an iPhone under Settings, Apps, Safari, Advanced, Feature Flags), if it is there.",
		],
	},
];

/** The help for the browser of this page; undefined for one that is not known. */
export function helpForThisBrowser(): BrowserHelp | undefined {
	const [name] = browserName(navigator.userAgent).split(" ");
	return browsers.find((browser) => browser.name.includes(name ?? ""));
}

/** What is missing, found out after opening a device has failed with `error`. */
export function whatIsMissing(error: Error): Missing {
	if (error.name === "WorkerError")
		return {
			what: `The page could not start: ${error.message}.`,
			advice: "Reload it. If you block scripts or workers on this site, allow them.",
			isBrowser: false,
		};
	if (!isSecureContext)
		return {
			what: `This page was opened over ${location.protocol.replace(":", "")}, where browsers offer no WebGPU.`,
			advice: "Open it by https, or from localhost.",
			isBrowser: false,
		};
	if (!Reflect.has(navigator, "gpu"))
		return {
			what: `This browser (${browserName(navigator.userAgent)}) has no WebGPU.`,
			advice: "Update it, turn WebGPU on, or use another browser.",
			isBrowser: true,
		};
	if (error.name === "NoAdapterError")
		return {
			what: `This browser (${browserName(navigator.userAgent)}) has WebGPU, but found no graphics card that it can use.`,
			advice: "Turn on graphics acceleration, and update the graphics driver.",
			isBrowser: true,
		};
	return {
		what: `The graphics card could not be opened: ${error.message}`,
		advice: "Close other tabs and programs that use it, and reload the page.",
		isBrowser: true,
	};
}
