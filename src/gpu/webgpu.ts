// WebGPU's types in the public API. They are global, from TypeScript's library DOM or from the package @webgpu/types; in a
// program that has neither, the published declarations hold all the same, with unknown instead.

type GlobalType<Name extends string> = typeof globalThis extends { [Key in Name]: { prototype: infer Type } }
	? Type
	: unknown;

export type WebGPUBuffer = GlobalType<"GPUBuffer">;
export type WebGPUDevice = GlobalType<"GPUDevice">;
export type WebGPULimits = GlobalType<"GPUSupportedLimits">;

/** GPUBufferUsage, which Node has only after the package `webgpu` was loaded. @internal */
export const bufferUsage = {
	mapRead: 1,
	copySource: 4,
	copyDestination: 8,
	uniform: 64,
	storage: 128,
	queryResolve: 512,
};
