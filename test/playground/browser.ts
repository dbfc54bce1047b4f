import { type Browser, chromium, type Page } from "playwright-core";
import { findChromium } from "../browser/chromium.js";

const webgpu = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** Starts a headless Chromium, with WebGPU on SwiftShader or without WebGPU. */
export async function launchChromium({ hasWebGPU }: { readonly hasWebGPU: boolean }): Promise<Browser> {
	const { path, environment } = await findChromium();
	return chromium.launch({
		executablePath: path,
		args: ["--no-sandbox", "--disable-background-networking", ...(hasWebGPU ? webgpu : [])],
		env: { ...process.env, ...environment },
	});
}

/** What a page logs as an error or does not catch; the list grows. */
export function collectErrors(page: Page): string[] {
	const errors: string[] = [];
	page.on("console", (message) => {
		if (message.type() === "error") errors.push(message.text());
	});
	page.on("pageerror", (error) => errors.push(error.message));
	return errors;
}
