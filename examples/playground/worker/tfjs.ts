// TensorFlow.js with what the benchmark measures in it; a file of its own, which is loaded only if the user asks for it.
export { version_core as version } from "@tensorflow/tfjs-core";
export { openTfjsArgmin } from "../../../bench/argmin/tfjs_argmin.js";
export { openTfjsConvolution } from "../../../bench/conv/tfjs_convolution.js";
export { openTfjsTraining } from "../../../bench/train/tfjs_training.js";
