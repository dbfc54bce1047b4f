// packed[p, b, k, j] = x[p, outer, k] for outer = width·b + j; 0 if x has no such element
//
// x       float32 [products, length, inner] in any order of the last two axes: element (p, outer, k) is at
//         p·length·inner + outer·outerStride + k·innerStride
// packed  float32 [products, ⌈length / width⌉, paddedInner, width], as vectors of 4; 16 divides width
// sizes   length, inner: of x; strides; width; paddedInner
//
// This is how matmul.blocked.wgsl reads a factor whose elements lie otherwise: the rows of a, or the columns
// of b, `width` of them next to each other. An invocation copies 16 elements of one k. No features, default
// limits.
// Reference: test/reference/layout.ts, packWeights

struct Sizes {
	length: u32,
	inner: u32,
	outerStride: u32,
	innerStride: u32,
	width: u32,
	paddedInner: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let index = id.y * groups.x * 64u + id.x;
	let parts = sizes.width / 16u;
	let k = index % sizes.paddedInner;
	let part = index / sizes.paddedInner % parts;
	let blocks = (sizes.length + sizes.width - 1u) / sizes.width;
	let product = index / (sizes.paddedInner * parts * blocks);
	let block = index / (sizes.paddedInner * parts) % blocks;
	let start = product * sizes.length * sizes.inner;
	let first = block * sizes.width + 16u * part;
	let to = (((product * blocks + block) * sizes.paddedInner + k) * parts + part) * 4u;
	if (to >= arrayLength(&packed)) { return; }
	let end = select(0u, min(sizes.length, first + 16u), k < sizes.inner);
	let last = sizes.length - 1u;
	// 4: the compiler does not know it, and so does not unroll the loop.
	let quads = min(4u, sizes.width);
	for (var q = 0u; q < quads; q++) {
		let outer = vec4(first + 4u * q) + vec4(0u, 1u, 2u, 3u);
		let at = start + min(outer, vec4(last)) * sizes.outerStride + min(k, sizes.inner - 1u) * sizes.innerStride;
		packed[to + q] = select(vec4(0.0), vec4(x[at.x], x[at.y], x[at.z], x[at.w]), outer < vec4(end));
	}
}
