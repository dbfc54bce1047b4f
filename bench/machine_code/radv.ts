import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NoAdapterError, TesseraError } from "tessera-gpu";
import { driverVariables, findMesaDriver } from "../../src/node/adapters/swiftshader.js";
import type { ChildFailure, ChildReport } from "./launches.js";
import type { WorkloadChoice } from "./workloads.js";

/** The cards that can be named, and their architectures. */
export const cards: Readonly<Record<string, string>> = { navi31: "RDNA 3", navi21: "RDNA 2", vega10: "GCN 5" };

/**
 * Mesa's driver for AMD cards (RADV), and its stand-in for the kernel driver, with which no card is needed.
 */
export interface Radv {
	readonly manifest: string;
	readonly shim: string;
}

const shimFile = "libamdgpu_noop_drm_shim.so";
const script = fileURLToPath(new URL("machine_code_process.js", import.meta.url));
const install =
	"On Debian and Ubuntu: apt-get install mesa-vulkan-drivers mesa-drm-shim (Mesa 25 or newer; on Debian 12 from bookworm-backports).";

/** @throws NoAdapterError that names the packages, if one of them is not installed */
export async function findRadv(): Promise<Radv> {
	const driver = await findMesaDriver("radeon");
	const shim = findShim();
	if (driver === undefined) throw new NoAdapterError(`Mesa's Vulkan driver for AMD cards is not installed. ${install}`);
	if (shim === undefined) throw new NoAdapterError(`Mesa's ${shimFile} is not installed. ${install}`);
	return { manifest: driver.manifest, shim };
}

function findShim(): string | undefined {
	const triple = `${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
	const folders = ["/usr/lib", "/usr/local/lib"].flatMap((folder) => [join(folder, triple), `${folder}64`, folder]);
	return folders.map((folder) => join(folder, shimFile)).find((path) => existsSync(path));
}

/**
 * Launches a workload in a process for which the card is there. Nothing is computed.
 *
 * @returns what the process reports, and what the driver printed
 * @throws NoAdapterError if the process did not open the card, TesseraError if it failed
 */
export async function launchOn(
	card: string,
	{ manifest, shim }: Radv,
	choice: WorkloadChoice,
): Promise<{ readonly report: ChildReport; readonly stderr: string }> {
	const { stdout, stderr, end } = await runProcess([script, JSON.stringify(choice)], {
		...process.env,
		...Object.fromEntries(driverVariables.map((name) => [name, manifest])),
		AMDGPU_GPU_ID: card,
		LD_PRELOAD: shim,
		RADV_DEBUG: "cs,asm,shaderstats,nocache",
		TESSERA_DEBUG: "",
	});
	if (end !== 0) throw new TesseraError(`The process for ${card} ended with ${end}: ${stderr.slice(-2000)}`);
	const report = JSON.parse(stdout) as ChildReport | ChildFailure;
	if ("failure" in report) {
		if (report.noAdapter) throw new NoAdapterError(`Mesa's driver did not open ${card}. ${install}`);
		throw new TesseraError(`${card}: ${report.failure}`);
	}
	if (!report.device.includes(`radv-${card}`))
		throw new NoAdapterError(`${card} was not opened, but "${report.device}" (${report.driver}). ${install}`);
	return { report, stderr };
}

/**
 * Runs Node. The process writes stderr to a file: Node makes a pipe non-blocking, and the driver loses what
 * a full one refuses.
 */
async function runProcess(
	words: readonly string[],
	env: NodeJS.ProcessEnv,
): Promise<{ readonly stdout: string; readonly stderr: string; readonly end: number | NodeJS.Signals | null }> {
	const folder = await mkdtemp(join(tmpdir(), "tessera-machine-code-"));
	const path = join(folder, "stderr");
	try {
		const file = await open(path, "w");
		const { stdout, status, signal } = spawnSync(process.execPath, words, {
			env,
			stdio: ["ignore", "pipe", file.fd],
			encoding: "utf8",
		});
		await file.close();
		return { stdout, stderr: await readFile(path, "utf8"), end: signal ?? status };
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}
