export { finiteScalar, finiteScalarLookup } from "../ops/finite_scalar.js";
export { normalize } from "../ops/normalize.js";
export { rotationTrick } from "../ops/rotation_trick.js";
export { type CodebookOptions, CodebookQuantizer } from "./codebook_quantizer.js";
export { FiniteScalarQuantizer } from "./finite_scalar_quantizer.js";
export { type Initialisation, type InitialiseOptions, initialiseCodebook } from "./initialise.js";
export { type ResidualOptions, ResidualQuantizer } from "./residual_quantizer.js";
