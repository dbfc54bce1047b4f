import { spawn } from "node:child_process";
import { DataError } from "tessera-gpu";

export interface Python {
	readonly program: string;
	/** PyTorch's. */
	readonly version: string;
}

/**
 * A Python that has PyTorch: the environment variable PYTHON, else python3, else the system's, which others may hide.
 *
 * @throws DataError if none has
 */
export async function findPython(): Promise<Python> {
	const programs = process.env.PYTHON === undefined ? ["python3", "/usr/bin/python3"] : [process.env.PYTHON];
	for (const program of programs) {
		const { code, output } = await runProgram(program, ["-c", "import torch; print(torch.__version__)"]);
		if (code === 0) return { program, version: output.trim() };
	}
	throw new DataError(
		`npm run test:pytorch: ${programs.join(" and ")} cannot import torch: install PyTorch 1.13 or later (Debian: apt-get install python3-torch), or name another Python in the environment variable PYTHON.`,
	);
}

export interface Outcome {
	readonly code: number | null;
	/** What it printed on stdout. */
	readonly output: string;
	readonly errors: string;
}

/** Runs a script of examples/pytorch as one process. */
export function runScript({ program }: Python, script: string, words: readonly string[]): Promise<Outcome> {
	return runProgram(program, [`examples/pytorch/${script}`, ...words]);
}

/** Runs a script of examples/pytorch as several processes of torchrun. */
export function torchrun(
	{ program, version }: Python,
	processes: number,
	script: string,
	words: readonly string[],
): Promise<Outcome> {
	// PyTorch 1.13 with Python 3.11 fails unless a stream is redirected: here that of a process 9, which is not there.
	const redirected = version.startsWith("1.") ? ["--redirects", "9:1", "--tee", "9:1"] : [];
	// On a free port, so that two can run at a time.
	const rendezvous = ["--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0"];
	const launch = ["-m", "torch.distributed.run", ...redirected, ...rendezvous, "--nproc_per_node", String(processes)];
	return runProgram(program, [...launch, `examples/pytorch/${script}`, ...words]);
}

function runProgram(program: string, words: readonly string[]): Promise<Outcome> {
	return new Promise((resolve) => {
		// One thread for each process, as torchrun does by default.
		const child = spawn(program, words, { env: { ...process.env, OMP_NUM_THREADS: "1" } });
		let output = "";
		let errors = "";
		child.stdout.on("data", (text) => {
			output += text;
		});
		child.stderr.on("data", (text) => {
			errors += text;
		});
		child.on("error", (error) => resolve({ code: 1, output, errors: error.message }));
		child.on("close", (code) => resolve({ code, output, errors }));
	});
}
