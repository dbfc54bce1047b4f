import type { DType } from "../tensor/dtype.js";

/** The values of TYPE, FROM and TO in the kernels that take several dtypes. */
export const dtypeCodes = { float32: 0, int32: 1, uint32: 2 } as const satisfies Record<DType, number>;
