export type { SeededDropout } from "../ops/dropout.js";
export { type CompletePriorOptions, completePrior } from "./complete_prior.js";
export { GatedPixelCNN, type GatedPixelCNNOptions } from "./gated_pixel_cnn.js";
export { type CodeBatch, PriorTrainer, type PriorTrainerOptions } from "./prior_trainer.js";
export { type SamplePriorOptions, samplePrior } from "./sample_prior.js";
export type { SamplerBatch } from "./sampler.js";
