import * as ort from "onnxruntime-web";

// One thread: more of them are workers, which keep the process alive.
ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

export interface Values {
	readonly shape: readonly number[];
	readonly data: Float32Array | BigInt64Array;
}

/** An ONNX file with one input and one output. */
export class Session {
	private constructor(private readonly session: ort.InferenceSession) {}

	static async open(file: Uint8Array): Promise<Session> {
		return new Session(await ort.InferenceSession.create(file, { executionProviders: ["wasm"] }));
	}

	get names(): readonly string[] {
		return [...this.session.inputNames, ...this.session.outputNames];
	}

	async run(data: Float32Array | BigInt64Array, shape: readonly number[]): Promise<Values> {
		const { inputNames, outputNames } = this.session;
		const type = data instanceof Float32Array ? "float32" : "int64";
		const results = await this.session.run({ [inputNames[0]]: new ort.Tensor(type, data, shape) });
		const output = results[outputNames[0]];
		return { shape: output.dims, data: output.data as Float32Array | BigInt64Array };
	}
}

/** Codes as ONNX has them. */
export function asInt64(codes: ArrayLike<number>): BigInt64Array {
	return BigInt64Array.from(codes, (code) => BigInt(code));
}
