export { Decoder } from "./decoder.js";
export { Encoder } from "./encoder.js";
export { codeUse } from "./perplexity.js";
export { type Codes, type Quantized, Quantizer } from "./quantizer.js";
export { type NetworkOptions, ResidualBlock } from "./residual_block.js";
export { type Evaluation, type StepLosses, type StepRecord, Trainer } from "./trainer.js";
export { VectorQuantizer } from "./vector_quantizer.js";
export { VQVAE, type VQVAEOptions, type VQVAEOutput } from "./vqvae.js";
