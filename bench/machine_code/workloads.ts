import {
	backward,
	type Gpu,
	matmul,
	nearestCode,
	scaledDotProductAttention,
	sum,
	TesseraError,
	type Variant,
} from "tessera-gpu";
import { directions, layers } from "../conv/layers.js";
import { layerData, subject } from "../conv/subject.js";
import type { Size } from "../harness/options.js";
import { batchSize, openTraining } from "../train/problem.js";

export const workloadNames = ["step", "matmul", "nearestCode", "conv2d", "attention"] as const;

/** What is launched, as the command line says it. */
export interface WorkloadChoice {
	readonly workload: (typeof workloadNames)[number];
	/** Of matmul, nearestCode and attention. */
	readonly size?: readonly Size[] | undefined;
	/** Of conv2d: a part of the names of the layers and directions. */
	readonly only?: string | undefined;
	readonly variant?: Variant | undefined;
}

export interface Workload {
	readonly name: string;
	/** Makes its inputs; returns what is reported. */
	readonly prepare: (gpu: Gpu) => () => unknown;
}

/** @throws TesseraError if no layer's name has the part */
export function workloadsOf({ workload, size = [], only = "" }: WorkloadChoice): Workload[] {
	switch (workload) {
		case "step":
			return [{ name: `step-${batchSize}`, prepare: prepareStep }];
		case "matmul":
			return size.map(([rows, inner, columns]) => ({
				name: `matmul/${rows}x${inner}x${columns}`,
				prepare: (gpu) => {
					const [a, b] = [gpu.empty([rows, inner]), gpu.empty([inner, columns])];
					return () => matmul(a, b);
				},
			}));
		case "nearestCode":
			return size.map(([rows, codes, dimensions]) => ({
				name: `nearestCode/${rows}x${codes}x${dimensions}`,
				prepare: (gpu) => {
					const [z, codebook] = [gpu.empty([rows, dimensions]), gpu.empty([codes, dimensions])];
					return () => nearestCode(z, codebook);
				},
			}));
		case "attention":
			return size.map(([batch, length, depth]) => ({
				name: `attention/${batch}x${length}x${depth}`,
				prepare: (gpu) => {
					const [q, k, v] = [0, 1, 2].map(() =>
						gpu.parameter(new Float32Array(batch * length * depth), [batch, length, depth]),
					);
					return () => backward(sum(scaledDotProductAttention(q, k, v)));
				},
			}));
		case "conv2d":
			return convolutions(only);
	}
}

function prepareStep(gpu: Gpu): () => unknown {
	const { trainer, images } = openTraining(gpu);
	return () => trainer.step(images);
}

function convolutions(part: string): Workload[] {
	const all = layers(false).flatMap((layer) =>
		directions.map((direction) => ({
			name: `${layer.name}/${direction}`,
			prepare: (gpu: Gpu) =>
				subject(
					gpu,
					layer,
					direction,
					layerData(layer, () => 0),
				).operation,
		})),
	);
	const wanted = all.filter(({ name }) => name.includes(part));
	if (wanted.length === 0)
		throw new TesseraError(
			`No layer and direction has "${part}" in its name. There are: ${all.map(({ name }) => name).join(", ")}.`,
		);
	return wanted;
}
