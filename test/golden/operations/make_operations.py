"""Values and gradients of PyTorch's operations for small inputs: operations.json, which test/ops/pytorch.test.ts reads.

    python3 test/golden/operations/make_operations.py

Inputs are multiples of 1/64, so that few digits give them exactly. Gradients are those of sum(w * output) with the
given w. Made with PyTorch 1.13.1.
"""
import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(0)
cases = []


def numbers(shape, low=-2.0, high=2.0):
    """Random multiples of 1/64 in [low, high)."""
    return torch.randint(int(low * 64), int(high * 64), shape).double() / 64


def listed(tensor):
    if tensor.dtype in (torch.int64, torch.int32, torch.bool):
        return {"shape": list(tensor.shape), "data": tensor.long().flatten().tolist(), "dtype": "int32"}
    return {"shape": list(tensor.shape), "data": [float(f"{x:.8g}") for x in tensor.flatten().tolist()]}


def case(op, inputs, function, **options):
    """Adds a case: function(*inputs) in float64, and the gradients of the inputs that are floats."""
    inputs = [x.clone() for x in inputs]
    floats = [x for x in inputs if x.is_floating_point()]
    for x in floats:
        x.requires_grad_(True)
    output = function(*inputs)
    entry = {"op": op, "options": options, "inputs": [listed(x.detach()) for x in inputs], "output": listed(output.detach())}
    if output.requires_grad:
        w = numbers(tuple(output.shape))
        gradients = torch.autograd.grad((output * w).sum(), floats, allow_unused=True)
        entry["w"] = listed(w)
        entry["gradients"] = [listed(g if g is not None else torch.zeros_like(x)) for g, x in zip(gradients, floats)]
    cases.append(entry)


# Elementwise, one operand.
for shape in [(7,), (3, 5), (2, 1, 4)]:
    for op, f in [
        ("neg", torch.neg), ("abs", torch.abs), ("sign", torch.sign), ("exp", torch.exp), ("square", torch.square),
        ("sin", torch.sin), ("cos", torch.cos), ("tanh", torch.tanh), ("sigmoid", torch.sigmoid), ("silu", F.silu),
        ("relu", F.relu), ("floor", torch.floor), ("round", torch.round),
    ]:
        case(op, [numbers(shape)], f)
    for op, f in [("log", torch.log), ("sqrt", torch.sqrt), ("reciprocal", torch.reciprocal)]:
        case(op, [numbers(shape, 0.25, 4)], f)
    case("gelu", [numbers(shape, -4, 4)], F.gelu)
    case("gelu", [numbers(shape, -4, 4)], lambda x: F.gelu(x, approximate="tanh"), approximate="tanh")
    for slope in [0.01, 0.25]:
        case("leakyRelu", [numbers(shape)], lambda x: F.leaky_relu(x, slope), negativeSlope=slope)
    for alpha in [1.0, 0.5]:
        case("elu", [numbers(shape)], lambda x: F.elu(x, alpha), alpha=alpha)
    for beta, threshold in [(1, 20), (2, 1)]:
        case("softplus", [numbers(shape)], lambda x: F.softplus(x, beta, threshold), beta=beta, threshold=threshold)
    case("clamp", [numbers(shape)], lambda x: torch.clamp(x, -0.5, 1), min=-0.5, max=1)
    case("cast", [numbers(shape)], lambda x: x.to(torch.int32), dtype="int32")

# Elementwise, two operands and three.
for a, b in [((3, 4), (3, 4)), ((2, 3, 5), (3, 1)), ((2, 1, 4), (3, 1))]:
    for op, f in [
        ("add", torch.add), ("sub", torch.sub), ("mul", torch.mul), ("maximum", torch.maximum), ("minimum", torch.minimum),
        ("equal", torch.eq), ("notEqual", torch.ne), ("greater", torch.gt), ("greaterEqual", torch.ge), ("less", torch.lt),
        ("lessEqual", torch.le),
    ]:
        case(op, [torch.round(numbers(a)), torch.round(numbers(b))], f)
    case("div", [numbers(a), numbers(b, 0.25, 4)], torch.div)
    case("pow", [numbers(a, 0.25, 3), numbers(b, -2, 2)], torch.pow)
    case("where", [torch.randint(0, 2, a), numbers(a), numbers(b)], lambda c, x, y: torch.where(c == 1, x, y))

# Reductions.
for shape, axis, keep in [((3, 5), 1, False), ((2, 3, 4), (0, 2), True), ((7,), None, False)]:
    options = {"keepDim": keep, **({} if axis is None else {"axis": axis})}
    every = tuple(range(len(shape))) if axis is None else axis
    case("sum", [numbers(shape)], lambda x: torch.sum(x, every, keepdim=keep), **options)
    case("mean", [numbers(shape)], lambda x: torch.mean(x, every, keepdim=keep), **options)
    case("max", [torch.round(numbers(shape))], lambda x: torch.amax(x, every, keepdim=keep), **options)
    case("min", [torch.round(numbers(shape))], lambda x: torch.amin(x, every, keepdim=keep), **options)
    case("logSumExp", [numbers(shape)], lambda x: torch.logsumexp(x, every, keepdim=keep), **options)
    case("variance", [numbers(shape)], lambda x: torch.var(x, every, unbiased=True, keepdim=keep), **options)
for shape, axis in [((3, 5), 1), ((4, 3, 2), 0), ((2, 3, 4), -1)]:
    case("argmax", [numbers(shape)], lambda x: torch.argmax(x, axis), axis=axis)
    case("argmin", [numbers(shape)], lambda x: torch.argmin(x, axis), axis=axis)
    case("cumsum", [numbers(shape)], lambda x: torch.cumsum(x, axis), axis=axis)
    case("softmax", [numbers(shape)], lambda x: torch.softmax(x, axis), axis=axis)
    case("logSoftmax", [numbers(shape)], lambda x: torch.log_softmax(x, axis), axis=axis)

# Shapes and indexing.
for shape, to in [((3, 4), (2, 6)), ((2, 3, 4), (-1, 4)), ((6,), (1, 2, 3))]:
    case("reshape", [numbers(shape)], lambda x: x.reshape(to), shape=to)
for shape, order in [((3, 4), (1, 0)), ((2, 3, 4), (2, 0, 1)), ((2, 1, 3, 2), (0, 3, 2, 1))]:
    case("permute", [numbers(shape)], lambda x: x.permute(order), order=order)
    case("transpose", [numbers(shape)], lambda x: x.transpose(0, -1), first=0, second=-1)
    case("flip", [numbers(shape)], lambda x: x.flip((0, -1)), axis=(0, -1))
    case("unsqueeze", [numbers(shape)], lambda x: x.unsqueeze(1), axis=1)
    case("split", [numbers(shape)], lambda x: torch.split(x, 2, -1)[-1], size=2, axis=-1)
    case("stack", [numbers(shape), numbers(shape)], lambda x, y: torch.stack([x, y], 1), axis=1)
    case("cat", [numbers(shape), numbers(shape)], lambda x, y: torch.cat([x, y], -1), axis=-1)
for shape in [(3, 4), (2, 3, 4), (2, 1, 3, 1)]:
    case("flatten", [numbers(shape)], lambda x: torch.flatten(x, 1), start=1)
    case("squeeze", [numbers(shape)], torch.squeeze)
for shape, to in [((3, 1), (3, 4)), ((4,), (2, 4)), ((1, 2, 1), (3, 2, 2))]:
    case("expand", [numbers(shape)], lambda x: x.expand(to), shape=to)
for shape, axis, start, end, step in [((7,), 0, 1, 6, 2), ((3, 5), 1, -3, 5, 1), ((4, 3), 0, 0, -1, 3)]:
    index = (slice(None),) * axis + (slice(start, end, step),)
    case("slice", [numbers(shape)], lambda x: x[index], axis=axis, start=start, end=end, step=step)
for shape, pads, value in [((3,), (1, 2), 0), ((2, 3), (0, 1, 2, 0), -1.5), ((2, 4), (-1, 2, 1, -1), 0.25)]:
    pairs = [pads[2 * i : 2 * i + 2] for i in reversed(range(len(pads) // 2))]
    case("pad", [numbers(shape)], lambda x: F.pad(x, pads, value=value), padding=pairs, value=value)
for shape, axis in [((5,), 0), ((4, 3), 1), ((2, 5, 3), 1)]:
    length = shape[axis]
    indices = torch.randint(0, length, (6,))
    case("indexSelect", [numbers(shape), indices], lambda x, i: torch.index_select(x, axis, i), axis=axis)
    wide = tuple(6 if a == axis else n for a, n in enumerate(shape))
    own = torch.randint(0, length, wide)
    case("gather", [numbers(shape), own], lambda x, i: torch.gather(x, axis, i), axis=axis)
    case("scatterAdd", [numbers(shape), own, numbers(wide)], lambda x, i, s: x.scatter_add(axis, i, s), axis=axis)
    case("oneHot", [own], lambda i: F.one_hot(i, length), classes=length)
for indices in [(4,), (2, 3), (1, 2, 2)]:
    case("embedding", [torch.randint(0, 5, indices), numbers((5, 3))], F.embedding)

# Products.
for a, b in [((3, 4), (4, 5)), ((2, 3, 4), (4, 2)), ((2, 1, 3, 4), (3, 4, 2))]:
    case("matmul", [numbers(a), numbers(b)], torch.matmul)
for shape in [(4,), (3, 4), (2, 3, 4)]:
    case("linear", [numbers(shape), numbers((5, 4)), numbers((5,))], F.linear)
for shape, keys, causal, masked in [((3, 4), 3, False, False), ((2, 5, 4), 5, True, False), ((1, 2, 3, 4), 6, False, True)]:
    mask = torch.randint(0, 2, (shape[-2], keys)) if masked else None

    def attention(q, k, v, mask=mask, causal=causal):
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        if causal:
            scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1) == 1, float("-inf"))
        if mask is not None:
            scores = scores + torch.where(mask == 1, 0.0, -2.0)
        return torch.softmax(scores, -1) @ v

    other = (*shape[:-2], keys, shape[-1])
    case("scaledDotProductAttention", [numbers(shape), numbers(other), numbers(other)], attention, causal=causal,
         **({"mask": torch.where(mask == 1, 0.0, -2.0).tolist()} if masked else {}))

# Networks.
for shape, weight, options in [
    ((2, 3, 5, 4), (4, 3, 3, 3), {"padding": 1}), ((1, 2, 6, 6), (2, 1, 3, 2), {"stride": 2, "groups": 2}),
    ((1, 1, 5, 7), (2, 1, 2, 2), {"dilation": 2}),
]:
    case("conv2d", [numbers(shape), numbers(weight), numbers((weight[0],))],
         lambda x, w, b: F.conv2d(x, w, b, **options), **options)
for shape, weight, options in [
    ((2, 3, 3, 4), (3, 2, 3, 3), {"stride": 2, "padding": 1, "outputPadding": 1}), ((1, 2, 3, 3), (2, 1, 2, 2), {"groups": 2}),
    ((1, 1, 4, 2), (1, 2, 3, 3), {"dilation": 2}),
]:
    torch_options = {"output_padding" if k == "outputPadding" else k: v for k, v in options.items()}
    case("convTranspose2d", [numbers(shape), numbers(weight), numbers((weight[1] * options.get("groups", 1),))],
         lambda x, w, b: F.conv_transpose2d(x, w, b, **torch_options), **options)
for shape, weight, options in [
    ((2, 3, 7), (4, 3, 3), {"padding": 1}), ((1, 2, 8), (2, 1, 3), {"stride": 2, "groups": 2}), ((1, 1, 6), (1, 1, 2), {"dilation": 3}),
]:
    case("conv1d", [numbers(shape), numbers(weight), numbers((weight[0],))],
         lambda x, w, b: F.conv1d(x, w, b, **options), **options)
for shape, kernel, options in [
    ((1, 2, 6, 4), 2, {}), ((2, 1, 5, 7), 3, {"stride": 2, "padding": 1}), ((1, 1, 6, 5), (2, 3), {"stride": 1, "ceilMode": True}),
]:
    torch_options = {"ceil_mode" if k == "ceilMode" else k: v for k, v in options.items()}
    case("maxPool2d", [numbers(shape)], lambda x: F.max_pool2d(x, kernel, **torch_options), kernelSize=kernel, **options)
    case("avgPool2d", [numbers(shape)], lambda x: F.avg_pool2d(x, kernel, **torch_options), kernelSize=kernel, **options)
for shape, size in [((1, 2, 7, 5), (1, 1)), ((2, 1, 7, 10), (3, 4)), ((1, 1, 3, 2), (5, 3))]:
    case("adaptiveAvgPool2d", [numbers(shape)], lambda x: F.adaptive_avg_pool2d(x, size), size=size)
for shape, options in [
    ((1, 2, 3, 4), {"scaleFactor": 2, "mode": "nearest"}), ((1, 1, 5, 3), {"size": (3, 7), "mode": "bilinear"}),
    ((2, 1, 3, 4), {"scaleFactor": 1.7, "mode": "bilinear"}), ((1, 1, 3, 4), {"size": (5, 6), "mode": "bilinear", "alignCorners": True}),
]:
    names = {"scaleFactor": "scale_factor", "alignCorners": "align_corners"}
    torch_options = {names.get(k, k): v for k, v in options.items()}
    case("interpolate", [numbers(shape)], lambda x: F.interpolate(x, **torch_options), **options)
for shape, last in [((3, 5), (5,)), ((2, 3, 4), (3, 4)), ((1, 7), (7,))]:
    case("layerNorm", [numbers(shape), numbers(last), numbers(last)], lambda x, w, b: F.layer_norm(x, last, w, b), shape=last)
for shape, groups in [((2, 4, 3), 2), ((1, 6, 2, 2), 3), ((3, 2, 5), 1)]:
    case("groupNorm", [numbers(shape), numbers((shape[1],)), numbers((shape[1],))],
         lambda x, w, b: F.group_norm(x, groups, w, b), groups=groups)
for shape in [(3, 2, 2, 2), (2, 1, 3, 1), (5, 3, 1, 1)]:
    channels = (shape[1],)
    case("batchNorm2d", [numbers(shape), numbers(channels), numbers(channels)],
         lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True))

# Losses.
for shape in [(7,), (3, 5), (2, 3, 2)]:
    for reduction in ["mean", "sum", "none"]:
        case("mseLoss", [numbers(shape), numbers(shape)], lambda a, b: F.mse_loss(a, b, reduction=reduction), reduction=reduction)
        case("l1Loss", [numbers(shape), numbers(shape)], lambda a, b: F.l1_loss(a, b, reduction=reduction), reduction=reduction)
        case("smoothL1Loss", [numbers(shape), numbers(shape)],
             lambda a, b: F.smooth_l1_loss(a, b, reduction=reduction, beta=0.5), reduction=reduction, beta=0.5)
        case("binaryCrossEntropyWithLogits", [numbers(shape), numbers(shape, 0, 1)],
             lambda a, b: F.binary_cross_entropy_with_logits(a, b, reduction=reduction), reduction=reduction)
for shape, options in [
    ((4, 5), {}), ((4, 5), {"labelSmoothing": 0.1, "reduction": "sum"}), ((2, 3, 4), {"ignoreIndex": 1}),
    ((3, 4, 2, 2), {"labelSmoothing": 0.2, "ignoreIndex": 0, "reduction": "none"}),
]:
    names = {"labelSmoothing": "label_smoothing", "ignoreIndex": "ignore_index"}
    torch_options = {names.get(k, k): v for k, v in options.items()}
    targets = torch.randint(0, shape[1], (shape[0], *shape[2:]))
    case("crossEntropy", [numbers(shape), targets], lambda x, t: F.cross_entropy(x, t, **torch_options), **options)
    torch_options.pop("label_smoothing", None)
    rest = {k: v for k, v in options.items() if k != "labelSmoothing"}
    case("nllLoss", [numbers(shape), targets], lambda x, t: F.nll_loss(x, t, **torch_options), **rest)

lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in cases)
pathlib.Path(__file__).with_name("operations.json").write_text(f"[\n{lines}\n]\n")
print(len(cases), "cases of", len({entry["op"] for entry in cases}), "operations")
