export { noGrad, stopGradient } from "./autograd/tape.js";
export * from "./base/errors.js";
export { Random } from "./base/random.js";
export type { Shape } from "./base/shape.js";
export { gunzipIfNeeded, parseIdx } from "./data/idx.js";
export { batches, type ImageSet, imageSetFromIdx, imageVariance, subset } from "./data/image_set.js";
export type { AdapterDescription } from "./gpu/adapter.js";
export type { MemoryUse } from "./gpu/buffer_pool.js";
export type { Device } from "./gpu/device.js";
export type { DeviceOptions } from "./gpu/device_options.js";
export { type Constants, type Kernel, kernel } from "./gpu/kernel.js";
export type { Launch, LaunchEvent } from "./gpu/launch.js";
export { type AdapterSpeed, measureSpeed } from "./gpu/probe.js";
export type { Storage } from "./gpu/storage.js";
export type { ChoiceStore } from "./gpu/tuner.js";
export type { Variant, Variants } from "./gpu/variant.js";
export { saveSafetensors } from "./io/checkpoint.js";
export { type HostTensor, loadSafetensors, loadSafetensorsMetadata } from "./io/safetensors.js";
export {
	Dropout,
	type DropoutLayerOptions,
	Flatten,
	GELU,
	LeakyReLU,
	Sigmoid,
	SiLU,
	Tanh,
} from "./nn/activations.js";
export { Adam, type AdamOptions, AdamW } from "./nn/adam.js";
export { clipGradNorm } from "./nn/clip_grad_norm.js";
export { Conv2d, ConvTranspose2d } from "./nn/convolutions.js";
export { Embedding, type LayerOptions, ReLU } from "./nn/layers.js";
export { Linear, type LinearOptions } from "./nn/linear.js";
export { Layer, type LayerCost, Module, type StateValue } from "./nn/module.js";
export { ExponentialMovingAverage, type MovingAverageOptions } from "./nn/moving_average.js";
export { MultiheadAttention } from "./nn/multihead_attention.js";
export {
	BatchNorm2d,
	type BatchNormLayerOptions,
	GroupNorm,
	LayerNorm,
	type NormLayerOptions,
} from "./nn/norms.js";
export type { Optimizer, OptimizerOptions, ParameterGroup, ParameterOptions } from "./nn/optimizer.js";
export { AvgPool2d, MaxPool2d, Upsample } from "./nn/pooling.js";
export { RMSprop, type RMSpropOptions } from "./nn/rmsprop.js";
export {
	type CosineOptions,
	cosine,
	type LinearWarmupOptions,
	linearWarmup,
	type OneCycleOptions,
	oneCycle,
	type Schedule,
	type StepOptions,
	step,
} from "./nn/schedules.js";
export { Sequential } from "./nn/sequential.js";
export { SGD, type SGDOptions } from "./nn/sgd.js";
export { summary } from "./nn/summary.js";
export { type ArgReductionOptions, argmax, argmin } from "./ops/arg_reduce.js";
export { type AttentionOptions, scaledDotProductAttention } from "./ops/attention/scaled_dot_product_attention.js";
export { backward } from "./ops/backward.js";
export { add, div, maximum, minimum, mul, sub } from "./ops/binary.js";
export { cast } from "./ops/cast.js";
export { cat, stack } from "./ops/cat.js";
export type { Pair } from "./ops/check.js";
export { countCodes } from "./ops/codes/count_codes.js";
export { nearestCode } from "./ops/codes/nearest_code.js";
export { perplexity } from "./ops/codes/perplexity.js";
export { type QuantizedLatents, type QuantizeOptions, quantize } from "./ops/codes/quantize.js";
export { straightThrough } from "./ops/codes/straight_through.js";
export { equal, greater, greaterEqual, less, lessEqual, notEqual } from "./ops/compare.js";
export { type Conv1dOptions, conv1d } from "./ops/conv1d.js";
export { type ConvTranspose2dOptions, convTranspose2d } from "./ops/convolution/conv_transpose2d.js";
export { type Conv2dOptions, conv2d } from "./ops/convolution/conv2d.js";
export { type CrossEntropyOptions, crossEntropy } from "./ops/cross_entropy.js";
export { cumsum } from "./ops/cumsum.js";
export { defineOperation, type OperationDefinition } from "./ops/define_operation.js";
export { type DropoutOptions, dropout } from "./ops/dropout.js";
export { type EmbeddingOptions, embedding } from "./ops/embedding.js";
export { expand } from "./ops/expand.js";
export { max, min } from "./ops/extreme.js";
export { flip } from "./ops/flip.js";
export { type GradCheckOptions, gradCheck } from "./ops/grad_check.js";
export { type GatherImagesOptions, gatherImages, type PackedImages, packImages } from "./ops/images.js";
export { gather, indexSelect, scatterAdd } from "./ops/indexing.js";
export { linear } from "./ops/linear.js";
export { logSumExp } from "./ops/log_sum_exp.js";
export type { LossOptions, LossReduction } from "./ops/loss_options.js";
export { type MatmulOptions, matmul } from "./ops/matmul.js";
export { type MSELossOptions, mseLoss } from "./ops/mse_loss.js";
export { type NLLLossOptions, nllLoss } from "./ops/nll_loss.js";
export { type BatchNormOptions, batchNorm2d, groupNorm, layerNorm, type NormOptions } from "./ops/norms.js";
export { oneHot } from "./ops/one_hot.js";
export type { Operand } from "./ops/operands.js";
export { type PadOptions, pad } from "./ops/pad.js";
export { binaryCrossEntropyWithLogits, l1Loss, type SmoothL1LossOptions, smoothL1Loss } from "./ops/pair_losses.js";
export { permute, transpose } from "./ops/permute.js";
export {
	type AvgPoolOptions,
	adaptiveAvgPool2d,
	avgPool2d,
	type InterpolateOptions,
	interpolate,
	type MaxPoolOptions,
	maxPool2d,
	type PoolOptions,
} from "./ops/pooling.js";
export { pow } from "./ops/pow.js";
export type { Reduction, ReductionOptions } from "./ops/reduction.js";
export { relu } from "./ops/relu.js";
export { flatten, reshape, squeeze, unsqueeze } from "./ops/reshape.js";
export { scale } from "./ops/scale.js";
export { slice, split } from "./ops/slice.js";
export { logSoftmax, softmax } from "./ops/softmax.js";
export { mean, sum } from "./ops/sum.js";
export {
	abs,
	type ClampOptions,
	clamp,
	cos,
	type ELUOptions,
	elu,
	exp,
	floor,
	type GELUOptions,
	gelu,
	type LeakyReLUOptions,
	leakyRelu,
	log,
	neg,
	reciprocal,
	round,
	type SoftplusOptions,
	sigmoid,
	sign,
	silu,
	sin,
	softplus,
	sqrt,
	square,
	tanh,
} from "./ops/unary.js";
export { type VarianceOptions, variance } from "./ops/variance.js";
export { where } from "./ops/where.js";
export type { DataOf, DType } from "./tensor/dtype.js";
export type { FloatArray, NestedNumbers, NumberArray, SignedArray, UnsignedArray } from "./tensor/host_data.js";
export type { Layout } from "./tensor/layout.js";
export { type DebugOutput, type OpenDeviceOptions, openDevice } from "./tensor/open_device.js";
export {
	type AnyTensor,
	type Capture,
	type Gpu,
	type GradientNode,
	Parameter,
	type RandomOptions,
	Tensor,
} from "./tensor/tensor.js";
