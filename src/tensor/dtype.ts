/** The type of a tensor's elements; each is one 32-bit word. */
export type DType = "float32" | "int32" | "uint32";

/** The host array of a dtype. */
export type DataOf<D extends DType> = D extends "float32" ? Float32Array : D extends "int32" ? Int32Array : Uint32Array;

/** The host array of each dtype. */
export const arrays = { float32: Float32Array, int32: Int32Array, uint32: Uint32Array } as const;
