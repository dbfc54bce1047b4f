import { spawn } from "node:child_process";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { worthShowing } from "../../../src/node/adapters/dawn_log.js";

const test = suite("Dawn's lines on stderr");

/** What a short training writes to a stderr that is a file, opened with these flags. */
async function stderrOf(flags: "a" | "w"): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), "tessera-test-"));
	try {
		const path = join(folder, "stderr");
		const file = await open(path, flags);
		await file.write("before\n");
		const words = ["train", "--images", "8", "--epochs", "1", "--batch", "8", "--out", join(folder, "run")];
		const child = spawn(process.execPath, [resolve("dist/node/cli.js"), ...words], {
			stdio: ["ignore", "ignore", file.fd],
		});
		await new Promise((done) => child.on("close", done));
		await file.close();
		return await readFile(path, "utf8");
	} finally {
		await rm(folder, { recursive: true });
	}
}

test("the command line leaves out those that mean nothing to a user, and no other", async () => {
	const text = await stderrOf("a");
	assert.match(text, /^before\n/);
	assert.match(text, /Tessera computes|train/i);
	if (process.platform === "linux") assert.not.match(text, /artificially reduced|Couldn't load|INCOMPATIBLE/);
});

test("a stderr that cannot be opened again is written as ever", async () => {
	assert.match(await stderrOf("w"), /^before\n[\s\S]*(Tessera computes|train)/i);
});

test("lines that are known are left out", () => {
	const log = [
		"Warning: maxDynamicUniformBuffersPerPipelineLayout artificially reduced from 1000000 to 16 to fit dynamic offset allocation limit.",
		"Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file",
		"Warning: loader_get_json: Failed to open JSON file /nowhere.json",
		"Warning: vkCreateInstance: Found no drivers!",
		"Warning: vkCreateInstance failed with VK_ERROR_INCOMPATIBLE_DRIVER",
		"    at CheckVkSuccessImpl (/dawn/src/dawn/native/vulkan/VulkanError.cpp:106)",
		"",
		"MESA: error: out of memory",
		"",
	];
	assert.is(worthShowing(log.join("\n")), "MESA: error: out of memory\n");
	assert.is(worthShowing(""), "");
});

test.run();
