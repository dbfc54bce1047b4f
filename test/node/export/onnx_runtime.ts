import * as ort from "onnxruntime-web";

// One thread: more of them are workers, which would keep the process alive.
ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

export interface Values {
	readonly shape: readonly number[];
	readonly data: Float32Array | Float64Array | BigInt64Array;
}

/** Runs an ONNX file with one input and one output. */
export class Session {
	private constructor(private readonly session: ort.InferenceSession) {}

	static async open(file: Uint8Array): Promise<Session> {
		return new Session(await ort.InferenceSession.create(file, { executionProviders: ["wasm"] }));
	}

	get names(): readonly string[] {
		return [...this.session.inputNames, ...this.session.outputNames];
	}

	async run(data: Float32Array | BigInt64Array, shape: readonly number[]): Promise<Values> {
		const [input] = this.session.inputNames;
		const type = data instanceof Float32Array ? "float32" : "int64";
		const results = await this.session.run({ [input]: new ort.Tensor(type, data, shape) });
		const output = results[this.session.outputNames[0]];
		return { shape: output.dims, data: output.data as Float32Array | BigInt64Array };
	}
}

/** An input and an output of a model. */
export function codesToSigned(codes: ArrayLike<number>): BigInt64Array {
	return BigInt64Array.from(Array.from(codes, BigInt));
}
