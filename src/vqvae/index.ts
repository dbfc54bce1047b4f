export { codeUse } from "../quantizers/code_use.js";
export { type Codes, type Quantized, Quantizer } from "../quantizers/quantizer.js";
export { VectorQuantizer } from "../quantizers/vector_quantizer.js";
export { Decoder } from "./decoder.js";
export { Encoder } from "./encoder.js";
export { type NetworkOptions, ResidualBlock } from "./residual_block.js";
export { type Evaluation, type StepLosses, type StepRecord, Trainer } from "./trainer.js";
export { VQVAE, type VQVAEOptions, type VQVAEOutput } from "./vqvae.js";
